// Makes package-lock.json anew from package.json: `node relock.mjs`.
//
// Some optional packages (binaries for other platforms) are not to be had from
// every registry. npm leaves those out of the lock file but not out of the list
// of the package that wants them, and `npm ci` then refuses its own file. So
// what is optional and not locked is taken off those lists.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const file = join(here, "package-lock.json");
rmSync(file, { force: true });
execFileSync("npm", ["install", "--package-lock-only"], { cwd: here, stdio: "inherit" });

const lock = JSON.parse(readFileSync(file, "utf8"));
const locked = (from, name) =>
  `${from}/node_modules/${name}` in lock.packages || `node_modules/${name}` in lock.packages;
for (const [path, pkg] of Object.entries(lock.packages)) {
  for (const name of Object.keys(pkg.optionalDependencies ?? {})) {
    if (locked(path, name)) continue;
    console.log(`not to be had here, left out: ${name} (of ${path})`);
    delete pkg.optionalDependencies[name];
  }
}
const text = JSON.stringify(lock, null, 2) + "\n";
if (text.includes('"resolved"')) throw new Error("the lock file holds download addresses: see .npmrc");
writeFileSync(file, text);

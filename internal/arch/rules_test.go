package arch

// imports says which packages of the module a package may import, beside those
// of the standard library. A package that is not listed fails: whoever adds one
// decides where it stands. Test files may import more; see testImports.
//
// The direction, from the outside in:
//
//	cmd → cli → client, app, deliver
//	app → everything but cli (the only package that knows the drivers)
//	httpapi → use cases → guard, seal, provider → store, custody, failover → core → secret
//	gateway → broker → failover, provider, seal, store
var imports = []struct {
	pkg string
	may string // separated by spaces, relative to the module; "" is the standard library alone
	why string
}{
	{"api", "", "wire types for anyone's program: nothing of ours, nothing to download"},
	{"failover", "", "public and pure: usable without the rest, and never holds a credential"},
	{"client", "api", "the SDK knows the wire and nothing behind it"},
	{"keyfobtest", "", "a test kit that stands apart cannot share a mistake with what it tests"},
	{"cmd/keyfob", "internal/cli", "os.Exit(cli.Main(...)) and nothing else"},

	{"internal/secret", "", "the bottom: a value that cannot be printed needs nobody"},
	{"internal/core", "internal/secret", "domain types depend on no mechanism"},
	{"internal/store", "internal/core", "a port speaks of records only; values reach it sealed"},
	{"internal/store/sqlite", "internal/core internal/store", "a driver knows its port, never another driver"},
	{"internal/store/storetest", "internal/core internal/store", "conformance is written against the port alone"},
	{"internal/custody", "internal/core internal/secret", "a port: hands over the root key, knows no use of it"},
	{"internal/custody/env", "internal/core internal/custody internal/secret", "a driver knows its port only"},
	{"internal/custody/file", "internal/core internal/custody internal/secret", "a driver knows its port only"},
	{"internal/upstream", "internal/core", "rules on addresses; knows no account"},
	{"internal/change", "internal/core internal/store", "the feed reads the store's changes, not their meaning"},
	{"internal/seal", "internal/core internal/custody internal/secret internal/store", "the only package that turns ciphertext into values"},
	{"internal/audit", "internal/core", "the form of the trail: verified offline, so with no store and no key but a public one"},
	{"internal/audit/sinkfile", "internal/audit internal/core", "a driver of the guard's sink: knows the form of the lines, nothing of where they come from"},
	{"internal/guard", "internal/audit internal/core internal/seal internal/store", "authorizes and audits; needs no use case to do so"},

	{"internal/provider", "failover internal/core internal/secret", "the adapters' port"},
	{"internal/provider/scan", "", "reads requests as they stream; knows no provider"},
	{"internal/provider/wire", "failover internal/core internal/provider internal/provider/scan internal/secret", "what the dialects share"},
	{"internal/provider/anthropic", "failover internal/core internal/provider internal/provider/scan internal/provider/wire internal/secret", "an adapter knows its port and the shared wire, never another adapter"},
	{"internal/provider/openai", "failover internal/core internal/provider internal/provider/scan internal/provider/wire internal/secret", "an adapter knows its port and the shared wire, never another adapter"},
	{"internal/provider/google", "failover internal/core internal/provider internal/provider/scan internal/provider/wire internal/secret", "an adapter knows its port and the shared wire, never another adapter"},
	{"internal/provider/builtin", "internal/provider internal/provider/anthropic internal/provider/google internal/provider/openai internal/provider/wire", "the registry as a value: the one list of adapters"},

	{"internal/target", "internal/core", "a rule on paths that whoever saves and whoever delivers both ask"},
	{"internal/vault", useCase + " internal/target", "a use case: guard and seal below it, no other use case beside it"},
	{"internal/org", useCase + " internal/account internal/vault", "a use case that is made of two others in one transaction"},
	{"internal/account", useCase + " internal/upstream", "a use case: guard and seal below it, no other use case beside it; base URLs are held to the server's rules"},
	{"internal/workspace", useCase + " internal/vault", "a use case; what is a secret's name and path has one home, vault"},
	{"internal/llm", useCase, "a use case: guard and seal below it, no other use case beside it"},
	{"internal/throttle", "internal/core", "counts failures by a key, in memory; needs nobody"},
	{"internal/identity", "internal/core internal/guard internal/secret internal/store internal/throttle", "a use case: who asks; values are not its business, so no seal"},
	{"internal/usage", useCase, "a use case: guard below it, no other use case beside it"},
	{"internal/upkeep", useCase + " internal/audit", "a use case, which hands the signing of the trail from one root key to the next"},

	{"internal/broker", "failover internal/change internal/core internal/provider internal/seal internal/secret internal/store internal/throttle internal/upstream internal/usage", "the hot path: reads snapshots, so it needs neither guard nor use cases but the counter"},
	{"internal/guard/guardtest", "internal/audit internal/core internal/guard internal/seal internal/secret internal/store internal/store/sqlite", "opens what tests of use cases stand on"},
	{"internal/broker/brokertest", "*", "wires a whole broker for tests, as app does"},
	{"internal/gateway", "api failover internal/broker internal/core internal/provider", "HTTP over the broker and nothing else: no store, no seal, no secret"},
	{"internal/deliver", "api internal/core internal/target", "runs in the workspace: sees the manifest, never the vault; asks again where the organisation's files lead"},
	{"internal/httpapi", "api docs/reference failover internal/account internal/audit internal/core internal/event internal/guard internal/identity internal/llm internal/org internal/provider internal/secret internal/store internal/throttle internal/upkeep internal/usage internal/vault internal/workspace", "translates HTTP to use cases; of the store it knows pages and filters only; no seal"},
	{"internal/httpapi/openapi", "api internal/httpapi", "describes the table of routes; part of no program"},
	{"docs/reference", "", "the generated reference, for a server to show"},
	{"internal/event", "internal/change internal/core internal/guard internal/store", "reads the feed and the log of changes for one actor, through the guard"},
	{"internal/config", "internal/core internal/secret", "what serve can be told: values and files, nothing that runs"},
	{"internal/listen", "internal/core", "ports, TLS and hosts; knows nothing of what is served"},
	{"internal/webui", "api internal/core internal/identity internal/throttle", "pages over the use cases of people; no store, no other use case"},
	{"internal/telemetry", "internal/core", "counts, spans and the log of a server; is told, and asks nobody"},
	{"internal/app", "*", "the only package that knows the drivers, so it may import all (never cli, see never)"},
	{"internal/cli", "api client internal/app internal/config internal/core internal/deliver keyfobtest", "over client only; app is how one machine gets a client; config is what serve can be told; keyfobtest is demo's provider"},

	{"internal/bench", "internal/broker/brokertest internal/built internal/core internal/gateway internal/identity internal/secret internal/store internal/vault internal/workspace", "measures the whole, from outside and part by part; linked into nothing"},
	{"internal/built", "", "makes the program that tests and measurements run"},
	{"internal/crash", "internal/built", "kills the built program from outside"},
	{"internal/attack", "internal/built", "attacks the built program from outside"},
	{"internal/arch", "", "looks at source, not at packages"},
	{"deploy", "internal/built", "files to install, and their tests"},
	{"scripts/image", "internal/built", "a build tool"},
	{"scripts/testrun", "", "a build tool"},
	{"scripts/fuzzrun", "", "a build tool"},
	{"scripts/apifuzz", "api client internal/built", "a build tool: makes the records that it then asks for"},
	{"e2e", "internal/built keyfobtest", "drives the built binary from outside"},
}

const useCase = "failover internal/core internal/guard internal/provider internal/seal internal/secret internal/store"

// never holds against "*" too.
var never = []struct{ pkg, imports, why string }{
	{"internal/app", "internal/cli", "the application runs without a terminal"},
	{"internal/app", "internal/deliver/ptytest", "no test kit in the binary"},
	{"internal/app", "keyfobtest", "no test kit in what serves"},
}

// modules says who may import an outside module: a dependency that one package
// holds can be replaced in one place.
var modules = []struct{ module, by, why string }{
	{"github.com/tink-crypto/tink-go/v2", "internal/seal", "one package does cryptography with keys"},
	{"modernc.org/sqlite", "internal/store/sqlite", "the driver's own"},
	{"github.com/pressly/goose/v3", "internal/store/sqlite", "migrations belong to the store that they migrate"},
	{"github.com/spf13/cobra", "internal/cli", "commands exist only there"},
	{"github.com/spf13/pflag", "internal/cli", "flags exist only there"},
	{"golang.org/x/term", "internal/cli internal/deliver", "terminals: prompts, and the child's"},
	{"github.com/creack/pty", "internal/cli internal/deliver e2e", "terminals in tests and for the child"},
	{"go.yaml.in/yaml/v3", "internal/config internal/vault internal/cli", "import of secrets; keyfob.yaml; the server's configuration"},
	{"github.com/prometheus/client_golang", "internal/telemetry", "metrics have one home"},
	{"go.opentelemetry.io/otel", "internal/telemetry", "traces have one home"},
	{"google.golang.org/protobuf", "internal/telemetry", "what a collector receives, in tests"},
	{"github.com/go-logr/logr", "internal/telemetry", "what OpenTelemetry's library logs could hold addresses"},
	{"github.com/agext/levenshtein", "internal/config", "which setting was meant"},
	{"github.com/danielgtaylor/huma/v2", "internal/httpapi/openapi", "schemas of Go types; in no program, for what its start would cost"},
	{"github.com/google/go-cmp", "internal/store/storetest", "differences that a person can read, in tests"},
	{"pgregory.net/rapid", "internal/store/storetest", "properties, in tests"},
	{"golang.org/x/sys", "internal/app internal/cli internal/custody/file internal/deliver internal/store/sqlite e2e", "locks, modes, signals and namespaces of the platform"},
}

// storedContexts says which types may hold a context as a field.
var storedContexts = []struct{ in, why string }{
	{"internal/cli: session", "one run from its start to the last trace gone: the clean-up must not end when the command's context does"},
}

// reveal says which packages may turn a secret.Secret into bytes. Each is a
// place where the bytes must leave the type to be of use.
var reveal = []struct{ pkg, why string }{
	{"internal/seal", "encrypts it, and takes the root key"},
	{"internal/custody/file", "writes and reads the root key's file"},
	{"internal/provider/wire", "puts a credential on a request to its provider"},
	{"internal/broker", "looks for an account's credential in what its upstream answers, to take it out"},
	{"internal/vault", "checks a value's size and bytes, and parses an import"},
	{"internal/account", "keeps a key's last four characters, by which people tell accounts apart"},
	{"internal/llm", "puts an MCP server's values together, which are sealed as one, and checks their bytes"},
	{"internal/workspace", "digests a session or gateway key, which is how they are stored"},
	{"internal/identity", "digests tokens, cookies, links and device codes, which is how they are stored"},
	{"internal/bench", "is a client with a token and a session key"},
	{"internal/broker/brokertest", "is a client with a gateway key, in tests"},
	{"internal/webui", "sets a browser's cookie"},
	{"internal/app", "joins a sign-in link, which is shown to the operator once"},
	{"internal/httpapi", "answers a reveal, a lookup and a manifest to whoever may have it"},
	{"internal/cli", "prints a launcher's key that it has just made, once"},
}

// sizes that a reader can hold. Test files are not measured.
const (
	maxFileLines     = 400
	maxFunctionLines = 80
)

// errorText are the packages that answer over HTTP: a client gets a code, a
// message and a hint, never an error's text, which only a log may have.
var errorText = []string{"internal/httpapi", "internal/gateway"}

// initCalls are functions that a package variable may not be made with: the work
// would be done at every start, in every command.
var initCalls = map[string]string{
	"regexp.MustCompile":      "compile it where it is used, behind sync.OnceValue",
	"html/template.Must":      "parse it where it is used, behind sync.OnceValue",
	"text/template.Must":      "parse it where it is used, behind sync.OnceValue",
	"os.Getenv":               "the environment is an argument",
	"os.LookupEnv":            "the environment is an argument",
	"encoding/json.Unmarshal": "decode it where it is used, behind sync.OnceValue",
}

// vague are names that say nothing of what a package is for.
var vague = []string{"util", "utils", "common", "helper", "helpers", "types", "misc", "shared", "base"}

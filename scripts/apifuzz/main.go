// Command apifuzz lets schemathesis, a property-based client made from an
// OpenAPI document, loose on a real server: no answer may be a fault of the
// server's own, undeclared, or hold a value that it may not.
//
// It installs the pinned schemathesis into a virtual environment below the
// user's cache directory, which takes Python 3.11 or newer and a package index
// the first time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"

	"keyfob/api"
)

func main() {
	examples := flag.Int("examples", 10, "requests of each kind to each route")
	seed := flag.Int("seed", 1, "of chance: the same one, the same requests")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *examples, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "apifuzz:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, examples, seed int) error {
	st, err := install(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "apifuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := start(ctx, dir)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.plant(ctx); err != nil {
		return fmt.Errorf("make records: %w", err)
	}
	var failed []string
	for _, p := range s.proofs {
		fmt.Printf("\n== as %s\n", p.name)
		if err := s.fuzz(ctx, st, p, examples, seed); err != nil {
			failed = append(failed, p.name+": "+err.Error())
		}
	}
	if len(failed) > 0 {
		s.tell(os.Stderr)
		return errors.New(strings.Join(failed, "; "))
	}
	return nil
}

// proof is one who asks.
type proof struct {
	name string
	text api.Key // a bearer token
	only string  // of the paths; a regular expression, empty: all
	ends bool    // may end itself: it finds its own id, and then asks as nobody
}

// checks are what each answer is held against; no_value is the hook's own.
const checks = "not_a_server_error,status_code_conformance,content_type_conformance," +
	"response_headers_conformance,response_schema_conformance,unsupported_method,no_value"

func (s *server) fuzz(ctx context.Context, st string, p proof, examples, seed int) error {
	args := []string{
		"run", s.url + "/openapi.json", "--checks", checks, "--max-examples", strconv.Itoa(examples), "--seed", strconv.Itoa(seed),
		"--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--request-timeout", "30", "--max-failures", "20", "--workers", "1",
		"--warnings", "off", "--exclude-operation-id", "followEvents",
	}
	if p.only != "" {
		args = append(args, "--include-path-regex", p.only)
	}
	if !p.ends {
		args = append(args, "--exclude-operation-id", "deleteToken", "--exclude-operation-id", "leaveWorkspace")
	}
	if err := os.WriteFile(filepath.Join(s.dir, "schemathesis.toml"), []byte(settings(p)), 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, st, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS=hooks.py", "NO_COLOR=1", "APIFUZZ_CANARIES="+strings.Join(s.canaries, ","), "APIFUZZ_KNOWN="+s.known)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// settings say who asks. Whoever has a proof sends that and no other; nobody
// sends what comes to schemathesis's mind.
func settings(p proof) string {
	headers := `headers = { "` + proxyHeader + `" = "` + proxySecret + `"`
	if p.text.IsZero() {
		return headers + " }\n"
	}
	return headers + `, Authorization = "Bearer ` + string(p.text.Bytes()) + `" }` + "\n[generation]\nwith-security-parameters = false\n"
}

// install gives the path of schemathesis. The directory's name holds a digest of
// the pins, so that other pins make another one.
func install(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "keyfob", "apifuzz-"+pinned())
	st := filepath.Join(dir, "bin", "st")
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return st, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	pins := filepath.Join(dir, "requirements.txt")
	for _, step := range [][]string{
		{"python3", "-m", "venv", dir},
		{filepath.Join(dir, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--requirement", pins},
	} {
		if step[0] != "python3" {
			if err := os.WriteFile(pins, requirements, 0o600); err != nil {
				return "", err
			}
		}
		cmd := exec.CommandContext(ctx, step[0], step[1:]...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%s: %w (this needs python3 with venv, and a package index)", strings.Join(step[:2], " "), err)
		}
	}
	return st, os.WriteFile(filepath.Join(dir, "complete"), nil, 0o600)
}

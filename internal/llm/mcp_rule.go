package llm

import (
	"bytes"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"keyfob/internal/core"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
)

// Bounds, in bytes where nothing else is said.
const (
	maxURL     = 2048
	maxCommand = 4096
	maxArgs    = 64 // of them
	maxArg     = 8 << 10
	maxNames   = 64 // headers, and variables
	maxEnvName = 256
	maxHeader  = 8 << 10
	maxEnv     = 32 << 10
	maxTimeout = 3600 // seconds
)

// checkMCP holds all rules on a server and on the values that come with it.
func checkMCP(m core.MCPServer, v values) error {
	if err := core.CheckName("MCP server", m.Name); err != nil {
		return err
	}
	if m.Timeout < 0 || m.Timeout > maxTimeout {
		return core.Errorf(core.Invalid, "a time-out of %d seconds cannot be", m.Timeout).WithField("timeout_seconds").
			WithHint("0 (the client's own) to %d", maxTimeout)
	}
	switch m.Transport {
	case core.MCPStdio:
		return checkStdio(m, v)
	case core.MCPHTTP, core.MCPSSE:
		return checkRemote(m, v)
	}
	return core.Errorf(core.Invalid, "there is no such transport").WithField("transport").WithHint("stdio, http or sse")
}

func checkStdio(m core.MCPServer, v values) error {
	switch {
	case m.URL != "":
		return misplaced("url", "a server of transport stdio has a command, no URL")
	case !v.token.IsZero():
		return misplaced("token", "a server of transport stdio takes no token; give it as a variable")
	case len(v.headers) > 0:
		return misplaced("headers", "a server of transport stdio takes no headers")
	}
	if why := badText(m.Command, maxCommand); why != "" {
		return core.Errorf(core.Invalid, "the command %s", why).WithField("command").WithHint("give the program to run, such as npx")
	}
	if len(m.Args) > maxArgs {
		return core.Errorf(core.Invalid, "%d arguments are too many", len(m.Args)).WithField("args").WithHint("at most %d", maxArgs)
	}
	for _, a := range m.Args {
		if len(a) > maxArg || !utf8.ValidString(a) || strings.ContainsRune(a, 0) {
			return core.Errorf(core.Invalid, "an argument is longer than %d bytes, or no text", maxArg).WithField("args").
				WithHint("give values as variables, not as arguments")
		}
	}
	return checkValues("env", v.env, maxEnv, envName())
}

func checkRemote(m core.MCPServer, v values) error {
	switch {
	case m.Command != "":
		return misplaced("command", "a server of transport http or sse has a URL, no command")
	case len(m.Args) > 0:
		return misplaced("args", "a server of transport http or sse takes no arguments")
	case len(v.env) > 0:
		return misplaced("env", "a server of transport http or sse takes no variables; give headers")
	}
	if err := checkURL(m.URL); err != nil {
		return err
	}
	if err := checkValue("token", v.token, maxHeader); err != nil {
		return err
	}
	for name := range v.headers {
		if slices.Contains(transportHeaders, strings.ToLower(name)) {
			return core.Errorf(core.Invalid, "the header %s belongs to the connection", name).WithField("headers").WithHint("leave it out")
		}
		if strings.EqualFold(name, "authorization") && !v.token.IsZero() {
			return core.Errorf(core.Invalid, "the token and the header Authorization exclude each other").WithField("headers").
				WithHint("give one of them")
		}
	}
	if name, twice := sameHeader(v.headers); twice {
		return core.Errorf(core.Invalid, "the header %s stands there twice", name).WithField("headers").WithHint("give it once")
	}
	return checkValues("headers", v.headers, maxHeader, headerName())
}

// transportHeaders say how a request travels; a value in one of them would
// split or misdirect it.
var transportHeaders = []string{
	"connection", "content-length", "content-type", "expect", "host", "keep-alive", "proxy-authorization", "proxy-connection",
	"te", "trailer", "transfer-encoding", "upgrade",
}

func sameHeader(headers map[string]secret.Secret) (string, bool) {
	seen := map[string]bool{}
	for name := range headers {
		if seen[strings.ToLower(name)] {
			return name, true
		}
		seen[strings.ToLower(name)] = true
	}
	return "", false
}

var (
	envName    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`) })
	headerName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$") })
)

func checkValues(field string, all map[string]secret.Secret, limit int, names *regexp.Regexp) error {
	if len(all) > maxNames {
		return core.Errorf(core.Invalid, "%d names are too many", len(all)).WithField(field).WithHint("at most %d", maxNames)
	}
	for name, v := range all {
		if len(name) > maxEnvName || !names.MatchString(name) {
			return core.Errorf(core.Invalid, "a name in %s cannot be one", field).WithField(field).
				WithHint("letters, digits and _ (headers: -), at most %d", maxEnvName)
		}
		if v.IsZero() {
			return core.Errorf(core.Invalid, "the value of %s is empty", name).WithField(field).WithHint("remove the name instead")
		}
		if err := checkValue(field, v, limit); err != nil {
			return err
		}
	}
	return nil
}

// checkValue refuses what would end a header or a variable early.
func checkValue(field string, v secret.Secret, limit int) error {
	b := v.Reveal()
	defer clear(b)
	never := "\x00\r\n"
	if field == "env" {
		never = "\x00"
	}
	if len(b) > limit || bytes.ContainsAny(b, never) {
		return core.Errorf(core.Invalid, "a value is longer than %d bytes, or holds a byte that cannot be in it", limit).WithField(field).
			WithHint("give text, without NUL and in a header without line breaks")
	}
	return nil
}

// checkURL lets values travel encrypted, or within this machine.
func checkURL(raw string) error {
	bad := func(why string) error {
		return core.Errorf(core.Invalid, "the URL is not usable: %s", why).WithField("url").
			WithHint("give it as https://mcp.example.com/path; http is for this machine alone")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > maxURL:
		return bad("it cannot be read, or is too long")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return bad("it has a fragment")
	case u.User != nil:
		return bad("it holds a user name or password; give a token or a header")
	case holdsKey(u):
		return bad("its query holds a key, and URLs are shown; give a token or a header")
	}
	if _, err := seal.Origin(raw); err != nil {
		return bad("it must be https, with a host in ASCII")
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return bad("plain http would send the values readable")
	}
	return nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// holdsKey finds the usual names under which people put a credential into a URL.
func holdsKey(u *url.URL) bool {
	for name := range u.Query() {
		plain := strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
		if slices.Contains([]string{"key", "apikey", "token", "accesstoken", "apitoken", "auth", "authtoken", "secret", "password"}, plain) {
			return true
		}
	}
	return false
}

func misplaced(field, why string) error {
	return core.Errorf(core.Invalid, "%s", why).WithField(field).WithHint("leave %s out", field)
}

//go:build linux

package attack

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/keyfobtest"
)

const (
	aliceKey = "sk-ant-api03-attack-alice-0123456789abcdef"
	orgKey   = "sk-ant-api03-attack-organisation-0123456789"
)

// upstreamAt is a provider on an address of its own, the one that is allowed.
func upstreamAt(t *testing.T, address string) (*keyfobtest.Provider, string) {
	t.Helper()
	p := keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{{Name: "alice", Key: aliceKey}, {Name: "org", Key: orgKey}}})
	return p, serveAt(t, address, p)
}

func serveAt(t *testing.T, address string, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", address+":0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }() // ends by Close
	t.Cleanup(func() { _ = srv.Close() })
	return "http://" + l.Addr().String()
}

// trap is a service that nobody may be led to: it counts who comes.
type trap struct {
	port string
	came atomic.Int32
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	l, err := net.Listen("tcp", ":0") // every address of this machine, IPv6 too
	if err != nil {
		t.Fatal(err)
	}
	tr := &trap{port: fmt.Sprint(l.Addr().(*net.TCPAddr).Port)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tr.came.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return tr
}

func (s *server) account(t *testing.T, path string, p *person, label, key, base string) {
	t.Helper()
	s.must(t, "POST", path, api.AccountCreate{Provider: "anthropic", Label: label, Key: val(key), BaseURL: base}, as(p.token))
}

const hello = `{"model":"test-large","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`

// throughGateway sends a request with a gateway key.
func (s *server) throughGateway(t testing.TB, gatewayKey string, changes ...how) answer {
	t.Helper()
	return s.ask(t, "POST", "/p/anthropic/default/v1/messages", hello, append(changes, with("X-Api-Key", gatewayKey))...)
}

func allowing(address string) setup {
	return setup{config: "upstream_allow: ['" + address + "']\n"}
}

// Whoever may change an account, but does not know its key, points it at a server
// of their own, and the next request brings the key there. So may a stolen token,
// an administrator who is not to see keys, a specification that somebody else
// reviews, and the URL of an MCP server with its token.
func TestRepointing(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.1.1"))
	s.keeps("alice's key", aliceKey)
	s.keeps("the organisation's key", orgKey)
	provider, good := upstreamAt(t, "127.88.1.1")
	thief, evil := upstreamAt(t, "127.88.1.1")
	alice := s.join(t, "alice")
	s.account(t, "/v1/accounts", alice, "work", aliceKey, good)
	s.account(t, "/v1/org/accounts", s.admin, "shared", orgKey, good)
	mcpToken := s.keeps("the MCP token", "mcp-token-that-a-thief-wants-0123456789")
	s.must(t, "POST", "/v1/mcp-servers", api.MCPServerCreate{Name: "docs", Transport: "http", URL: "https://mcp.example/x", Token: val(mcpToken)}, as(alice.token))
	elsewhere := []string{evil, strings.Replace(good, "http:", "https:", 1), "http://" + good[7:] + ".evil.example", "https://" + good[7:] + "@evil.example", "https://evil.example", good + "@evil.example/", "http://127.88.1.1:1", ""}
	s.unchanged(t, func() {
		for _, base := range elsewhere {
			got := s.ask(t, "PATCH", "/v1/accounts/anthropic/default/work", api.AccountUpdate{BaseURL: &base}, as(alice.token), whichever())
			if got.status != 400 {
				t.Errorf("alice's account to %s: %v", base, got)
			}
			got = s.ask(t, "PATCH", "/v1/org/accounts/anthropic/default/shared", api.AccountUpdate{BaseURL: &base}, as(s.admin.token), whichever())
			if got.status != 400 {
				t.Errorf("the organisation's account to %s: %v", base, got)
			}
			for _, dry := range []bool{true, false} {
				got = s.ask(t, "POST", "/v1/org/apply", api.OrgApply{DryRun: dry, Spec: api.OrgSpec{Accounts: []api.OrgAccount{{Provider: "anthropic", Label: "shared", BaseURL: base}}}}, as(s.admin.token))
				if got.status != 400 {
					t.Errorf("a specification with %s (dry run %v): %v", base, dry, got)
				}
			}
			s.ask(t, "PATCH", "/v1/accounts/anthropic/default/shared", api.AccountUpdate{BaseURL: &base}, as(alice.token), whichever()).want(t, "a user and the organisation's account", 404, "")
			s.ask(t, "PATCH", "/v1/org/accounts/anthropic/default/shared", api.AccountUpdate{BaseURL: &base}, as(alice.token), whichever()).want(t, "a user and the organisation's account", 403, "not_admin")
		}
		for _, to := range []string{"https://evil.example/x", "https://mcp.example.evil.example/x", "https://mcp.example@evil.example/x", "http://mcp.example/x", "https://mcp.example:8443/x"} {
			got := s.ask(t, "PATCH", "/v1/mcp-servers/docs", api.MCPServerUpdate{URL: &to}, as(alice.token), whichever())
			if got.status != 400 {
				t.Errorf("the MCP server to %s: %v", to, got)
			}
		}
	})
	w := s.workspace(t, alice, api.WorkspaceCreate{Gateway: true})
	s.throughGateway(t, key(w.GatewayKey)).want(t, "a request", 200, "")
	if n := len(thief.Requests()); n > 0 || len(provider.Requests()) != 1 {
		t.Errorf("the thief got %d requests, the provider %d", n, len(provider.Requests()))
	}
	// The path alone may change; so may all of it, by whoever knows the key.
	same := good + "/below"
	s.must(t, "PATCH", "/v1/accounts/anthropic/default/work", api.AccountUpdate{BaseURL: &same}, as(alice.token), whichever())
	anew := val("sk-ant-api03-attack-entered-anew-0123456789")
	s.must(t, "PATCH", "/v1/accounts/anthropic/default/work", api.AccountUpdate{BaseURL: &evil, Key: &anew}, as(alice.token), whichever())
	path := "https://mcp.example/other"
	s.must(t, "PATCH", "/v1/mcp-servers/docs", api.MCPServerUpdate{URL: &path}, as(alice.token), whichever())
}

// inside are forms of addresses that lead to the server's own machine or network.
func inside() []string {
	return []string{
		"127.0.0.1", "127.0.0.2", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.01", "0.0.0.0", "0", "00.0.0.0",
		"localhost", "LOCALHOST", "localhost.", "x.localhost", "localhost.localdomain", "ip6-localhost", "127.0.0.1.", "%31%32%37.0.0.1", "１２７.0.0.1", "127。0。0。1",
		"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::1]",
		"[fe80::1]", "[fe80::1%25lo]", "[::1%25lo]", "[fc00::1]", "[fd00:ec2::254]", "[ff02::1]", "[2001:db8::1]",
		"169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]",
		"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
	}
}

// A user gives an account the address of a service that only the server can
// reach: its own ports, the cloud's metadata, the machines beside it. The test of
// an account, and the gateway, would ask it and bring back what it says.
func TestServerSideRequestForgery(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.2.1"))
	trap := newTrap(t)
	provider, good := upstreamAt(t, "127.88.2.1")
	alice := s.join(t, "alice")
	s.account(t, "/v1/accounts", alice, "work", aliceKey, good)
	s.account(t, "/v1/org/accounts", s.admin, "shared", orgKey, good)
	s.must(t, "POST", "/v1/accounts/anthropic/default/work/test", nil, as(alice.token))
	came := len(provider.Requests())
	entered := val(aliceKey)
	s.unchanged(t, func() {
		for _, host := range inside() {
			for _, base := range []string{"https://" + host + ":" + trap.port, "http://" + host + ":" + trap.port + "/latest/"} {
				for _, got := range []answer{
					s.ask(t, "POST", "/v1/accounts", api.AccountCreate{Provider: "anthropic", Label: "in", Key: val(aliceKey), BaseURL: base}, as(alice.token), kept()),
					s.ask(t, "POST", "/v1/accounts", api.AccountCreate{Provider: "openai-compatible", Label: "in", Key: val(aliceKey), BaseURL: base}, as(alice.token), kept()),
					s.ask(t, "PATCH", "/v1/accounts/anthropic/default/work", api.AccountUpdate{BaseURL: &base, Key: &entered}, as(alice.token), whichever(), kept()),
					s.ask(t, "POST", "/v1/org/accounts", api.AccountCreate{Provider: "anthropic", Label: "in", Key: val(orgKey), BaseURL: base}, as(s.admin.token), kept()),
					s.ask(t, "POST", "/v1/org/apply", api.OrgApply{Spec: api.OrgSpec{Accounts: []api.OrgAccount{{Provider: "anthropic", Label: "in", Key: &entered, BaseURL: base}}}}, as(s.admin.token), kept()),
				} {
					if got.status != 400 {
						t.Errorf("%s: %v", base, got)
					}
				}
			}
		}
		for _, base := range []string{"file:///etc/passwd", "gopher://127.0.0.1:" + trap.port, "//127.0.0.1:" + trap.port, "127.0.0.1:" + trap.port, "https:127.0.0.1", "https:///x", "javascript:x", "http://api.example.com"} {
			s.ask(t, "POST", "/v1/accounts", api.AccountCreate{Provider: "anthropic", Label: "in", Key: val(aliceKey), BaseURL: base}, as(alice.token)).want(t, base, 400, "")
		}
	})
	if n := trap.came.Load(); n > 0 {
		t.Errorf("the server came to the trap %d times", n)
	}
	s.must(t, "POST", "/v1/accounts/anthropic/default/work/test", nil, as(alice.token))
	if len(provider.Requests()) != came+1 {
		t.Error("the account that is allowed was not tested")
	}
}

// A provider that was taken over, or a base URL that a user owns, answers with a
// redirect to where only the server can go: the metadata of its cloud.
func TestRedirectLeadsInside(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.3.1"))
	trap := newTrap(t)
	provider, good := upstreamAt(t, "127.88.3.1")
	alice := s.join(t, "alice")
	s.account(t, "/v1/accounts", alice, "work", aliceKey, good)
	w := s.workspace(t, alice, api.WorkspaceCreate{Gateway: true})
	s.throughGateway(t, key(w.GatewayKey)).want(t, "a good answer", 200, "")
	for _, to := range []string{"http://127.0.0.1:" + trap.port + "/latest/meta-data/", "//127.0.0.1:" + trap.port + "/", "http://169.254.169.254/", "https://evil.example/"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			b := keyfobtest.Redirect(to)
			b.Status = status
			provider.Set(aliceKey, b)
			got := s.throughGateway(t, key(w.GatewayKey))
			if got.status != 502 || got.header.Get("Location") != "" || strings.Contains(fmt.Sprint(got.header, string(got.body)), to) {
				t.Errorf("%d to %s: %v %v", status, to, got, got.header)
			}
			test := s.ask(t, "POST", "/v1/accounts/anthropic/default/work/test", nil, as(alice.token))
			if strings.Contains(string(test.body), `"ok":true`) || strings.Contains(string(test.body), to) {
				t.Errorf("the test of the account, %d to %s: %v", status, to, test)
			}
		}
	}
	if n := trap.came.Load(); n > 0 {
		t.Errorf("the server followed %d redirects", n)
	}
}

// Some name that an attacker owns resolves to the server's own machine, or does
// so from the second time on. So each address is looked at when it is dialled.
func TestNameLeadsInside(t *testing.T) {
	t.Parallel()
	trap, open := newTrap(t), newTrap(t) // one that counts, and one for the name that may be dialled
	names := map[string]string{
		"four.evil.example": "127.0.0.1", "six.evil.example": "::1", "mapped.evil.example": "::ffff:127.0.0.1", "any.evil.example": "0.0.0.0", "any6.evil.example": "::",
		"meta.evil.example": "169.254.169.254", "private.evil.example": "10.11.12.13", "other.evil.example": "127.9.9.9", "listed.example": "127.0.0.1",
	}
	hosts := "127.0.0.1 localhost\n"
	for name, address := range names {
		hosts += address + " " + name + "\n"
	}
	up := setup{config: "upstream_allow: [listed.example]\n", files: map[string]string{"hosts": hosts}}
	s := newServer(t, up)
	up.within = namespace(t, s)
	s.serve(t, up)
	s.admin = s.signIn(t, "local", s.link, s.code)
	w := s.workspace(t, s.admin, api.WorkspaceCreate{Gateway: true})
	for name := range names {
		label, _, _ := strings.Cut(name, ".")
		port := trap.port
		if name == "listed.example" {
			port = open.port
		}
		s.account(t, "/v1/accounts", s.admin, label, aliceKey, "https://"+name+":"+port)
		test := s.ask(t, "POST", "/v1/accounts/anthropic/default/"+label+"/test", nil, as(s.admin.token))
		sent := s.throughGateway(t, key(w.GatewayKey))
		came := trap.came.Load()
		if name == "listed.example" {
			if open.came.Load() == 0 {
				t.Errorf("the name that is listed was not dialled: %v %v", test, sent)
			}
		} else {
			test.want(t, "the test of "+name, 403, "upstream_refused")
			if came > 0 || sent.status < 400 || sent.header.Get("Keyfob-Local") == "" {
				t.Errorf("%s led inside %d times: %v", name, came, sent)
			}
		}
		s.must(t, "DELETE", "/v1/accounts/anthropic/default/"+label, nil, as(s.admin.token), whichever())
	}
}

// namespace is a command that starts the program where /etc/hosts is the server's
// own: in a name space for mounts, without root in one for users too.
func namespace(t *testing.T, s *server) []string {
	t.Helper()
	words := []string{"unshare", "--mount"}
	if os.Getuid() != 0 {
		words = append(words, "--user", "--map-root-user")
	}
	words = append(words, "sh", "-c", `mount --bind "$0" /etc/hosts && exec "$@"`, s.path("hosts"))
	if out, err := exec.Command(words[0], append(words[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("a name space for mounts cannot be made: %v %s", err, out)
	}
	return words
}

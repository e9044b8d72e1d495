//go:build linux

package attack

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"keyfob/api"
)

// person is somebody who is signed in with a command line and a browser.
type person struct {
	name   string
	token  string // every scope of their role but secrets:reveal
	reveal string // secrets:read and secrets:reveal
	cookie string // NAME=VALUE of their browser
	id     string // of the user
}

func asKey(text string) api.Key { return api.NewKey([]byte(text)) }

func val(text string) api.Value { return api.NewValue([]byte(text)) }

// join makes a user and signs them in.
func (s *server) join(t *testing.T, name string) *person {
	t.Helper()
	s.must(t, "POST", "/v1/users", api.UserCreate{Name: name}, as(s.admin.token))
	link, code := s.links(t, name)
	return s.signIn(t, name, link, code)
}

// links are what the operator makes for a user.
func (s *server) links(t *testing.T, name string) (link, code string) {
	t.Helper()
	out := s.run(t, nil, "user", "link", name)
	l, c := linkText.FindString(out), codeText.FindStringSubmatch(out)
	if l == "" || c == nil {
		t.Fatalf("no link and code in %s", out)
	}
	return l, c[2]
}

func (s *server) signIn(t *testing.T, name, link, code string) *person {
	t.Helper()
	p := &person{name: name}
	var in api.Login
	s.must(t, "POST", "/v1/login/token", api.LoginRequest{Code: asKey(code), Client: "the command line of " + name}).into(t, &in)
	p.token, p.reveal, p.id = string(in.Token.Value.Bytes()), string(in.Reveal.Value.Bytes()), in.User.ID
	p.cookie = s.browse(t, link)
	s.people = append(s.people, p)
	s.keeps(name+"'s token", p.token)
	s.keeps(name+"'s reveal token", p.reveal)
	_, value, _ := strings.Cut(p.cookie, "=")
	s.keeps(name+"'s cookie", value)
	return p
}

// browse opens a sign-in link and gives the cookie.
func (s *server) browse(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	got := s.ask(t, "GET", u.Path, nil, toHost(u.Host), with("Sec-Fetch-Site", "none"))
	cookie, _, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
	if got.status != 303 || !strings.Contains(cookie, "=kfb_") {
		t.Fatalf("the link signs nobody in: %v", got)
	}
	return cookie
}

// hostOfPages is the Host of the pages.
func (s *server) hostOfPages() string { return s.pages[strings.Index(s.pages, "//")+2:] }

// inBrowser is a request of the server's own page, in this person's browser.
func (s *server) inBrowser(p *person) how {
	return func(r *request) {
		r.Host = s.hostOfPages()
		with("Cookie", p.cookie, "Sec-Fetch-Site", "same-origin")(r)
		if r.Method != "GET" && r.Method != "HEAD" {
			with("Origin", s.pages)(r)
		}
	}
}

// secret gives this person a secret whose value is known to the search.
func (s *server) secret(t *testing.T, p *person, in api.SecretCreate, value string) api.Secret {
	t.Helper()
	in.Value = val(s.keeps(p.name+"'s "+in.Name, value))
	var out api.Secret
	s.must(t, "POST", "/v1/secrets", in, as(p.token)).into(t, &out)
	return out
}

// workspace makes one of this person's.
func (s *server) workspace(t *testing.T, p *person, in api.WorkspaceCreate) api.WorkspaceCreated {
	t.Helper()
	var out api.WorkspaceCreated
	s.must(t, "POST", "/v1/workspaces", in, as(p.token)).into(t, &out)
	s.keeps("session key of "+out.ID, key(out.SessionKey))
	s.keeps("gateway key of "+out.ID, key(out.GatewayKey))
	return out
}

func key(v interface{ Bytes() []byte }) string { return string(v.Bytes()) }

// usedAt is what a mere look changes.
var usedAt = regexp.MustCompile(`,"used_at":"[^"]*"`)

// state is everything that the people of this server have, as they see it.
func (s *server) state(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	see := func(p *person, paths ...string) {
		for _, path := range paths {
			a := s.ask(t, "GET", path, nil, as(p.token))
			if a.status != 200 {
				t.Fatalf("%s of %s: %v", path, p.name, a)
			}
			out[p.name+" "+path] = usedAt.ReplaceAllString(string(a.body), "")
		}
	}
	for _, p := range s.people {
		see(p, "/v1/secrets", "/v1/accounts", "/v1/pools", "/v1/profiles", "/v1/mcp-servers", "/v1/workspaces?ended=true", "/v1/tokens", "/v1/sessions")
	}
	if s.admin != nil {
		see(s.admin, "/v1/users", "/v1/org/secrets", "/v1/org/accounts", "/v1/org/pools")
	}
	return out
}

// unchanged runs an attack, after which everybody must have what they had.
func (s *server) unchanged(t testing.TB, attack func()) {
	t.Helper()
	before := s.state(t)
	attack()
	for what, after := range s.state(t) {
		if was, known := before[what]; known && was != after {
			t.Errorf("the attack changed %s\nfrom %s\nto   %s", what, was, after)
		}
	}
}

// stepUp asks for the approval of a reveal.
func (s *server) stepUp(t testing.TB, token, secret string) api.StepUp {
	t.Helper()
	var out api.StepUp
	s.must(t, "POST", "/v1/step-ups", api.StepUpAsk{Secret: secret}, as(token)).into(t, &out)
	return out
}

// approve is the click of this person in their browser.
func (s *server) approve(t testing.TB, p *person, id string) {
	t.Helper()
	s.must(t, "POST", "/step-up/"+id, "decision=approve", form(), s.inBrowser(p))
}

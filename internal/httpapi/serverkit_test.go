package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/change"
	"keyfob/internal/core"
	"keyfob/internal/event"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/httpapi"
	"keyfob/internal/identity"
	"keyfob/internal/org"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/upstream"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

// cookie is the name of the browser's cookie in these tests.
const cookie = "keyfob_test"

// kit is a server for people over real HTTP and a real store.
type kit struct {
	guardtest.Kit
	url      string
	handler  http.Handler
	server   *httpapi.Server
	identity *identity.Identity
	vault    *vault.Vault
	accounts *account.Accounts
	ws       *workspace.Workspaces
	feed     *change.Feed
	config   httpapi.Config
	log      *bytes.Buffer
	users    map[string]core.User
	launcher string              // the key of "tf", which acts for alice
	disabled map[string][]string // carol's proofs by kind, from before she was disabled
	count    *atomic.Int64
}

// answers is a provider that takes every credential.
type answers struct{}

func (answers) Probe(context.Context, core.Account, secret.Secret) (int, http.Header, []byte, error) {
	return http.StatusOK, http.Header{}, []byte(`{"data":[]}`), nil
}

func newKit(t *testing.T, change func(*httpapi.Config)) *kit {
	t.Helper()
	k := &kit{Kit: guardtest.New(t).Sound(t), log: &bytes.Buffer{}, users: map[string]core.User{}, count: &atomic.Int64{}}
	key := core.NewToken(core.LauncherPrefix)
	k.launcher = string(key.Reveal())
	var err error
	k.identity, err = identity.New(identity.Config{Guard: k.Guard, Store: k.Store, Launchers: []identity.Launcher{
		{Name: "tf", KeyDigest: core.TokenDigest(k.launcher), Users: []string{"alice"}, Labels: map[string]string{"by": "tf"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	k.people(t)
	k.wire(change)
	srv := httptest.NewServer(k.handler)
	t.Cleanup(srv.Close)
	k.url = srv.URL
	return k
}

func (k *kit) wire(edit func(*httpapi.Config)) {
	reg := builtin.Registry()
	k.vault = vault.New(k.Guard, k.Keys, vault.Limits{}, k.identity)
	k.accounts = account.New(k.Guard, k.Keys, reg, answers{}, upstream.Rules{})
	k.ws = workspace.New(k.Guard, k.Store, k.Keys, reg)
	k.feed = change.New(k.Store, 5*time.Millisecond)
	c := configOf(k.Kit, slog.New(slog.NewTextHandler(k.log, nil)))
	c.Vault, c.Accounts, c.Workspaces, c.Identity = k.vault, k.accounts, k.ws, k.identity
	c.Orgs, c.CookieName, c.Events = org.New(k.Guard, k.vault, k.accounts), cookie, event.New(k.Guard, k.feed)
	if edit != nil {
		edit(&c)
	}
	k.config, k.server = c, httpapi.New(c)
	inner := k.server.Server()
	// Each request comes from another address, unless it says from which: so that
	// one test's failures slow no other down.
	k.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := k.count.Add(1)
		r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:1000", n>>16&255, n>>8&255, n&255)
		if from := r.Header.Get("Test-From"); from != "" {
			r.RemoteAddr = from + ":1000"
			r.Header.Del("Test-From")
		}
		inner.ServeHTTP(w, r)
	})
}

// people are root, an administrator, alice and bob, who are not, and carol, who
// is disabled once she has proofs.
func (k *kit) people(t *testing.T) {
	t.Helper()
	if err := k.identity.EnsureFirst(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]core.Role{"root": core.RoleAdmin, "alice": core.RoleUser, "bob": core.RoleUser, "carol": core.RoleUser} {
		u, err := k.identity.CreateUser(t.Context(), core.LocalUser.On(core.Org), identity.NewUser{Name: name, Role: role})
		if err != nil {
			t.Fatal(err)
		}
		k.users[name] = u
	}
}

// as is the user with the vault open, for making records.
func (k *kit) as(name string) core.Actor {
	u := k.users[name]
	return core.Actor{Kind: core.UserActor, ID: u.ID, Owner: u.Owner(), Admin: u.Role == core.RoleAdmin, Scopes: core.AllScopes, Via: core.Via{Kind: core.ViaLocal}}
}

// write stores past the use cases, but with its entry in the trail.
func (k *kit) write(t *testing.T, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	act := guard.Act{Action: guard.LoginGrant, Subject: "test", Owner: core.Org}
	err := k.Guard.Do(t.Context(), core.System("test", core.Org), act, func(ctx context.Context, tx store.Tx, _ guard.Note) error { return fn(ctx, tx) })
	if err != nil {
		t.Fatal(err)
	}
}

// token is the text of a new token that ends so long from now.
func (k *kit) token(t *testing.T, user string, scopes core.Scopes, life time.Duration) string {
	t.Helper()
	text := string(core.NewToken(core.PersonalPrefix).Reveal())
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Microsecond)
	k.write(t, func(ctx context.Context, tx store.Tx) error {
		return tx.Tokens().Create(ctx, core.Token{
			ID: core.NewID("tok"), UserID: k.users[user].ID, Name: "test", Digest: core.TokenDigest(text),
			Scopes: scopes, CreatedAt: at, ExpiresAt: at.Add(time.Hour + life),
		})
	})
	return text
}

// browser is the cookie of a new browser session.
func (k *kit) browser(t *testing.T, user string) string {
	t.Helper()
	text := string(core.NewToken(core.BrowserPrefix).Reveal())
	at := time.Now().UTC().Truncate(time.Microsecond)
	k.write(t, func(ctx context.Context, tx store.Tx) error {
		return tx.Sessions().Create(ctx, core.BrowserSession{
			ID: core.NewID("brs"), UserID: k.users[user].ID, Digest: core.TokenDigest(text),
			Agent: "test", Address: "192.0.2.1", CreatedAt: at, ExpiresAt: at.Add(time.Hour),
		})
	})
	return text
}

// workspace is a new workspace with its keys.
func (k *kit) workspace(t *testing.T, a core.Actor) (id, session, gateway string) {
	t.Helper()
	w, s, g, err := k.ws.Create(t.Context(), a, workspace.Spec{Gateway: true})
	if err != nil {
		t.Fatal(err)
	}
	return w.ID, string(s.Reveal()), string(g.Reveal())
}

// fresh is a name that no record has.
func (k *kit) fresh(what string) string { return fmt.Sprintf("%s%d", what, k.count.Add(1)) }

// send sends a request over HTTP. headers are pairs; of a stream the first line
// is the body.
func (k *kit) send(t *testing.T, method, path, body string, headers ...string) reply {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, k.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return k.read(t, resp)
}

func (k *kit) read(t *testing.T, resp *http.Response) reply {
	t.Helper()
	var b []byte
	var err error
	if resp.Header.Get("Content-Type") == "text/event-stream" {
		b = make([]byte, 64)
		var n int
		n, err = resp.Body.Read(b)
		b = b[:n]
	} else {
		b, err = io.ReadAll(resp.Body)
	}
	if err != nil {
		t.Fatal(err)
	}
	return asReply(t, resp.StatusCode, resp.Header, b)
}

func asReply(t *testing.T, status int, h http.Header, body []byte) reply {
	t.Helper()
	out := reply{status: status, header: h, body: string(body)}
	if status >= 400 && len(body) > 0 {
		out.problem = problemOf(t, h, body)
		if out.problem.Status != status {
			t.Errorf("the problem says %d, the answer %d", out.problem.Status, status)
		}
	}
	return out
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func (k *kit) sameOrigin(cookieText string) []string {
	return []string{"Cookie", cookie + "=" + cookieText, "Origin", k.url, "Sec-Fetch-Site", "same-origin"}
}

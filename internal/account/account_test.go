package account_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keyfob/failover"
	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/provider"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
)

type fixture struct {
	*account.Accounts
	guard *guard.Guard
	store store.Store
	keys  *seal.Keys
}

func newFixture(t testing.TB) fixture {
	t.Helper()
	st, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "keyfob.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	root, err := seal.NewRootKey(secret.New(key))
	if err != nil {
		t.Fatal(err)
	}
	g, keys := guard.New(st, "here"), seal.NewKeys(root)
	return fixture{Accounts: account.New(g, keys, builtin.Registry(), prober{}), guard: g, store: st, keys: keys}
}

// prober sends the adapter's own request.
type prober struct{}

func (prober) Probe(ctx context.Context, a core.Account, cred secret.Secret) (int, http.Header, []byte, error) {
	ad, err := builtin.Registry().Get(a.Provider)
	if err != nil {
		return 0, nil, nil, err
	}
	req := ad.ModelsRequest().Clone(ctx)
	if err := ad.Apply(req, provider.Credential{Kind: a.Kind, Value: cred, BaseURL: a.BaseURL}); err != nil {
		return 0, nil, nil, err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, body, err
}

const testKey = "sk-test-0123456789abcdef"

func ref(t testing.TB, s string) account.Ref {
	t.Helper()
	r, err := account.ParseRef(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (f fixture) add(t testing.TB, name string) core.Account {
	t.Helper()
	r := ref(t, name)
	a, err := f.Add(context.Background(), core.LocalUser, account.NewAccount{
		Provider: r.Provider, Namespace: r.Namespace, Label: r.Label, Key: secret.FromString(testKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (f fixture) update(t testing.TB, name string, e account.Edit) core.Account {
	t.Helper()
	a, err := f.Update(context.Background(), core.LocalUser, ref(t, name), e)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// pools is the accounts in order as "REF POSITION".
func (f fixture) pools(t testing.TB) string {
	t.Helper()
	list, _, err := f.List(context.Background(), core.LocalUser)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range list {
		out = append(out, fmt.Sprint(a.Ref(), " ", a.Position))
	}
	return strings.Join(out, ", ")
}

func (f fixture) trail(t testing.TB) []string {
	t.Helper()
	var out []string
	err := f.store.View(context.Background(), func(tx store.Tx) error {
		return tx.Audit().Walk(context.Background(), "here", func(e core.AuditEntry) error {
			out = append(out, e.Action+" "+e.Subject+" "+e.Outcome)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (f fixture) sound(t testing.TB) {
	t.Helper()
	v, err := f.guard.Verify(context.Background())
	if err != nil || !v.OK() {
		t.Errorf("trail and store differ: %+v, %v", v.Problems, err)
	}
}

// key is the stored credential, opened by the store's own record.
func (f fixture) key(t testing.TB, name string) (out string) {
	t.Helper()
	r := ref(t, name)
	err := f.store.View(context.Background(), func(tx store.Tx) error {
		a, err := tx.Accounts().Get(context.Background(), core.Local, r.Provider, r.Namespace, r.Label)
		if err != nil {
			return err
		}
		k, err := f.keys.Open(context.Background(), tx.Vault(), core.Local)
		if err != nil {
			return err
		}
		v, err := k.Open(seal.AccountBinding(a.Account), a.Ciphertext)
		out = string(v.Reveal())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (f fixture) mark(t testing.TB, a core.Account, kind string) {
	t.Helper()
	err := f.store.Update(context.Background(), func(tx store.Tx) error {
		return tx.Health().Merge(context.Background(), []core.Health{{
			AccountID: a.ID, Kind: kind, Until: time.Now().Add(time.Hour), Epoch: a.Epoch, UpdatedAt: time.Now(),
		}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (f fixture) health(t testing.TB, name string) []core.Health {
	t.Helper()
	_, h, err := f.Get(context.Background(), core.LocalUser, ref(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func wantCode(t testing.TB, err error, code core.Code, text string) {
	t.Helper()
	e, ok := err.(*core.Error)
	if !ok || e.Code != code || !strings.Contains(e.Message, text) || e.Hint == "" {
		t.Errorf("error %#v, want %s with %q and a hint", err, code, text)
	}
}

func to[T any](v T) *T { return &v }

func TestParseRef(t *testing.T) {
	for in, want := range map[string]account.Ref{
		"anthropic/work":     {Provider: "anthropic", Namespace: "default", Label: "work"},
		"openai/team/a@b.de": {Provider: "openai", Namespace: "team", Label: "a@b.de"},
	} {
		if got, err := account.ParseRef(in); err != nil || got != want {
			t.Errorf("%q is %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "a", "/", "a/", "/b", "a/b/c/d", "a//b", "a/b c", "a/-b", "a/..", "a/" + strings.Repeat("x", 65)} {
		if _, err := account.ParseRef(in); core.CodeOf(err) != core.Invalid {
			t.Errorf("%q gives %v", in, err)
		}
	}
}

func TestAccountsLife(t *testing.T) {
	f := newFixture(t)
	a := f.add(t, "anthropic/work")
	got, health, err := f.Get(t.Context(), core.LocalUser, ref(t, "anthropic/work"))
	if err != nil || len(health) > 0 {
		t.Fatal(health, err)
	}
	if diff := cmp.Diff(a, got); diff != "" {
		t.Error("stored differs from added: " + diff)
	}
	if a.BaseURL != "https://api.anthropic.com" || a.Fingerprint != "cdef" || !a.Enabled || a.Kind != core.APIKey {
		t.Errorf("added %+v", a)
	}
	if k := f.key(t, "anthropic/work"); k != testKey {
		t.Errorf("key %q", k)
	}
	moved := f.update(t, "anthropic/work", account.Edit{Label: to("home"), Namespace: to("team"), QuotaGroup: to("g"), Enabled: to(false), Version: 1})
	if moved.Ref() != "anthropic/team/home" || moved.QuotaGroup != "g" || moved.Enabled || moved.Version != 2 || moved.ValueVersion != 1 {
		t.Errorf("moved %+v", moved)
	}
	if k := f.key(t, "anthropic/team/home"); k != testKey {
		t.Errorf("key %q", k)
	}
	f.sound(t)
	if err := f.Delete(t.Context(), core.LocalUser, ref(t, "anthropic/team/home")); err != nil {
		t.Fatal(err)
	}
	if p := f.pools(t); p != "" {
		t.Errorf("left %s", p)
	}
	f.sound(t)
	want := []string{"account.add account:anthropic/work ok", "account.update account:anthropic/work ok", "account.delete account:anthropic/team/home ok"}
	if diff := cmp.Diff(want, f.trail(t)); diff != "" {
		t.Error(diff)
	}
}

func TestAddRefuses(t *testing.T) {
	f := newFixture(t)
	ok := account.NewAccount{Provider: "anthropic", Label: "work", Key: secret.FromString(testKey)}
	for name, c := range map[string]struct {
		edit func(*account.NewAccount)
		want string
	}{
		"provider":         {func(n *account.NewAccount) { n.Provider = "nobody" }, "unknown provider"},
		"label":            {func(n *account.NewAccount) { n.Label = "a/b" }, "cannot be the label"},
		"no label":         {func(n *account.NewAccount) { n.Label = "" }, "cannot be the label"},
		"namespace":        {func(n *account.NewAccount) { n.Namespace = "a b" }, "cannot be the namespace"},
		"quota group":      {func(n *account.NewAccount) { n.QuotaGroup = "a b" }, "cannot be the quota group"},
		"key":              {func(n *account.NewAccount) { n.Key = secret.Secret{} }, "key is empty"},
		"base URL":         {func(n *account.NewAccount) { n.BaseURL = "http://example.com" }, "http"},
		"base URL missing": {func(n *account.NewAccount) { n.Provider = "openai-compatible" }, "needs a base URL"},
	} {
		n := ok
		c.edit(&n)
		_, err := f.Add(t.Context(), core.LocalUser, n)
		wantCode(t, err, core.Invalid, c.want)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	if got := f.trail(t); len(got) > 0 {
		t.Errorf("what cannot be left entries: %q", got)
	}
	f.add(t, "anthropic/work")
	_, err := f.Add(t.Context(), core.LocalUser, ok)
	wantCode(t, err, core.Conflict, "anthropic/work already")
	if got := f.trail(t); got[1] != "account.add account:anthropic/work failed" {
		t.Errorf("trail %q", got)
	}
	f.sound(t)
}

func TestShortKeysHaveNoFingerprint(t *testing.T) {
	f := newFixture(t)
	for n, want := range map[int]string{19: "", 20: "xxxx"} {
		a, err := f.Add(t.Context(), core.LocalUser, account.NewAccount{
			Provider: "anthropic", Label: fmt.Sprint("l", n), Key: secret.FromString(strings.Repeat("x", n)),
		})
		if err != nil || a.Fingerprint != want {
			t.Errorf("%d characters: %q, %v", n, a.Fingerprint, err)
		}
	}
}

func TestAnotherOriginNeedsTheKeyAgain(t *testing.T) {
	f := newFixture(t)
	f.add(t, "openai/work")
	_, err := f.Update(t.Context(), core.LocalUser, ref(t, "openai/work"), account.Edit{BaseURL: to("https://evil.example/v1")})
	wantCode(t, err, core.Invalid, "bound to https://api.openai.com:443")
	if k := f.key(t, "openai/work"); k != testKey {
		t.Errorf("key %q", k)
	}
	same := f.update(t, "openai/work", account.Edit{BaseURL: to("https://api.openai.com/v2")})
	if same.ValueVersion != 1 || same.BaseURL != "https://api.openai.com/v2" || f.key(t, "openai/work") != testKey {
		t.Errorf("another path of the same origin: %+v", same)
	}
	next := f.update(t, "openai/work", account.Edit{BaseURL: to("https://other.example/v1"), Key: to(secret.FromString("another-key-0123456789"))})
	if next.ValueVersion != 2 || next.Fingerprint != "6789" || f.key(t, "openai/work") != "another-key-0123456789" {
		t.Errorf("with the key: %+v", next)
	}
	_, err = f.Update(t.Context(), core.LocalUser, ref(t, "openai/work"), account.Edit{BaseURL: to("")})
	wantCode(t, err, core.Invalid, "bound to https://other.example:443")
	f.sound(t)
}

func TestUpdateRefuses(t *testing.T) {
	f := newFixture(t)
	f.add(t, "anthropic/a")
	f.add(t, "anthropic/b")
	f.add(t, "anthropic/team/a")
	for name, c := range map[string]struct {
		edit account.Edit
		code core.Code
		want string
	}{
		"nothing":       {account.Edit{}, core.Invalid, "nothing to change"},
		"position":      {account.Edit{Position: to(-1)}, core.Invalid, "below 0"},
		"label":         {account.Edit{Label: to("")}, core.Invalid, "label"},
		"namespace":     {account.Edit{Namespace: to("")}, core.Invalid, "namespace"},
		"quota group":   {account.Edit{QuotaGroup: to("/")}, core.Invalid, "quota group"},
		"key":           {account.Edit{Key: to(secret.FromString("a\nb"))}, core.Invalid, "line break"},
		"base URL":      {account.Edit{BaseURL: to("ftp://x")}, core.Invalid, "scheme"},
		"label taken":   {account.Edit{Label: to("b")}, core.Conflict, "anthropic/b already"},
		"name taken":    {account.Edit{Namespace: to("team")}, core.Conflict, "anthropic/team/a already"},
		"stale version": {account.Edit{Enabled: to(false), Version: 9}, core.Conflict, "version 1 by now, not 9"},
	} {
		_, err := f.Update(t.Context(), core.LocalUser, ref(t, "anthropic/a"), c.edit)
		if e, ok := err.(*core.Error); !ok || e.Code != c.code || !strings.Contains(e.Message, c.want) || e.Hint == "" {
			t.Errorf("%s: %#v", name, err)
		}
	}
	_, err := f.Update(t.Context(), core.LocalUser, ref(t, "anthropic/x"), account.Edit{Enabled: to(false)})
	wantCode(t, err, core.NotFound, "no account anthropic/x")
	if got, want := f.pools(t), "anthropic/a 0, anthropic/b 1, anthropic/team/a 0"; got != want {
		t.Errorf("after refusals: %s", got)
	}
}

func TestPositions(t *testing.T) {
	f := newFixture(t)
	for _, n := range []string{"a", "b", "c", "d"} {
		f.add(t, "anthropic/"+n)
	}
	f.add(t, "openai/z")
	steps := []struct {
		name string
		edit account.Edit
		want string
	}{
		{"anthropic/d", account.Edit{Position: to(0)}, "anthropic/d 0, anthropic/a 1, anthropic/b 2, anthropic/c 3, openai/z 0"},
		{"anthropic/d", account.Edit{Position: to(2)}, "anthropic/a 0, anthropic/b 1, anthropic/d 2, anthropic/c 3, openai/z 0"},
		{"anthropic/a", account.Edit{Position: to(99)}, "anthropic/b 0, anthropic/d 1, anthropic/c 2, anthropic/a 3, openai/z 0"},
		{"anthropic/d", account.Edit{Namespace: to("n")}, "anthropic/b 0, anthropic/c 1, anthropic/a 2, anthropic/n/d 0, openai/z 0"},
		{"anthropic/a", account.Edit{Namespace: to("n"), Position: to(0)}, "anthropic/b 0, anthropic/c 1, anthropic/n/a 0, anthropic/n/d 1, openai/z 0"},
		{"anthropic/c", account.Edit{Label: to("e")}, "anthropic/b 0, anthropic/e 1, anthropic/n/a 0, anthropic/n/d 1, openai/z 0"},
	}
	for _, s := range steps {
		f.update(t, s.name, s.edit)
		if got := f.pools(t); got != s.want {
			t.Fatalf("%s %+v gives\n%s, want\n%s", s.name, s.edit, got, s.want)
		}
	}
	if err := f.Delete(t.Context(), core.LocalUser, ref(t, "anthropic/b")); err != nil {
		t.Fatal(err)
	}
	if got, want := f.pools(t), "anthropic/e 0, anthropic/n/a 0, anthropic/n/d 1, openai/z 0"; got != want {
		t.Errorf("after a removal: %s", got)
	}
	f.sound(t)
}

// Whatever is done, each pool is numbered from 0 without gaps.
func TestPositionsStayDense(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFixture(t)
		names := []string{"anthropic/a", "anthropic/b", "anthropic/c", "anthropic/n/a", "anthropic/n/b"}
		name := rapid.SampledFrom(names)
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			n := ref(t, name.Draw(rt, "name"))
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 0, 1:
				_, _ = f.Add(t.Context(), core.LocalUser, account.NewAccount{Provider: n.Provider, Namespace: n.Namespace, Label: n.Label, Key: secret.FromString(testKey)})
			case 2:
				_ = f.Delete(t.Context(), core.LocalUser, n)
			case 3:
				_, _ = f.Update(t.Context(), core.LocalUser, n, account.Edit{Position: to(rapid.IntRange(0, 4).Draw(rt, "position"))})
			case 4:
				to := ref(t, name.Draw(rt, "to"))
				_, _ = f.Update(t.Context(), core.LocalUser, n, account.Edit{Namespace: &to.Namespace, Label: &to.Label})
			}
		}
		list, _, err := f.List(t.Context(), core.LocalUser)
		if err != nil {
			rt.Fatal(err)
		}
		next := map[string]int{}
		for _, a := range list {
			if a.Position != next[a.Namespace] {
				rt.Fatalf("positions %s", f.pools(t))
			}
			next[a.Namespace]++
		}
	})
}

func TestEveryWriteAddsAVersion(t *testing.T) {
	f := newFixture(t)
	f.add(t, "anthropic/a")
	f.add(t, "anthropic/b")
	if b := f.update(t, "anthropic/b", account.Edit{Position: to(0)}); b.Version != 2 {
		t.Errorf("%+v", b)
	}
	if a, _, err := f.Get(t.Context(), core.LocalUser, ref(t, "anthropic/a")); err != nil || a.Version != 2 || a.Position != 1 {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestConcurrentEditsOneConflict(t *testing.T) {
	f := newFixture(t)
	f.add(t, "anthropic/a")
	var won, conflicts atomic.Int32
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			_, err := f.Update(context.Background(), core.LocalUser, account.Ref{Provider: "anthropic", Label: "a"}, account.Edit{QuotaGroup: to(fmt.Sprint("g", i)), Version: 1})
			switch core.CodeOf(err) {
			case "":
				won.Add(1)
			case core.Conflict:
				conflicts.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || conflicts.Load() != 3 {
		t.Errorf("%d won, %d conflicts", won.Load(), conflicts.Load())
	}
}

func TestClearAndReplaceEndWhatIsHeld(t *testing.T) {
	f := newFixture(t)
	a := f.add(t, "anthropic/a")
	f.mark(t, a, "limited")
	if h := f.health(t, "anthropic/a"); len(h) != 1 || h[0].Kind != "limited" {
		t.Fatalf("health %+v", h)
	}
	if err := f.Clear(t.Context(), core.LocalUser, ref(t, "anthropic/a")); err != nil {
		t.Fatal(err)
	}
	if h := f.health(t, "anthropic/a"); len(h) > 0 {
		t.Errorf("after clear: %+v", h)
	}
	f.mark(t, a, "dead") // late news of the old epoch
	if h := f.health(t, "anthropic/a"); len(h) > 0 {
		t.Errorf("news of an old epoch counts: %+v", h)
	}
	a.Epoch = 1
	f.mark(t, a, "dead")
	got := f.update(t, "anthropic/a", account.Edit{Key: to(secret.FromString(testKey + "2"))})
	if h := f.health(t, "anthropic/a"); len(h) > 0 || got.Epoch != 2 {
		t.Errorf("after a new key: %+v, epoch %d", h, got.Epoch)
	}
	if stored, _, _ := f.Get(t.Context(), core.LocalUser, ref(t, "anthropic/a")); stored.Epoch != got.Epoch {
		t.Errorf("stored epoch %d, told %d", stored.Epoch, got.Epoch)
	}
}

func TestNobodyElseGetsAtAccounts(t *testing.T) {
	f := newFixture(t)
	f.add(t, "anthropic/a")
	for _, kind := range []core.ActorKind{core.WorkspaceActor, core.GatewayActor, core.SystemActor} {
		actor, r := core.Actor{Kind: kind, ID: "x", Owner: core.Local}, ref(t, "anthropic/a")
		_, add := f.Add(t.Context(), actor, account.NewAccount{Provider: "anthropic", Label: "b", Key: secret.FromString(testKey)})
		_, update := f.Update(t.Context(), actor, r, account.Edit{Enabled: to(false)})
		_, _, get := f.Get(t.Context(), actor, r)
		_, _, list := f.List(t.Context(), actor)
		_, test := f.Test(t.Context(), actor, r)
		for name, err := range map[string]error{
			"add": add, "update": update, "get": get, "list": list, "test": test,
			"delete": f.Delete(t.Context(), actor, r), "clear": f.Clear(t.Context(), actor, r),
		} {
			if core.CodeOf(err) != core.Forbidden {
				t.Errorf("%s: %s gives %v", kind, name, err)
			}
		}
	}
}

// upstream is an OpenAI-compatible account at a server that answers so.
func (f fixture) upstream(t *testing.T, status int, body string) (key *string) {
	t.Helper()
	seen := new(string)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*seen = r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	_, err := f.Add(t.Context(), core.LocalUser, account.NewAccount{
		Provider: "openai-compatible", Label: "t", Key: secret.FromString(testKey), BaseURL: srv.URL + "/v1",
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestTest(t *testing.T) {
	const name = "openai-compatible/t"
	for title, c := range map[string]struct {
		status  int
		body    string
		verdict failover.Kind
		held    string // kind, where "limited" was held before
	}{
		"good":     {200, `{"data":[{"id":"m1"},{"id":"m2"}]}`, failover.OK, ""},
		"dead":     {401, `{"error":{"code":"invalid_api_key"}}`, failover.Dead, "dead"},
		"overload": {503, `{}`, failover.Overloaded, "limited"},
	} {
		t.Run(title, func(t *testing.T) {
			f := newFixture(t)
			sent := f.upstream(t, c.status, c.body)
			a, _, _ := f.Get(t.Context(), core.LocalUser, ref(t, name))
			f.mark(t, a, "limited")
			got, err := f.Test(t.Context(), core.LocalUser, ref(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if got.Status != c.status || got.Verdict.Kind != c.verdict || (c.status == 200) != (len(got.Models) == 2) {
				t.Errorf("result %+v", got)
			}
			if *sent != "Bearer "+testKey {
				t.Errorf("the provider was sent %q", *sent)
			}
			held := ""
			for _, h := range f.health(t, name) {
				held = h.Kind
			}
			if held != c.held {
				t.Errorf("held %q, want %q", held, c.held)
			}
			want := []string{"account.test account:" + name + " attempt", "account.test account:" + name + " ok", "account.health account:" + name + " ok"}
			if diff := cmp.Diff(want, f.trail(t)[1:]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTestOfWhatIsNoProvider(t *testing.T) {
	f := newFixture(t)
	f.upstream(t, 200, "<html>hello</html>")
	a, _, _ := f.Get(t.Context(), core.LocalUser, ref(t, "openai-compatible/t"))
	f.mark(t, a, "limited")
	_, err := f.Test(t.Context(), core.LocalUser, ref(t, "openai-compatible/t"))
	wantCode(t, err, core.Unavailable, "not with a list of models")
	if len(f.health(t, "openai-compatible/t")) != 1 {
		t.Error("a page that is no API cleared the account")
	}
	if got := f.trail(t); got[len(got)-1] != "account.health account:openai-compatible/t failed" {
		t.Errorf("trail %q", got)
	}
}

func TestTestOfUnreachable(t *testing.T) {
	f := newFixture(t)
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	if _, err := f.Add(t.Context(), core.LocalUser, account.NewAccount{
		Provider: "openai-compatible", Label: "t", Key: secret.FromString(testKey), BaseURL: srv.URL,
	}); err != nil {
		t.Fatal(err)
	}
	_, err := f.Test(t.Context(), core.LocalUser, ref(t, "openai-compatible/t"))
	wantCode(t, err, core.Unavailable, "did not answer")
	if len(f.health(t, "openai-compatible/t")) > 0 {
		t.Error("a network that is away is held against the account")
	}
}

package account_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/failover"
	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/secret"
)

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
			if diff := cmp.Diff(want, f.Acts(t)[1:]); diff != "" {
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
	if got := f.Acts(t); got[len(got)-1] != "account.health account:openai-compatible/t failed" {
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

package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/usage"
	"keyfob/internal/workspace"
	"keyfob/keyfobtest"
)

func TestUsageIsCounted(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	r.provider.Queue(keyOne, keyfobtest.RateLimited(time.Hour))
	r.provider.Queue(keyTwo, keyfobtest.OK(), keyfobtest.OK(), keyfobtest.Behaviour{OmitUsage: true}, keyfobtest.Status(400, ""))
	r.post(ask)    // one is limited, two answers
	r.post(stream) // two
	r.post(ask)    // two, without saying what it used
	r.post(ask)    // two: 400
	// The counting ends after the client has its answer.
	var got map[string]core.Usage
	eventually(t, "all four are counted", func() bool {
		got = counted(t, r)
		return got["two"].Requests == 4
	})
	if u := got["one"]; u.Rotations != 1 || u.Requests != 0 {
		t.Errorf("one: %+v", u)
	}
	if u := got["two"]; u.Errors != 1 || u.Unreported != 1 || u.InputTokens == 0 || u.OutputTokens == 0 || u.Model != "test-large" || u.Workspace == "" {
		t.Errorf("two: %+v", u)
	}
}

// The upstream took requests, closed the connection, and billed for the work. In
// the counts there was nothing of them: no request, and no answer of which the
// use is unknown.
func TestUnansweredWorkIsCountedAsUnknown(t *testing.T) {
	r := newRig(t, keyfobtest.Drop(keyfobtest.AfterRequest))
	if got := r.post(ask); got.header.Get("Keyfob-Local") != "upstream_ambiguous" {
		t.Fatalf("status %d, header %v", got.status, got.header)
	}
	got := counted(t, r)
	if u := got["one"]; u.Requests != 1 || u.Errors != 1 || u.Unreported != 1 || u.InputTokens != 0 {
		t.Errorf("one: %+v", u)
	}
	if _, ok := got["two"]; ok {
		t.Errorf("two: %+v", got["two"])
	}
}

func counted(t *testing.T, r *rig) map[string]core.Usage {
	t.Helper()
	if err := r.home.Usage.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	us, err := usage.Read(t.Context(), r.home.Guard, core.LocalUser, time.Now().Add(-48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	accounts, _, err := r.home.Accounts.List(t.Context(), core.LocalUser, store.Page{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]core.Usage{}
	for _, u := range us {
		for _, a := range accounts {
			if a.ID == u.AccountID {
				out[a.Label] = u
			}
		}
	}
	return out
}

// A workspace may have another provider of the same dialect answer.
func TestProviderMapping(t *testing.T) {
	r := emptyRig(t, newProvider(t, keyfobtest.OK(), keyfobtest.OK()))
	r.account("openrouter", "one", keyOne, r.provider.URL()+"/v1")
	r.key = r.workspace(workspace.Spec{Providers: map[string]string{"openai": "openrouter"}})
	q := r.request(http.MethodPost, "/p/openai/default/v1/chat/completions", ask)
	q.Header.Del("X-Api-Key")
	q.Header.Set("Authorization", "Bearer "+r.key)
	got := r.send(q)
	if got.status != http.StatusOK || got.header.Get("Keyfob-Account") != "openrouter/one" {
		t.Errorf("status %d by %q: %s", got.status, got.header.Get("Keyfob-Account"), got.body)
	}
}

func TestProbe(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	for label, want := range map[string]int{"one": http.StatusOK, "two": http.StatusUnauthorized} {
		if want != http.StatusOK {
			r.provider.Remove(keyTwo)
		}
		got, err := r.home.Accounts.Test(t.Context(), core.LocalUser, account.Ref{Provider: "anthropic", Label: label})
		if err != nil || got.Status != want {
			t.Errorf("%s: status %d, %v", label, got.Status, err)
		}
		if want == http.StatusOK && len(got.Models) == 0 {
			t.Errorf("%s: no models", label)
		}
	}
}

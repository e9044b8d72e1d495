package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/broker/brokertest"
	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/workspace"
	"keyfob/keyfobtest"
)

// The client sees one good answer; the provider saw the first account, then the
// second, with the same body.
func TestFailoverInsideOneRequest(t *testing.T) {
	for _, tt := range []struct {
		name string
		one  keyfobtest.Behaviour
		body string
	}{
		{"rate limit", keyfobtest.RateLimited(time.Hour), ask},
		{"rate limit of a stream", keyfobtest.RateLimited(time.Hour), stream},
		{"overload", keyfobtest.Overloaded(), ask},
		{"no credit", keyfobtest.NoCredit(), ask},
		{"revoked key", keyfobtest.Unauthorized(), ask},
		{"unexplained 403", keyfobtest.Forbidden(), ask},
		{"overload after message_start", keyfobtest.StreamError("overloaded_error", keyfobtest.AfterStart), stream},
		{"overload after ping", keyfobtest.StreamError("overloaded_error", keyfobtest.AfterPing), stream},
		{"overload as the first event", keyfobtest.StreamError("overloaded_error", keyfobtest.AfterHeaders), stream},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.one)
			got := r.post(tt.body)
			if got.status != http.StatusOK || got.err != nil || !strings.Contains(got.body, "Hello") {
				t.Fatalf("status %d, body %q, %v", got.status, got.body, got.err)
			}
			if strings.Contains(got.body, "overloaded") {
				t.Errorf("the client sees the failed attempt: %q", got.body)
			}
			if a := got.header.Get("Keyfob-Account"); a != "anthropic/two" {
				t.Errorf("answered by %q", a)
			}
			if saw := r.saw(); !slices.Equal(saw, []string{"one", "two"}) {
				t.Errorf("the provider saw %v", saw)
			}
			for _, q := range r.provider.Requests() {
				if string(q.Body) != tt.body || q.Path != "/v1/messages" {
					t.Errorf("account %s got %s with %q", q.Account, q.Path, q.Body)
				}
			}
		})
	}
}

func TestFailoverFromARefusedConnection(t *testing.T) {
	r := emptyRig(t, newProvider(t, keyfobtest.OK(), keyfobtest.OK()))
	r.account("anthropic", "one", keyOne, deadAddress(t))
	r.account("anthropic", "two", keyTwo, r.provider.URL())
	if got := r.post(ask); got.status != http.StatusOK || got.header.Get("Keyfob-Account") != "anthropic/two" {
		t.Errorf("status %d by %q: %s", got.status, got.header.Get("Keyfob-Account"), got.body)
	}
}

// A request whose work may have been done is never sent again.
func TestNoReplayOfWorkThatMayBeDone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		one    keyfobtest.Behaviour
		body   string
		status int
		local  string
		broken bool
	}{
		{"cut after the request", keyfobtest.Drop(keyfobtest.AfterRequest), ask, 502, "upstream_ambiguous", false},
		{"cut in the stream", keyfobtest.Drop(keyfobtest.MidStream), stream, 200, "", true},
		{"overload in the stream", keyfobtest.StreamError("overloaded_error", keyfobtest.MidStream), stream, 200, "", false},
		{"bad request", keyfobtest.Status(400, `{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens is too large"}}`), ask, 400, "", false},
		{"server error", keyfobtest.Status(500, ""), ask, 500, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.one)
			got := r.post(tt.body)
			if got.status != tt.status || got.header.Get("Keyfob-Local") != tt.local {
				t.Errorf("status %d, local %q: %s", got.status, got.header.Get("Keyfob-Local"), got.body)
			}
			// The providers' SDKs would send a 5xx again by themselves.
			if want := map[bool]string{true: "false"}[tt.local != ""]; got.header.Get("X-Should-Retry") != want {
				t.Errorf("X-Should-Retry is %q, want %q", got.header.Get("X-Should-Retry"), want)
			}
			if (got.err != nil) != tt.broken {
				t.Errorf("the client's reading ends with %v", got.err)
			}
			if saw := r.saw(); !slices.Equal(saw, []string{"one"}) {
				t.Errorf("the provider saw %v", saw)
			}
		})
	}
}

// net/http replays a POST by itself on a kept connection that breaks, if it has
// GetBody. It must not know of it.
func TestNoReplayOnAKeptConnection(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	if got := r.post(ask); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	r.provider.Set(keyOne, keyfobtest.Drop(keyfobtest.AfterRequest))
	if got := r.post(ask); got.status != http.StatusBadGateway {
		t.Errorf("status %d", got.status)
	}
	if saw := r.saw(); !slices.Equal(saw, []string{"one", "one"}) {
		t.Errorf("the provider saw %v", saw)
	}
}

func TestAllCooling(t *testing.T) {
	r := newRig(t, keyfobtest.RateLimited(time.Hour))
	r.provider.Set(keyTwo, keyfobtest.RateLimited(2*time.Hour))
	for range 2 {
		got := r.post(ask)
		if got.status != http.StatusTooManyRequests || got.header.Get("Keyfob-Local") != "all_cooling" {
			t.Errorf("status %d, local %q", got.status, got.header.Get("Keyfob-Local"))
		}
		if s := got.header.Get("Retry-After"); s == "" || s == "0" || len(s) > 4 {
			t.Errorf("Retry-After %q, want the soonest, within the hour", s)
		}
		if !strings.Contains(got.body, `"rate_limit_error"`) {
			t.Errorf("not in the provider's own shape: %s", got.body)
		}
	}
	if saw := r.saw(); !slices.Equal(saw, []string{"one", "two"}) {
		t.Errorf("the provider saw %v", saw)
	}
}

func TestNoAccount(t *testing.T) {
	r := emptyRig(t, newProvider(t, keyfobtest.OK(), keyfobtest.OK()))
	got := r.post(ask)
	if got.status != http.StatusServiceUnavailable || got.header.Get("Keyfob-Local") != "no_account" {
		t.Errorf("status %d, local %q: %s", got.status, got.header.Get("Keyfob-Local"), got.body)
	}
	r.account("anthropic", "two", keyTwo, r.provider.URL())
	eventually(t, "the new account answers", func() bool { return r.post(ask).status == http.StatusOK })
}

// What one process learns, another on the same home knows.
func TestCooldownsAreShared(t *testing.T) {
	r := newRig(t, keyfobtest.RateLimited(time.Hour))
	other, err := brokertest.Open(t.Context(), r.dir, brokertest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // what it wrote is not looked at
	if n := held(t, other); n != 0 {
		t.Fatalf("%d things are held at the start", n)
	}
	if got := r.post(ask); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	eventually(t, "the other process knows", func() bool { return held(t, other) == 1 })

	r.provider.Forget()
	mine := r.home
	r.home = other
	defer func() { r.home = mine }()
	r.serve(config())
	if got := r.post(ask); got.status != http.StatusOK {
		t.Errorf("status %d", got.status)
	}
	if saw := r.saw(); !slices.Equal(saw, []string{"two"}) {
		t.Errorf("through the other process the provider saw %v", saw)
	}
}

func TestCooldownSurvivesAndClearEndsIt(t *testing.T) {
	r := newRig(t, keyfobtest.RateLimited(time.Hour))
	if got := r.post(ask); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	eventually(t, "the cooldown is durable", func() bool { return stored(t, r.home) == 1 })
	r.close(r.home.Kill)
	r.open()

	r.provider.Forget()
	r.provider.Set(keyOne, keyfobtest.OK())
	if got := r.post(ask); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	if saw := r.saw(); !slices.Equal(saw, []string{"two"}) {
		t.Errorf("after the restart the provider saw %v", saw)
	}

	ref := account.Ref{Provider: "anthropic", Label: "one"}
	if err := r.home.Accounts.Clear(t.Context(), core.LocalUser, ref, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the clear is known", func() bool { return held(t, r.home) == 0 })
	r.provider.Forget()
	if got := r.post(ask); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	if saw := r.saw(); !slices.Equal(saw, []string{"one"}) {
		t.Errorf("after the clear the provider saw %v", saw)
	}
}

func stored(t *testing.T, h *brokertest.Home) int {
	t.Helper()
	var hs []core.Health
	err := h.Store.View(t.Context(), func(tx store.Tx) (err error) {
		hs, err = tx.Health().List(t.Context(), core.Local)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return len(hs)
}

// What lives with one account is asked of that account only.
func TestStateStaysWithItsAccount(t *testing.T) {
	r := emptyRig(t, newProvider(t, keyfobtest.OK(), keyfobtest.OK()))
	r.account("openai", "one", keyOne, r.provider.URL()+"/v1")
	r.account("openai", "two", keyTwo, r.provider.URL()+"/v1")
	const responses = "/p/openai/default/v1/responses"
	r.provider.Queue(keyOne, keyfobtest.RateLimited(time.Hour))
	first := r.send(r.request(http.MethodPost, responses, `{"model":"test-large","input":"hello"}`))
	if first.status != http.StatusOK {
		t.Fatalf("status %d: %s", first.status, first.body)
	}
	_, rest, _ := strings.Cut(first.body, `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	if !strings.HasPrefix(id, "resp_") {
		t.Fatalf("no id in %s", first.body)
	}

	if err := r.home.Accounts.Clear(t.Context(), core.LocalUser, account.Ref{Provider: "openai", Label: "one"}, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the clear is known", func() bool { return held(t, r.home) == 0 })
	r.provider.Forget()
	next := `{"model":"test-large","input":"go on","previous_response_id":"` + id + `"}`
	if got := r.send(r.request(http.MethodPost, responses, next)); got.status != http.StatusOK {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	r.provider.Set(keyTwo, keyfobtest.RateLimited(time.Hour))
	if got := r.send(r.request(http.MethodPost, responses, next)); got.status != http.StatusTooManyRequests {
		t.Errorf("status %d while its account cools: %s", got.status, got.body)
	}
	if saw := r.saw(); !slices.Equal(saw, []string{"two", "two"}) {
		t.Errorf("the provider saw %v", saw)
	}
}

// An edited account serves from its new key, without a restart.
func TestEditedAccountIsFollowed(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	if got := r.post(ask); got.header.Get("Keyfob-Account") != "anthropic/one" {
		t.Fatalf("answered by %q", got.header.Get("Keyfob-Account"))
	}
	off := false
	if _, err := r.home.Accounts.Update(t.Context(), core.LocalUser, account.Ref{Provider: "anthropic", Label: "one"}, account.Edit{Enabled: &off}, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the account is left out", func() bool { return r.post(ask).header.Get("Keyfob-Account") == "anthropic/two" })
}

func TestEndedWorkspaceIsRefused(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	w, key, err := r.home.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	r.key = key
	if got := r.post(ask); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	if err := r.home.Workspaces.End(t.Context(), core.LocalUser, w.ID, 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "its key is refused", func() bool { return r.post(ask).status == http.StatusUnauthorized })
}

// A client that asks for what takes an administrator's key is refused with 401,
// as a dead key is. Were that believed, one such request would put every account
// of the pool out of service until each is tested.
func TestARefusalOfAnotherKindOfKeyKillsNoAccount(t *testing.T) {
	var asked atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer upstream.Close()
	r := emptyRig(t, newProvider(t, keyfobtest.OK(), keyfobtest.OK()))
	r.account("anthropic", "one", keyOne, upstream.URL)
	r.account("anthropic", "two", keyTwo, upstream.URL)

	if got := r.send(r.request(http.MethodGet, "/p/anthropic/default/v1/organizations/usage", "")); got.status != http.StatusUnauthorized {
		t.Errorf("status %d", got.status)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("%d accounts were asked", n)
	}
	if n := held(t, r.home); n != 0 {
		t.Errorf("%d things are held against accounts", n)
	}
	r.post(ask) // here a refusal is one of the key
	if n := asked.Load(); n != 3 {
		t.Errorf("%d requests in all, want one to each account", n)
	}
	if n := held(t, r.home); n != 2 {
		t.Errorf("%d things are held against two dead accounts", n)
	}
}

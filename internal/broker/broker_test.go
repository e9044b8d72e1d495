package broker_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/broker"
	"keyfob/internal/broker/brokertest"
	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/store"
	"keyfob/internal/workspace"
	"keyfob/keyfobtest"
)

func openHome(t *testing.T, dir string, o brokertest.Options) *brokertest.Home {
	t.Helper()
	h, err := brokertest.Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() }) // some tests have closed it
	return h
}

func send(t *testing.T, h *brokertest.Home, g broker.Grant, m provider.Marks) (*http.Response, error) {
	t.Helper()
	const body = `{"model":"test-large","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`
	req := (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: "/v1/messages"}, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		GetBody: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil },
	}).WithContext(t.Context())
	resp, err := h.Broker.Do(req, broker.Call{Grant: g, Provider: "anthropic", Namespace: g.Namespace, Marks: m, Path: "/v1/messages"})
	if resp != nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	return resp, err
}

func grant(t *testing.T, h *brokertest.Home) broker.Grant {
	t.Helper()
	_, key, err := h.Workspace(t.Context(), workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := h.Broker.Grant(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// A row whose base URL was changed, or that holds another row's credential,
// does not open: the account is left out, the others serve, and where none is
// left the error says which one.
func TestChangedRowsAreLeftOut(t *testing.T) {
	p := keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{{Name: "one", Key: "key-one-0123"}, {Name: "two", Key: "key-two-0123"}}})
	dir := t.TempDir()
	h := openHome(t, dir, brokertest.Options{Idle: true})
	for label, key := range map[string]string{"one": "key-one-0123", "two": "key-two-0123"} {
		if _, err := h.Account(t.Context(), "anthropic", label, key, p.URL()); err != nil {
			t.Fatal(err)
		}
	}
	g := grant(t, h)
	change := func(label string, fn func(a, other *core.SealedAccount)) {
		t.Helper()
		err := h.Store.Update(t.Context(), func(tx store.Tx) error {
			all, err := tx.Accounts().List(t.Context(), core.Local)
			if err != nil {
				return err
			}
			a, other := all[0], all[1]
			if a.Label != label {
				a, other = other, a
			}
			fn(&a, &other)
			expect := a.Version
			a.Version++
			return tx.Accounts().Update(t.Context(), a, expect)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	change("one", func(a, _ *core.SealedAccount) { a.BaseURL = "http://127.0.0.1:1" })
	resp, err := send(t, h, g, provider.Marks{})
	if err != nil || resp.Header.Get(broker.HeaderAccount) != "anthropic/two" {
		t.Fatalf("%v, %v", resp, err)
	}
	change("two", func(a, other *core.SealedAccount) { a.Ciphertext = other.Ciphertext })
	again := openHome(t, dir, brokertest.Options{Idle: true})
	_, err = send(t, again, g, provider.Marks{})
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Reason != "sealed_mismatch" || !strings.Contains(e.Message, "anthropic/") || e.Hint == "" {
		t.Errorf("error %v", err)
	}
	if n := len(p.Requests()); n != 1 {
		t.Errorf("the provider saw %d requests", n)
	}
}

// A conversation comes back to its account after that one's cooldown, and two
// conversations do not share one.
func TestConversationComesBack(t *testing.T) {
	p := keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{{Name: "one", Key: "key-one-0123"}, {Name: "two", Key: "key-two-0123"}}})
	h := openHome(t, t.TempDir(), brokertest.Options{})
	for _, label := range []string{"one", "two"} {
		if _, err := h.Account(t.Context(), "anthropic", label, "key-"+label+"-0123", p.URL()); err != nil {
			t.Fatal(err)
		}
	}
	g := grant(t, h)
	by := func(conversation string) string {
		t.Helper()
		resp, err := send(t, h, g, provider.Marks{Model: "test-large", Conversation: conversation})
		if err != nil {
			t.Fatal(err)
		}
		return resp.Header.Get(broker.HeaderAccount)
	}
	p.Queue("key-one-0123", keyfobtest.RateLimited(time.Hour))
	if got := by("first"); got != "anthropic/two" {
		t.Fatalf("answered by %s", got)
	}
	if err := h.Accounts.Clear(t.Context(), core.LocalUser, account.Ref{Provider: "anthropic", Label: "one"}, 0); err != nil {
		t.Fatal(err)
	}
	wait(t, func() bool {
		hs, err := h.Broker.Health(t.Context(), core.Local)
		return err == nil && len(hs) == 0
	})
	if got := by("first"); got != "anthropic/two" {
		t.Errorf("the conversation went to %s", got)
	}
	if got := by("second"); got != "anthropic/one" {
		t.Errorf("another conversation went to %s", got)
	}
	other := grant(t, h)
	other.Owner = g.Owner
	g = other
	if got := by("first"); got != "anthropic/one" {
		t.Errorf("another workspace's conversation of the same mark went to %s", got)
	}
}

// What the store did not take is written when it takes writes again.
func TestHealthIsKeptWhileTheStoreIsAway(t *testing.T) {
	p := keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{{Name: "one", Key: "key-one-0123", Then: keyfobtest.RateLimited(time.Hour)}}})
	dir := t.TempDir()
	h := openHome(t, dir, brokertest.Options{Idle: true})
	if _, err := h.Account(t.Context(), "anthropic", "one", "key-one-0123", p.URL()); err != nil {
		t.Fatal(err)
	}
	g := grant(t, h)
	if _, err := send(t, h, g, provider.Marks{Model: "test-large"}); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Broker.Close(gone); err == nil {
		t.Fatal("health was written without a store")
	}
	if err := h.Broker.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var hs []core.Health
	err := h.Store.View(t.Context(), func(tx store.Tx) (err error) {
		hs, err = tx.Health().List(t.Context(), core.Local)
		return err
	})
	if err != nil || len(hs) != 1 || hs[0].Kind != "limited" {
		t.Errorf("%+v, %v", hs, err)
	}
}

func TestProbeOfAnUnreachableUpstream(t *testing.T) {
	h := openHome(t, t.TempDir(), brokertest.Options{Idle: true})
	if _, err := h.Account(t.Context(), "anthropic", "one", "key-one-0123", "http://127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	_, err := h.Accounts.Test(t.Context(), core.LocalUser, account.Ref{Provider: "anthropic", Label: "one"})
	if e, ok := errors.AsType[*core.Error](err); !ok || e.Code != core.Unavailable || e.Hint == "" {
		t.Errorf("error %v", err)
	}
}

func wait(t *testing.T, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			t.Fatal("never")
		case <-tick.C:
		}
	}
}

type misdirects struct {
	provider.Adapter
	to *url.URL
}

func (m misdirects) Apply(req *http.Request, c provider.Credential) error {
	err := m.Adapter.Apply(req, c)
	req.URL.Scheme, req.URL.Host = m.to.Scheme, m.to.Host
	return err
}

// Even by an adapter's mistake a credential goes nowhere but to the origin it
// was sealed for.
func TestCredentialLeavesForItsOriginOnly(t *testing.T) {
	p := keyfobtest.NewProvider(t, keyfobtest.Options{})
	to, err := url.Parse(p.URL())
	if err != nil {
		t.Fatal(err)
	}
	h := openHome(t, t.TempDir(), brokertest.Options{Idle: true, Adapter: func(a provider.Adapter) provider.Adapter { return misdirects{a, to} }})
	if _, err := h.Account(t.Context(), "anthropic", "one", "key-one-0123", "https://api.example.com"); err != nil {
		t.Fatal(err)
	}
	_, err = send(t, h, grant(t, h), provider.Marks{})
	if e, ok := errors.AsType[*core.Error](err); !ok || e.Reason != "foreign_origin" {
		t.Errorf("error %v", err)
	}
	if n := len(p.Requests()); n != 0 {
		t.Errorf("%d requests went to a foreign origin", n)
	}
}

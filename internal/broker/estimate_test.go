package broker_test

import (
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
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/workspace"
	"keyfob/keyfobtest"
)

// ways to ask each provider for a stream.
var ways = map[string]struct{ base, path, body string }{
	"anthropic": {"", "/v1/messages", `{"model":"test-large","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hello"}]}`},
	"openai":    {"/v1", "/chat/completions", `{"model":"test-large","stream":true,"messages":[{"role":"user","content":"hello"}]}`},
	"google":    {"", "/v1beta/models/test-large:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"hello"}]}]}`},
}

// hangUp asks for a stream and closes it when so much of it has come.
func (m team) hangUp(g broker.Grant, id string, after int64) *http.Response {
	m.t.Helper()
	way := ways[id]
	path, query, _ := strings.Cut(way.path, "?")
	req := (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: path, RawQuery: query}, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(way.body)), ContentLength: int64(len(way.body)),
	}).WithContext(m.t.Context())
	resp, err := m.Broker.Do(req, broker.Call{Grant: g, Provider: id, Namespace: g.Namespace, Marks: provider.Marks{Model: "test-large"}, Path: path})
	if err != nil {
		m.t.Fatal(err)
	}
	if n, err := io.CopyN(io.Discard, resp.Body, after); err != nil && resp.Header.Get(broker.HeaderLocal) == "" {
		m.t.Fatalf("%d bytes: %v", n, err)
	}
	_ = resp.Body.Close()
	return resp
}

func (m team) took(o core.Owner) (out core.Usage) {
	m.t.Helper()
	if err := m.Usage.Flush(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	err := m.Store.View(m.t.Context(), func(tx store.Tx) error {
		list, err := tx.Usage().List(m.t.Context(), o, time.Now().Add(-48*time.Hour))
		for _, u := range list {
			out.Requests += u.Requests
			out.InputTokens += u.InputTokens
			out.OutputTokens += u.OutputTokens
			out.Unreported += u.Unreported
			out.Estimated += u.Estimated
		}
		return err
	})
	if err != nil {
		m.t.Fatal(err)
	}
	return out
}

// Whoever closed each answer before its end, where it would have said what it
// used, never used up a limit of tokens. What came counts, and stays apart from
// what was reported.
func TestAnswersThatAreHungUpCountAgainstALimit(t *testing.T) {
	const text, limit = 3000, 2000
	for id, way := range ways {
		t.Run(id, func(t *testing.T) {
			m := newTeam(t, brokertest.Options{Idle: true})
			m.provider.Set(orgKey, keyfobtest.Behaviour{Text: strings.Repeat("word ", 5000), OmitUsage: id != "anthropic"})
			_, err := m.OrgAccount(t.Context(), account.NewAccount{
				Provider: id, Label: "shared", Key: secret.FromString(orgKey), BaseURL: m.provider.URL() + way.base, Limit: core.Limit{Tokens: limit},
			})
			if err != nil {
				t.Fatal(err)
			}
			ann, bob := m.user("ann"), m.user("bob")
			g, answered := m.grant(ann, nil), int64(0)
			for m.hangUp(g, id, 60*text).Header.Get(broker.HeaderLocal) != broker.UserLimit {
				if answered++; answered > 5 {
					t.Fatal("the limit is never used up")
				}
			}
			u := m.took(ann.Owner)
			if u.Requests != answered || u.Unreported != answered || u.OutputTokens != 0 || u.InputTokens+u.Estimated < limit || u.Estimated > answered*20_000 {
				t.Errorf("%d answers: %+v", answered, u)
			}
			if known := u.InputTokens != 0; known != (id == "anthropic") {
				t.Errorf("input that was said: %+v", u)
			}
			if by := m.hangUp(m.grant(bob, nil), id, text).Header.Get(broker.HeaderAccount); by != "org:"+id+"/shared" {
				t.Errorf("somebody else is answered by %q", by)
			}
		})
	}
}

// A request that is given up before its answer begins was sent all the same.
func TestRequestsThatAreGivenUpCount(t *testing.T) {
	m := newTeam(t, brokertest.Options{})
	m.provider.Set(orgKey, keyfobtest.Behaviour{Delay: time.Hour})
	m.shared(nil, core.Limit{Tokens: 1})
	ann := m.user("ann")
	w, key, err := m.WorkspaceOf(t.Context(), ann, workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, f, err := m.Broker.Begin(t.Context(), key, func() string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	defer f.End()
	done := make(chan error, 1)
	go func() {
		req := (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/v1/messages"}, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), ContentLength: 2}).WithContext(ctx)
		resp, err := m.Broker.Do(req, broker.Call{Grant: f.Grant, Provider: "anthropic", Namespace: f.Namespace, Path: "/v1/messages"})
		if err == nil {
			_ = resp.Body.Close()
		}
		done <- err
	}()
	wait(t, func() bool { return len(m.provider.Requests()) == 1 })
	if err := m.Workspaces.End(t.Context(), ann, w.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil || reason(f.Err()) != "gateway_key_revoked" {
		t.Errorf("%v, %v", err, f.Err())
	}
	if u := m.took(ann.Owner); u.Requests != 1 || u.Unreported != 1 || u.Estimated != 1 {
		t.Errorf("%+v", u)
	}
	m.provider.Set(orgKey, keyfobtest.OK())
	m.expect("the next", m.by(m.grant(ann, nil)), broker.UserLimit)
}

// What uses no tokens, or is a file, counts for none; nor does what a user has of
// their own.
func TestWhatHasNoEstimate(t *testing.T) {
	m := newTeam(t, brokertest.Options{Idle: true})
	m.shared(nil, core.Limit{Tokens: 1})
	ann, bob := m.user("ann"), m.user("bob")
	m.own(bob)
	post := func(g broker.Grant, path, media string) {
		t.Helper()
		req := (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: path}, Header: http.Header{"Content-Type": {media}}, Body: io.NopCloser(strings.NewReader(`{"a":1}`)), ContentLength: 7}).WithContext(t.Context())
		resp, err := m.Broker.Do(req, broker.Call{Grant: g, Provider: "anthropic", Namespace: g.Namespace, Path: path})
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", resp, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	post(m.grant(ann, nil), "/v1/messages/count_tokens", "application/json")
	m.provider.Set(ownKey, keyfobtest.Behaviour{OmitUsage: true})
	m.provider.Set(orgKey, keyfobtest.Behaviour{OmitUsage: true})
	post(m.grant(bob, nil), "/v1/messages", "application/json")
	for name, who := range map[string]core.Actor{"ann": ann, "bob": bob} {
		if u := m.took(who.Owner); u.Requests != 1 || u.Estimated != 0 {
			t.Errorf("%s: %+v", name, u)
		}
	}
	post(m.grant(ann, nil), "/v1/messages", `multipart/form-data; boundary=x`)
	if m.took(ann.Owner).Estimated == 0 {
		t.Error("the answer to a form counts for nothing")
	}
}

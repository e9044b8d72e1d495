//go:build linux

package attack

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/keyfobtest"
)

// following is a stream that is read along.
type following struct {
	ended chan struct{} // closed when it ends
	bytes atomic.Int64  // that came
	whole atomic.Bool   // it had the end that a whole answer of the provider has
}

// stream opens a stream, and gives it when something has come.
func (s *server) stream(t *testing.T, method, path string, body any, changes ...how) *following {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	resp, _, err := s.send(t, ctx, method, path, body, changes...)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("a stream: %v %v", resp, err)
	}
	f := &following{ended: make(chan struct{})}
	go f.read(resp)
	f.more(t, "the stream", 1)
	return f
}

// read ends with the stream.
func (f *following) read(resp *http.Response) {
	defer close(f.ended)
	defer resp.Body.Close()
	b := make([]byte, 4096)
	for {
		n, err := resp.Body.Read(b)
		if bytes.Contains(b[:n], []byte("message_stop")) {
			f.whole.Store(true)
		}
		f.bytes.Add(int64(n))
		if err != nil {
			return
		}
	}
}

// more waits until so many more bytes have come.
func (f *following) more(t *testing.T, what string, n int64) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for begun := f.bytes.Load(); f.bytes.Load() < begun+n; {
		select {
		case <-f.ended:
			t.Fatalf("%s ended", what)
		case <-end:
			t.Fatalf("%s does not go on", what)
		case <-tick.C:
		}
	}
}

// follow opens a stream of events.
func (s *server) follow(t *testing.T, changes ...how) *following {
	t.Helper()
	return s.stream(t, "GET", "/v1/events", nil, changes...)
}

// stillTells wants a stream of events to tell its user of something new.
func (s *server) stillTells(t *testing.T, what string, f *following, of *person) {
	t.Helper()
	s.must(t, "POST", "/v1/secrets", api.SecretCreate{Name: "NEWS", Value: val("of-which-a-stream-tells"), Lookup: true}, as(of.token))
	f.more(t, what, 1)
}

// streamOn lets the provider stream to these keys for longer than a test lasts.
func streamOn(p *keyfobtest.Provider, keys ...string) {
	for _, k := range keys {
		p.Set(k, keyfobtest.Behaviour{Text: strings.Repeat("word ", 20_000), EventGap: 20 * time.Millisecond})
	}
}

// answering is a streamed answer through the gateway.
func (s *server) answering(t *testing.T, gatewayKey string) *following {
	t.Helper()
	body := strings.Replace(hello, "{", `{"stream":true,`, 1)
	return s.stream(t, "POST", "/p/anthropic/default/v1/messages", body, with("X-Api-Key", gatewayKey))
}

// goesOn wants more than can have been on its way already.
func (f *following) goesOn(t *testing.T, what string) {
	t.Helper()
	f.more(t, what, 4096)
}

func wantEnded(t *testing.T, what string, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(patience):
		t.Errorf("%s goes on", what)
	}
}

// wantEnded wants a stream to end soon, and not as if it were whole.
func (f *following) wantEnded(t *testing.T, what string) {
	t.Helper()
	wantEnded(t, what, f.ended)
	if f.whole.Load() {
		t.Errorf("%s came to its natural end", what)
	}
}

// A gateway key leaked, and somebody is streaming with it: the workspace is
// stopped, or its keys are rotated. What is under way with it must end, too, and
// nothing else.
func TestRevokedGatewayKeyEndsItsAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.7.2"))
	s.keeps("alice's key", aliceKey)
	provider, good := upstreamAt(t, "127.88.7.2")
	alice := s.join(t, "alice")
	s.account(t, "/v1/accounts", alice, "work", aliceKey, good)
	streamOn(provider, aliceKey)
	stopped, rotated, kept := s.workspace(t, alice, api.WorkspaceCreate{Gateway: true}), s.workspace(t, alice, api.WorkspaceCreate{Gateway: true}), s.workspace(t, alice, api.WorkspaceCreate{Gateway: true})
	one, two, three := s.answering(t, key(stopped.GatewayKey)), s.answering(t, key(rotated.GatewayKey)), s.answering(t, key(kept.GatewayKey))
	s.must(t, "DELETE", "/v1/workspaces/"+stopped.ID, nil, as(alice.token), whichever())
	one.wantEnded(t, "the answer in a workspace that was stopped")
	two.goesOn(t, "the answer in another one")
	var anew api.WorkspaceCreated
	s.must(t, "POST", "/v1/workspaces/"+rotated.ID+"/rotate", nil, as(alice.token), whichever()).into(t, &anew)
	two.wantEnded(t, "the answer to a key that was rotated")
	s.answering(t, key(anew.GatewayKey)).goesOn(t, "the answer to the new key")
	three.goesOn(t, "the answer in a workspace that is left")
}

// Each user may take so many tokens a day of the organisation's account. Somebody
// closes every stream just before the end, where the provider says what it used:
// nothing of it counted, and the limit was never used up.
func TestHangingUpBeforeTheReport(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.7.3"))
	s.keeps("the organisation's key", orgKey)
	provider, good := upstreamAt(t, "127.88.7.3")
	alice, bob := s.join(t, "alice"), s.join(t, "bob")
	s.must(t, "POST", "/v1/org/accounts", api.AccountCreate{Provider: "anthropic", Label: "shared", Key: val(orgKey), BaseURL: good, Limit: api.Limit{Tokens: 5000}}, as(s.admin.token))
	provider.Set(orgKey, keyfobtest.Behaviour{Text: strings.Repeat("word ", 20_000)})
	hers, his := s.workspace(t, alice, api.WorkspaceCreate{Gateway: true}), s.workspace(t, bob, api.WorkspaceCreate{Gateway: true})
	hangUp := func(gatewayKey string) string {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		body := strings.Replace(hello, "{", `{"stream":true,`, 1)
		resp, _, err := s.send(t, ctx, "POST", "/p/anthropic/default/v1/messages", body, with("X-Api-Key", gatewayKey))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.CopyN(io.Discard, resp.Body, 50_000); err != nil && resp.StatusCode == http.StatusOK {
			t.Fatal(err)
		}
		return resp.Header.Get("Keyfob-Local")
	}
	for n := 0; hangUp(key(hers.GatewayKey)) != "user_limit"; n++ {
		if n > 100 {
			t.Fatal("the limit is never used up")
		}
	}
	if local := hangUp(key(his.GatewayKey)); local != "" {
		t.Errorf("somebody else's limit is used up: %s", local)
	}
}

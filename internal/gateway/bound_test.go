package gateway_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/gateway"
	"keyfob/internal/provider"
	"keyfob/internal/secret"
	"keyfob/internal/workspace"
	"keyfob/keyfobtest"
)

// One workspace's requests fill neither another's share nor, by far, the gateway.
func TestRequestsAtOnceAreBounded(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	r.serve(gateway.Config{MaxPerWorkspace: 2, MaxInFlight: 3, MaxPerUser: -1})
	one, two := r.key, r.workspace(workspace.Spec{})
	release := make(chan struct{})
	r.provider.Set(keyOne, keyfobtest.Hold(release))
	var held sync.WaitGroup
	hold := func(key string) {
		q := r.request(http.MethodPost, path, ask)
		q.Header.Set("X-Api-Key", key)
		n := len(r.saw())
		held.Go(func() {
			resp, err := noRedirects.Do(q)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%v, %v", resp, err)
				return
			}
			_ = resp.Body.Close()
		})
		eventually(t, "the provider has it", func() bool { return len(r.saw()) > n })
	}
	refused := func(key string, status int, local, kind string) {
		t.Helper()
		r.key = key
		got := r.post(ask)
		if got.status != status || got.header.Get("Keyfob-Local") != local || got.header.Get("Retry-After") != "1" || !strings.Contains(got.body, kind) {
			t.Errorf("status %d, header %v: %s", got.status, got.header, got.body)
		}
	}
	hold(one)
	hold(one)
	refused(one, http.StatusTooManyRequests, "workspace_busy", `"rate_limit_error"`)
	hold(two)
	refused(two, http.StatusServiceUnavailable, "busy", `"error"`)
	close(release)
	held.Wait()
	r.provider.Set(keyOne, keyfobtest.OK())
	r.key = one
	eventually(t, "there is room again", func() bool { return r.post(ask).status == http.StatusOK })
}

// A client that takes nothing of a stream is given up, and so is what makes the
// stream.
func TestClientThatTakesNothing(t *testing.T) {
	over := make(chan struct{})
	r := upstream(t, func(w http.ResponseWriter, q *http.Request) {
		defer close(over)
		w.Header().Set("Content-Type", "text/event-stream")
		piece := "data: " + strings.Repeat("x", 32<<10) + "\n\n"
		for q.Context().Err() == nil {
			if _, err := io.WriteString(w, piece); err != nil {
				return
			}
		}
	})
	r.serve(gateway.Config{WriteIdle: 200 * time.Millisecond})
	conn := r.dial("POST " + path + " HTTP/1.1\r\nHost: HOST\r\nX-Api-Key: " + r.key + "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	defer conn.Close() //nolint:errcheck // it is only read from, or not at all
	<-over             // or the test's own time limit
}

// A client that stops in the middle of its body gets no further, and nothing of it
// reaches an account.
func TestBodyThatStandsStill(t *testing.T) {
	r := newRig(t, keyfobtest.OK())
	var seen []gateway.Observation
	var mu sync.Mutex
	r.serve(gateway.Config{ReadIdle: 200 * time.Millisecond, Observe: func(_ context.Context, o gateway.Observation) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, o)
	}})
	conn := r.dial("POST " + path + " HTTP/1.1\r\nHost: HOST\r\nX-Api-Key: " + r.key + "\r\nContent-Length: 1000\r\n\r\nhalf")
	defer conn.Close()                                  //nolint:errcheck // as above
	if answer, _ := io.ReadAll(conn); len(answer) > 0 { // a reset is as good as an end
		t.Errorf("answer %q", answer)
	}
	if saw := r.saw(); len(saw) > 0 {
		t.Errorf("the provider saw %v", saw)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 1 || seen[0].Status != 0 || !seen[0].Cut || seen[0].Account != "" {
		t.Errorf("observed %+v", seen)
	}
}

// dial sends raw text, with the gateway's address for HOST.
func (r *rig) dial(text string) net.Conn {
	r.t.Helper()
	addr := r.gateway.Listener.Addr().String()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, strings.Replace(text, "HOST", addr, 1)); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// A body of a few kilobytes that unpacks to very much more is passed on as it is:
// nothing here unpacks it, not even to look for a model's name.
func TestEncodedBodiesAreOpaque(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = io.WriteString(z, `{"model":"hidden","messages":[`)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, _ = z.Write(zeros)
	}
	_ = z.Close()
	got := make(chan []byte, 1)
	r := upstream(t, func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		got <- b
		if q.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("the encoding is told as %q", q.Header.Get("Content-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(bomb.Bytes())
	})
	q := r.request(http.MethodPost, path, bomb.String())
	q.Header.Set("Content-Encoding", "gzip")
	q.Header.Set("Accept-Encoding", "gzip") // or the client would unpack the answer
	answer := r.send(q)
	if answer.status != http.StatusOK || answer.body != bomb.String() || answer.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("status %d, %d bytes of %d, header %v", answer.status, len(answer.body), bomb.Len(), answer.header)
	}
	if b := <-got; !bytes.Equal(b, bomb.Bytes()) {
		t.Errorf("the upstream got %d bytes of %d", len(b), bomb.Len())
	}
}

// marks tells what an adapter is given to look at.
type marks struct {
	provider.Adapter
	heads chan int
}

func (m marks) Inspect(method, path string, h http.Header, head []byte) provider.Marks {
	m.heads <- len(head)
	return m.Adapter.Inspect(method, path, h, head)
}

func TestEncodedBodiesAreNotLookedAt(t *testing.T) {
	heads := make(chan int, 8)
	r := &rig{t: t, dir: t.TempDir(), log: &syncBuffer{}, provider: newProvider(t, keyfobtest.OK(), keyfobtest.OK())}
	r.adapter = func(a provider.Adapter) provider.Adapter { return marks{a, heads} }
	r.open()
	r.account("anthropic", "one", keyOne, r.provider.URL())
	for encoding, want := range map[string]int{"": len(ask), "identity": len(ask), "gzip": 0, "br, gzip": 0} {
		q := r.request(http.MethodPost, path, ask)
		if encoding != "" {
			q.Header.Set("Content-Encoding", encoding)
		}
		r.send(q)
		if n := <-heads; n != want {
			t.Errorf("%q: %d bytes were looked at, want %d", encoding, n, want)
		}
	}
}

// Each request is observed once, in words that the client did not choose.
func TestObserve(t *testing.T) {
	r := newRig(t, keyfobtest.RateLimited(time.Hour))
	seen := make(chan gateway.Observation, 8)
	r.serve(gateway.Config{Observe: func(_ context.Context, o gateway.Observation) { seen <- o }})
	r.post(ask)
	o := <-seen
	if o.Method != "POST" || o.Provider != "anthropic" || o.Account != "anthropic/two" || o.Status != 200 || o.Local != "" ||
		o.Rotations != 1 || o.Cut || o.Workspace == "" || o.Wait <= 0 || o.Took < o.Wait {
		t.Errorf("a failover: %+v", o)
	}
	r.send(r.request("BREW", "/p/coffee/default/x", ""))
	if o := <-seen; o.Method != "other" || o.Provider != "" || o.Local != "method" || o.Status != 501 || o.Wait != 0 {
		t.Errorf("a refusal: %+v", o)
	}
	r.provider.Set(keyTwo, keyfobtest.Drop(keyfobtest.MidStream))
	r.post(stream)
	if o := <-seen; !o.Cut || o.Status != 200 || o.Account != "anthropic/two" {
		t.Errorf("a stream that broke: %+v", o)
	}
	if len(seen) > 0 {
		t.Errorf("%d more were observed", len(seen))
	}
}

// Once a user's share is known, a request over an account of the organisation
// reads no store either.
func TestHotPathOverTheOrganisationsAccount(t *testing.T) {
	r := emptyRig(t, newProvider(t, keyfobtest.OK(), keyfobtest.OK()))
	_, err := r.home.OrgAccount(t.Context(), account.NewAccount{
		Provider: "anthropic", Label: "shared", Key: secret.FromString(keyOne), BaseURL: r.provider.URL(),
		Selector: core.Selector{core.UserLabel: "local"}, Limit: core.Limit{Requests: 3},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.post(ask); got.status != http.StatusOK || got.header.Get("Keyfob-Account") != "org:anthropic/shared" {
		t.Fatalf("status %d by %q: %s", got.status, got.header.Get("Keyfob-Account"), got.body)
	}
	if err := r.home.Store.Close(); err != nil {
		t.Fatal(err)
	}
	var last reply
	for range 3 {
		last = r.post(ask)
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Keyfob-Local") != "user_limit" || !strings.Contains(last.body, `"rate_limit_error"`) {
		t.Errorf("status %d, header %v: %s", last.status, last.header, last.body)
	}
	if saw := r.saw(); len(saw) != 3 {
		t.Errorf("the provider saw %v", saw)
	}
	h := r.home
	r.close(func() error { _ = h.Kill(); return nil })
}

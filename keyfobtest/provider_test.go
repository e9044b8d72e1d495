package keyfobtest_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/keyfobtest"
)

func start(t *testing.T) *keyfobtest.Provider {
	t.Helper()
	return keyfobtest.NewProvider(t, keyfobtest.Options{Accounts: []keyfobtest.Account{
		{Name: "work", Key: "sk-work"}, {Name: "home", Key: "sk-home"},
	}})
}

type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func send(t *testing.T, p *keyfobtest.Provider, method, path, key, body string) answer {
	t.Helper()
	req, err := http.NewRequest(method, p.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer c.CloseIdleConnections()
	resp, err := c.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(b), err}
}

// events gives the names of a stream's events, or for those without one the
// data's type, "chunk", "usage", "[DONE]" or "comment".
func events(stream string) []string {
	var out []string
	name := ""
	for sc := bufio.NewScanner(strings.NewReader(stream)); sc.Scan(); {
		line := sc.Text()
		switch {
		case strings.HasPrefix(line, "event: "):
			name = line[len("event: "):]
		case strings.HasPrefix(line, ": "):
			out = append(out, "comment")
		case strings.HasPrefix(line, "data: "):
			out = append(out, describe(name, line[len("data: "):]))
			name = ""
		}
	}
	return slices.Compact(out)
}

func describe(name, data string) string {
	var d struct {
		Error any
		Usage any
	}
	switch {
	case name != "":
		return name
	case data == "[DONE]":
		return data
	case json.Unmarshal([]byte(data), &d) != nil:
		return "no JSON"
	case d.Error != nil:
		return "error"
	case d.Usage != nil:
		return "usage"
	}
	return "chunk"
}

const (
	ask    = `{"model":"m1","messages":[]}`
	stream = `{"model":"m1","messages":[],"stream":true}`
)

func TestStreams(t *testing.T) {
	anthropic := []string{"message_start", "content_block_start", "ping", "content_block_delta", "content_block_stop", "message_delta", "message_stop"}
	responses := []string{
		"response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
		"response.output_text.delta", "response.output_text.done", "response.content_part.done",
		"response.output_item.done", "response.completed",
	}
	serr := keyfobtest.StreamError
	for _, tc := range []struct {
		name, path string
		b          keyfobtest.Behaviour
		want       []string
	}{
		{"anthropic", "/v1/messages", keyfobtest.OK(), anthropic},
		{"anthropic, start", "/v1/messages", serr("overloaded_error", keyfobtest.AfterStart), []string{"message_start", "error"}},
		{"anthropic, no place", "/v1/messages", serr("overloaded_error", keyfobtest.None), []string{"message_start", "error"}},
		{"anthropic, ping", "/v1/messages", serr("overloaded_error", keyfobtest.AfterPing), []string{"ping", "error"}},
		{"anthropic, headers", "/v1/messages", serr("overloaded_error", keyfobtest.AfterHeaders), []string{"error"}},
		{"anthropic, middle", "/v1/messages", serr("api_error", keyfobtest.MidStream), append(slices.Clone(anthropic[:4]), "error")},
		{"chat", "/v1/chat/completions", keyfobtest.OK(), []string{"chunk", "usage", "[DONE]"}},
		{"chat, no usage", "/v1/chat/completions", keyfobtest.Behaviour{OmitUsage: true}, []string{"chunk", "[DONE]"}},
		{"chat, comment", "/v1/chat/completions", serr("rate_limit_exceeded", keyfobtest.AfterPing), []string{"comment", "error"}},
		{"chat, start", "/v1/chat/completions", serr("rate_limit_exceeded", keyfobtest.AfterStart), []string{"chunk", "error"}},
		{"responses", "/v1/responses", keyfobtest.OK(), responses},
		{"responses, start", "/v1/responses", serr("rate_limit_exceeded", keyfobtest.AfterStart), []string{"response.created", "error"}},
		{"google", "/v1beta/models/g:streamGenerateContent?alt=sse", keyfobtest.OK(), []string{"chunk"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := start(t)
			p.Queue("sk-work", tc.b)
			got := send(t, p, "POST", tc.path, "sk-work", stream)
			if got.err != nil || got.status != 200 || !strings.HasPrefix(got.header.Get("Content-Type"), "text/event-stream") {
				t.Fatalf("answer %d %v %v", got.status, got.header, got.err)
			}
			if e := events(got.body); !slices.Equal(e, tc.want) {
				t.Errorf("events\n%q, want\n%q", e, tc.want)
			}
		})
	}
}

func TestAnswersNameTheAccount(t *testing.T) {
	p := start(t)
	for _, path := range []string{"/v1/messages", "/v1/chat/completions", "/v1/responses", "/v1beta/models/m1:generateContent"} {
		got := send(t, p, "POST", path, "sk-home", ask)
		if got.status != 200 || !strings.Contains(got.body, "Hello from home. This is m1.") || !json.Valid([]byte(got.body)) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	array := send(t, p, "POST", "/v1beta/models/m1:streamGenerateContent", "sk-home", ask)
	if !json.Valid([]byte(array.body)) || array.body[0] != '[' {
		t.Errorf("a stream without alt=sse is %q", array.body)
	}
	for _, path := range []string{"/v1/models", "/v1beta/models", "/v1/key"} {
		if got := send(t, p, "GET", path, "sk-home", ""); got.status != 200 || !json.Valid([]byte(got.body)) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
}

func TestFailures(t *testing.T) {
	for _, tc := range []struct {
		name, path string
		b          keyfobtest.Behaviour
		status     int
		body       string
	}{
		{"429", "/v1/messages", keyfobtest.RateLimited(time.Hour), 429, `"type":"rate_limit_error"`},
		{"429 chat", "/v1/chat/completions", keyfobtest.RateLimited(time.Hour), 429, `"code":"rate_limit_exceeded"`},
		{"529", "/v1/messages", keyfobtest.Overloaded(), 529, "overloaded_error"},
		{"401", "/v1/messages", keyfobtest.Unauthorized(), 401, "authentication_error"},
		{"401 chat", "/v1/chat/completions", keyfobtest.Unauthorized(), 401, "invalid_api_key"},
		{"401 google", "/v1beta/models/g:generateContent", keyfobtest.Unauthorized(), 400, "API_KEY_INVALID"},
		{"403", "/v1/messages", keyfobtest.Forbidden(), 403, "{}"},
		{"no credit", "/v1/messages", keyfobtest.NoCredit(), 400, "credit balance is too low"},
		{"no credit chat", "/v1/chat/completions", keyfobtest.NoCredit(), 429, "insufficient_quota"},
		{"own body", "/v1/messages", keyfobtest.Status(400, "mine"), 400, "mine"},
		{"redirect", "/v1/messages", keyfobtest.Redirect("http://192.0.2.1/"), 307, "{}"},
		{"stream error without a stream", "/v1/messages", keyfobtest.StreamError("overloaded_error", keyfobtest.AfterPing), 529, "overloaded_error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := start(t)
			p.Set("sk-work", tc.b)
			got := send(t, p, "POST", tc.path, "sk-work", ask)
			if got.err != nil || got.status != tc.status || !strings.Contains(got.body, tc.body) {
				t.Errorf("%d %q %v, want %d with %q", got.status, got.body, got.err, tc.status, tc.body)
			}
			for name := range tc.b.Header {
				if got.header.Get(name) != tc.b.Header.Get(name) {
					t.Errorf("%s is %q", name, got.header.Get(name))
				}
			}
			if other := send(t, p, "POST", tc.path, "sk-home", ask); other.status != 200 {
				t.Errorf("the other account got %d", other.status)
			}
		})
	}
}

func TestUnknownKeysAndPathsAreRefused(t *testing.T) {
	p := start(t)
	p.Queue("sk-work", keyfobtest.Overloaded())
	for _, tc := range []struct {
		method, path, key string
		want              int
	}{
		{"POST", "/v1/messages", "sk-other", 401}, {"POST", "/v1/messages", "", 401},
		{"HEAD", "/", "", 404}, {"POST", "/v1/nothing", "sk-work", 404},
		{"GET", "/v1/models", "sk-work", 200}, // and the queue is still full
		{"POST", "/v1/messages", "sk-work", 529}, {"POST", "/v1/messages", "sk-work", 200},
	} {
		if got := send(t, p, tc.method, tc.path, tc.key, ask); got.status != tc.want {
			t.Errorf("%s %s with %q: %d, want %d", tc.method, tc.path, tc.key, got.status, tc.want)
		}
	}
	p.Remove("sk-work")
	if got := send(t, p, "POST", "/v1/messages", "sk-work", ask); got.status != 401 {
		t.Errorf("a removed key got %d", got.status)
	}
}

func TestDrops(t *testing.T) {
	for _, at := range []keyfobtest.Point{keyfobtest.AfterRequest, keyfobtest.AfterHeaders, keyfobtest.AfterPing, keyfobtest.AfterStart, keyfobtest.MidStream} {
		for _, body := range []string{ask, stream} {
			p := start(t)
			p.Queue("sk-work", keyfobtest.Drop(at))
			got := send(t, p, "POST", "/v1/messages", "sk-work", body)
			if got.err == nil || (got.status == 0) != (at == keyfobtest.AfterRequest) {
				t.Errorf("cut at %d (%s): status %d, error %v", at, body, got.status, got.err)
			}
			if strings.Contains(got.body, "message_stop") {
				t.Errorf("cut at %d: the answer is whole", at)
			}
			if n := len(p.Requests()); n != 1 {
				t.Errorf("cut at %d: %d requests", at, n)
			}
		}
	}
}

func TestHoldUntilReleasedOrClosed(t *testing.T) {
	p := start(t)
	release := make(chan struct{})
	p.Queue("sk-work", keyfobtest.Hold(release), keyfobtest.Hold(nil), keyfobtest.Hold(make(chan struct{})))
	done := make(chan answer)
	ask1 := func() { done <- send(t, p, "POST", "/v1/messages", "sk-work", ask) }
	go ask1()
	if err := p.Seen(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := p.Requests()[0]; got.Status != 0 {
		t.Fatalf("answered %d before the release", got.Status)
	}
	close(release)
	if got := <-done; got.status != 200 {
		t.Errorf("after the release: %d %v", got.status, got.err)
	}
	go ask1() // no channel: not held
	if got := <-done; got.status != 200 {
		t.Errorf("without a channel: %d %v", got.status, got.err)
	}
	go ask1()
	if err := p.Seen(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got.err == nil {
		t.Errorf("closed while holding, it answered %d", got.status)
	}
}

func TestRequestsAreRecordedAsTheyCame(t *testing.T) {
	p := start(t)
	body := "{\"model\":\"m1\",\n \"x\":\"\xff\x00\"}"
	req, _ := http.NewRequest("POST", p.URL()+"/a%2Fb/v1/messages?q=1&key=zzz", strings.NewReader(body))
	req.Header.Set("X-Api-Key", "sk-home")
	req.Header["X-Two"] = []string{"1", "2"}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	r := p.Requests()[0]
	if r.N != 1 || r.Method != "POST" || r.Path != "/a%2Fb/v1/messages" || r.RawQuery != "q=1&key=zzz" || string(r.Body) != body ||
		r.Key != "sk-home" || r.Account != "home" || r.Status != 200 || !slices.Equal(r.Header["X-Two"], []string{"1", "2"}) {
		t.Errorf("recorded %+v", r)
	}
	p.Forget()
	send(t, p, "POST", "/v1/messages", "", ask)
	if all := p.Requests(); len(all) != 1 || all[0].N != 2 || all[0].Key != "" || all[0].Status != 401 {
		t.Errorf("after forgetting: %+v", all)
	}
}

func TestResponsesBelongToTheirKey(t *testing.T) {
	p := start(t)
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(send(t, p, "POST", "/v1/responses", "sk-work", ask).body), &made); err != nil {
		t.Fatal(err)
	}
	next := `{"model":"m1","previous_response_id":"` + made.ID + `"}`
	for _, tc := range []struct {
		method, path, key, body string
		want                    int
	}{
		{"POST", "/v1/responses", "sk-work", next, 200}, {"POST", "/v1/responses", "sk-home", next, 400},
		{"GET", "/v1/responses/" + made.ID, "sk-work", "", 200}, {"GET", "/v1/responses/" + made.ID, "sk-home", "", 404},
	} {
		if got := send(t, p, tc.method, tc.path, tc.key, tc.body); got.status != tc.want {
			t.Errorf("%s %s with %s: %d, want %d", tc.method, tc.path, tc.key, got.status, tc.want)
		}
	}
}

func TestRefused(t *testing.T) {
	u, err := keyfobtest.Refused()
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := http.Get(u); err == nil {
		resp.Body.Close()
		t.Error("it answered")
	}
}

type fakeTB struct {
	cleanups []func()
	fatal    string
}

func (*fakeTB) Helper()                     {}
func (f *fakeTB) Cleanup(fn func())         { f.cleanups = append(f.cleanups, fn) }
func (f *fakeTB) Fatalf(s string, _ ...any) { f.fatal = s }

func TestNewProviderEndsWithTheTest(t *testing.T) {
	tb := &fakeTB{}
	p := keyfobtest.NewProvider(tb, keyfobtest.Options{})
	for _, fn := range tb.cleanups {
		fn()
	}
	if _, err := http.Get(p.URL()); err == nil || tb.fatal != "" {
		t.Errorf("it still answers; %q", tb.fatal)
	}
	if err := p.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func FuzzServe(f *testing.F) {
	p := keyfobtest.NewProvider(f, keyfobtest.Options{Accounts: []keyfobtest.Account{{Name: "a", Key: "k"}}})
	f.Add("POST", "/v1/messages", []byte(stream))
	f.Add("POST", "/v1beta/models/x:streamGenerateContent", []byte(`{}`))
	f.Add("GET", "/v1/responses/x", []byte(nil))
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		req, err := http.NewRequest(method, "http://x", bytes.NewReader(body))
		if err != nil || strings.HasPrefix(path, "//") {
			t.Skip()
		}
		req.URL.Path = path
		req.Header.Set("X-Api-Key", "k")
		w := recorder{h: http.Header{}}
		p.ServeHTTP(&w, req)
		if w.status < 200 || w.status > 599 {
			t.Errorf("status %d", w.status)
		}
		p.Forget()
	})
}

type recorder struct {
	h      http.Header
	status int
}

func (r *recorder) Header() http.Header         { return r.h }
func (r *recorder) Write(b []byte) (int, error) { return len(b), nil }
func (r *recorder) WriteHeader(s int)           { r.status = s }
func (r *recorder) FlushError() error           { return errors.ErrUnsupported }

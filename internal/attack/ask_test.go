//go:build linux

package attack

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"keyfob/api"
)

// request is one request from outside.
type request struct {
	*http.Request
	from  string   // the client's address; empty: one that nobody else has
	shows []string // names of the values that the answer may hold
	keep  bool     // over connections that are kept
}

// how changes a request before it is sent.
type how func(*request)

// as shows a token or a key.
func as(token string) how { return with("Authorization", "Bearer "+token) }

// with adds headers: name, value, name, value.
func with(pairs ...string) how {
	return func(r *request) {
		for i := 0; i+1 < len(pairs); i += 2 {
			r.Header[http.CanonicalHeaderKey(pairs[i])] = append(r.Header[http.CanonicalHeaderKey(pairs[i])], pairs[i+1])
		}
	}
}

// toHost says another Host, over a connection to the same server.
func toHost(host string) how { return func(r *request) { r.Host = host } }

// from comes from an address of the loopback network.
func from(address string) how { return func(r *request) { r.from = address } }

// kept goes over the connections of all such requests, which makes many of them
// quick. It is for proofs that are good: failures count for their one address.
func kept() how { return func(r *request) { r.keep = true } }

// shows says that this answer may hold these values.
func shows(names ...string) how { return func(r *request) { r.shows = append(r.shows, names...) } }

// whichever is for a write of any version.
func whichever() how { return with("If-Match", "*") }

// form is the type of a page's form.
func form() how { return with("Content-Type", "application/x-www-form-urlencoded") }

type answer struct {
	status  int
	header  http.Header
	body    []byte
	problem api.Problem // of an error
}

func (a answer) String() string {
	return fmt.Sprintf("%d %s %.600s", a.status, a.problem.Reason, a.body)
}

// nextAddress counts client addresses.
var nextAddress atomic.Uint32

// anAddress is one of 127.0.0.0/8 that no other request came from.
func anAddress() string {
	n := nextAddress.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 1+n>>16&0x3f, n>>8&0xff, 1+n%250)
}

// ask sends a request whose path goes out as it is written, and fails the test
// if the answer holds a value that it was not said to show.
func (s *server) ask(t testing.TB, method, path string, body any, changes ...how) answer {
	t.Helper()
	got, err := s.try(t, method, path, body, changes...)
	if err != nil {
		t.Fatalf("%s %.200s: %v", method, path, err)
	}
	return got
}

// try is ask where the connection may break.
func (s *server) try(t testing.TB, method, path string, body any, changes ...how) (answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	resp, r, err := s.send(t, ctx, method, path, body, changes...)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: b}
	if resp.Header.Get("Content-Type") == api.ProblemType && method != "HEAD" {
		if err := json.Unmarshal(b, &a.problem); err != nil {
			t.Errorf("%s %.200s: these are no problem details: %.300s", method, path, b)
		}
	}
	s.searchAnswer(t, method+" "+path, r, a)
	if a.status >= 500 && a.status != http.StatusServiceUnavailable && !strings.HasPrefix(path, "/p/") {
		t.Errorf("%s %.200s: a fault of the server's own: %v", method, path, a)
	}
	return a, nil
}

func (s *server) searchAnswer(t testing.TB, what string, r *request, a answer) {
	t.Helper()
	text := fmt.Appendf(nil, "%v\n%s", a.header, a.body)
	for _, h := range s.search(text) {
		if !slices.Contains(r.shows, h.Name) {
			t.Errorf("%.200s: the answer holds a value: %v", what, h)
		}
	}
}

// send gives an answer whose body is still to be read.
func (s *server) send(t testing.TB, ctx context.Context, method, path string, body any, changes ...how) (*http.Response, *request, error) {
	t.Helper()
	_, host, _ := strings.Cut(s.url, "//")
	r := &request{Request: (&http.Request{
		Method: method, URL: &url.URL{Scheme: s.scheme(), Host: s.addr, Opaque: path}, Host: host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"User-Agent": {"attack"}},
	}).WithContext(ctx)}
	if path, query, ok := strings.Cut(path, "?"); ok {
		r.URL.Opaque, r.URL.RawQuery = path, query
	}
	setBody(t, r, body)
	for _, change := range changes {
		change(r)
	}
	client := s.kept
	if !r.keep {
		client = s.client(r.from)
	}
	resp, err := client.Do(r.Request)
	return resp, r, err
}

// scheme is what the port speaks, whatever the public URL says.
func (s *server) scheme() string {
	if s.tls {
		return "https"
	}
	return "http"
}

func setBody(t testing.TB, r *request, body any) {
	t.Helper()
	var raw []byte
	switch body := body.(type) {
	case nil:
		return
	case io.Reader:
		r.Body, r.ContentLength = io.NopCloser(body), -1
		return
	case string:
		raw = []byte(body)
	case []byte:
		raw = body
	default:
		var err error
		if raw, err = json.Marshal(body); err != nil {
			t.Fatal(err)
		}
	}
	if _, isText := body.(string); !isText || json.Valid(raw) {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
}

// client makes one connection from an address and keeps none.
func (s *server) client(from string) *http.Client {
	c := s.keeping(from)
	c.Transport.(*http.Transport).DisableKeepAlives = true
	return c
}

func (s *server) keeping(from string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DisableCompression: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx, from) },
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *server) dial(ctx context.Context, from string) (net.Conn, error) {
	if from == "" {
		from = anAddress()
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return d.DialContext(ctx, "tcp", s.addr)
}

// want fails unless the answer has this status and, of an error, this reason.
func (a answer) want(t testing.TB, what string, status int, reason string) {
	t.Helper()
	if a.status != status || reason != "" && a.problem.Reason != reason {
		t.Errorf("%.300s: %v; want %d %s", what, a, status, reason)
	}
}

// into reads the answer of a success.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	if a.status >= 300 {
		t.Fatalf("%v", a)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v: %.300s", err, a.body)
	}
}

// must is ask for what has to work.
func (s *server) must(t testing.TB, method, path string, body any, changes ...how) answer {
	t.Helper()
	a := s.ask(t, method, path, body, changes...)
	if a.status >= 300 {
		t.Fatalf("%s %s: %v", method, path, a)
	}
	return a
}

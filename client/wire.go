package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"keyfob/api"
)

// Match says which version of a record a write is about, as If-Match does.
type Match string

// Any matches whichever version there is.
const Any Match = "*"

// Seen matches the version that was seen: where somebody changed the record
// meanwhile, the write fails with conflict, reason api.ReasonStale.
func Seen(version int64) Match { return Match(`"v` + strconv.FormatInt(version, 10) + `"`) }

// wire sends requests and rebuilds errors.
type wire struct {
	base    string
	token   api.Key
	http    http.Client
	timeout time.Duration
	hint    string // where the server is away
}

func newWire(o Options, hint string) wire {
	w := wire{
		base: strings.TrimRight(o.BaseURL, "/"), token: o.Token, timeout: o.Timeout, hint: hint,
		http: http.Client{
			Transport: transportOf(o),
			// A redirect could carry the token elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if w.timeout == 0 {
		w.timeout = DefaultTimeout
	}
	return w
}

// request is one request, which may be sent more than once.
type request struct {
	method, path string
	in           any    // goes as JSON; nil: no body
	match        Match  // If-Match; empty: none
	key          string // Idempotency-Key; empty: none
	safe         bool   // it may be sent again though it may have arrived
}

// answer is what came back.
type answer struct {
	header http.Header
	body   []byte
}

func (w *wire) get(ctx context.Context, path string, out any) error {
	return w.call(ctx, request{method: http.MethodGet, path: path, safe: true}, out)
}

// create sends what makes a record: the key lets it be sent again.
func (w *wire) create(ctx context.Context, path string, in, out any) error {
	return w.call(ctx, creation(path, in), out)
}

func creation(path string, in any) request {
	return request{method: http.MethodPost, path: path, in: in, key: rand.Text(), safe: true}
}

func (w *wire) post(ctx context.Context, path string, in, out any) error {
	return w.call(ctx, request{method: http.MethodPost, path: path, in: in}, out)
}

func (w *wire) patch(ctx context.Context, path string, in any, m Match, out any) error {
	return w.call(ctx, request{method: http.MethodPatch, path: path, in: in, match: m}, out)
}

func (w *wire) delete(ctx context.Context, path string, m Match) error {
	return w.call(ctx, request{method: http.MethodDelete, path: path, match: m}, nil)
}

// call reads the answer into out (nil: the answer is dropped).
func (w *wire) call(ctx context.Context, r request, out any) error {
	a, err := w.send(ctx, r)
	if err != nil || out == nil {
		return err
	}
	return decode(a.body, r, out)
}

// unsendable says why a body is no JSON; none of our types quote a value in that.
func unsendable(err error) error {
	if e, ok := errors.AsType[*json.MarshalerError](err); ok {
		err = e.Unwrap()
	}
	return &api.Error{Code: api.CodeInvalid, Message: "the request cannot be sent: " + err.Error(), Hint: "check what was typed or pasted"}
}

func decode(b []byte, r request, out any) error {
	if json.Unmarshal(b, out) == nil {
		return nil
	}
	return &api.Error{
		Code: api.CodeInternal, Message: "the server's answer to " + r.method + " " + pathOf(r.path) + " is not what this client knows",
		Hint: "use the same version of client and server, and check that the address is a Keyfob server's",
	}
}

// pathOf leaves the query out, which may hold a cursor.
func pathOf(p string) string {
	p, _, _ = strings.Cut(p, "?")
	return p
}

// try sends r once. fresh says that nothing of it left this program.
func (w *wire) try(ctx context.Context, r request) (a answer, fresh bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	resp, fresh, err := w.open(ctx, r)
	if err != nil {
		return answer{}, fresh, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if err != nil {
		return answer{}, false, w.unreachable(err)
	}
	if len(b) > MaxAnswer {
		return answer{}, false, &api.Error{Code: api.CodeInternal, Message: fmt.Sprintf("the server's answer is larger than %d bytes", MaxAnswer), Hint: "ask for less at once"}
	}
	a = answer{header: resp.Header, body: b}
	if resp.StatusCode >= 300 {
		return a, false, errorOf(resp, b)
	}
	return a, false, nil
}

// open gives the answer with its body unread, whatever its status.
func (w *wire) open(ctx context.Context, r request) (resp *http.Response, fresh bool, err error) {
	var asked, connected atomic.Bool
	req, err := w.request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}), r)
	if err != nil {
		return nil, false, err
	}
	resp, err = w.http.Do(req)
	if err != nil {
		return nil, asked.Load() && !connected.Load(), w.unreachable(err)
	}
	return resp, false, nil
}

func (w *wire) request(ctx context.Context, r request) (*http.Request, error) {
	var body io.Reader
	if r.in != nil {
		b, err := json.Marshal(r.in)
		if err != nil {
			return nil, unsendable(err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, w.base+r.path, body)
	if err != nil || req.URL.Host == "" {
		return nil, &api.Error{Code: api.CodeInvalid, Message: "the server's address is not a URL", Hint: "write it as http://HOST:PORT or https://HOST"}
	}
	if r.in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.match != "" {
		req.Header.Set("If-Match", string(r.match))
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if !w.token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+string(w.token.Bytes()))
	}
	return req, nil
}

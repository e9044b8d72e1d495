// Package client is the Go SDK of Keyfob's HTTP API.
//
// A Client acts for a person; a Workspace, made from a session key, acts for
// code that runs inside a live workspace. Every error that the server gave is
// an *api.Error, so errors.Is(err, &api.Error{Code: api.CodeNotFound}) holds.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"keyfob/api"
)

// MaxAnswer is the largest answer that is read, in bytes.
const MaxAnswer = 64 << 20

// Options say how a Client reaches its server.
type Options struct {
	// BaseURL is the server's address without a trailing slash, such as
	// "http://127.0.0.1:4711". It is required.
	BaseURL string
	// Transport carries the requests; nil is http.DefaultTransport.
	Transport http.RoundTripper
	// Token goes as "Authorization: Bearer"; the empty value sends none.
	Token api.Value
}

// Client speaks for a person. It is safe for concurrent use.
type Client struct{ wire }

// New makes a Client; it does no I/O.
func New(o Options) *Client { return &Client{newWire(o)} }

// wire sends requests and rebuilds errors.
type wire struct {
	base  string
	token api.Value
	http  http.Client
}

func newWire(o Options) wire {
	return wire{
		base:  strings.TrimRight(o.BaseURL, "/"),
		token: o.Token,
		http: http.Client{
			Transport: o.Transport,
			// A redirect could carry the token elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// call sends in as JSON (nil: no body) and reads the answer into out (nil: the
// answer is dropped).
func (w *wire) call(ctx context.Context, method, path string, in, out any) error {
	b, err := w.raw(ctx, method, path, in)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return &api.Error{Code: api.CodeInternal, Message: "the server's answer to " + method + " " + path + " is not what this client knows", Hint: "use the same version of client and server"}
	}
	return nil
}

func (w *wire) raw(ctx context.Context, method, path string, in any) ([]byte, error) {
	req, err := w.request(ctx, method, path, in)
	if err != nil {
		return nil, err
	}
	resp, err := w.http.Do(req)
	if err != nil {
		return nil, unreachable(ctx, w.base, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if err != nil {
		return nil, unreachable(ctx, w.base, err)
	}
	if len(b) > MaxAnswer {
		return nil, &api.Error{Code: api.CodeInternal, Message: fmt.Sprintf("the server's answer is larger than %d bytes", MaxAnswer)}
	}
	if resp.StatusCode >= 300 {
		return nil, errorOf(resp, b)
	}
	return b, nil
}

func (w *wire) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, w.base+path, body)
	if err != nil {
		return nil, &api.Error{Code: api.CodeInvalid, Message: "the server's address is not a URL", Hint: "write it as http://HOST:PORT or https://HOST"}
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !w.token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+string(w.token.Bytes()))
	}
	return req, nil
}

// errorOf rebuilds the error from the body; an answer that is not Keyfob's own
// gets an error by its status.
func errorOf(resp *http.Response, b []byte) error {
	var body api.ErrorBody
	if json.Unmarshal(b, &body) == nil && body.Error != nil && body.Error.Code != "" {
		return body.Error
	}
	for _, c := range api.Codes {
		if c.Status == resp.StatusCode {
			return &api.Error{Code: c.Code, Message: "the server answered " + resp.Status}
		}
	}
	return &api.Error{Code: api.CodeInternal, Message: "the server answered " + resp.Status, Hint: "check that the address is a Keyfob server's"}
}

// unreachable hides the request's URL, which http.Client puts in its errors.
func unreachable(ctx context.Context, base string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	return &api.Error{Code: api.CodeUnavailable, Message: fmt.Sprintf("cannot reach Keyfob at %s: %v", base, err), Hint: "is the keyfob that started this workspace still running?"}
}

package client

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"keyfob/api"
)

// The reasons of errors that are the client's own, all of code unavailable.
const (
	ReasonUnreachable = "unreachable" // no connection, or it broke
	ReasonTLS         = "tls"         // the server's certificate is not trusted
)

// errorOf rebuilds the error from the body; an answer that is not Keyfob's own
// gets an error by its status.
func errorOf(resp *http.Response, b []byte) error {
	var p api.Problem
	if json.Unmarshal(b, &p) == nil && p.Code != "" {
		return withRetryAfter(p.Error(), resp)
	}
	if resp.TLS == nil && resp.StatusCode == http.StatusBadRequest && bytes.Contains(b, []byte("HTTP request to an HTTPS server")) {
		return &api.Error{Code: api.CodeInvalid, Message: "the server speaks https at this address, and was asked over http", Hint: "write its address with https://"}
	}
	for _, c := range api.Codes {
		if c.Status == resp.StatusCode {
			return withRetryAfter(&api.Error{Code: c.Code, Message: "the server answered " + resp.Status, Hint: "check that the address is a Keyfob server's"}, resp)
		}
	}
	return &api.Error{Code: api.CodeInternal, Message: "the server answered " + resp.Status, Hint: "check that the address is a Keyfob server's"}
}

// withRetryAfter takes the time from the header where the body has none.
func withRetryAfter(e *api.Error, resp *http.Response) *api.Error {
	if n, err := strconv.ParseInt(resp.Header.Get("Retry-After"), 10, 32); err == nil && n > 0 && e.RetryAfter == 0 {
		e.RetryAfter = api.Seconds(n)
	}
	return e
}

// unreachable hides the request's URL, which http.Client puts in its errors.
func (w *wire) unreachable(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if e, ok := errors.AsType[*api.Error](err); ok {
		return e
	}
	out := &api.Error{Code: api.CodeUnavailable, Reason: ReasonUnreachable, Message: fmt.Sprintf("cannot reach Keyfob at %s: %v", w.base, err), Hint: w.hint}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		out.Reason = ReasonTLS
		out.Hint = "if the certificate is from an authority of your own, trust that: keyfob login URL --ca-file FILE"
	}
	return out
}

func isUnreachable(err error) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && e.Reason == ReasonUnreachable
}

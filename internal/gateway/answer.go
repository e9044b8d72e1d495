package gateway

import (
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"keyfob/api"
	"keyfob/failover"
	"keyfob/internal/broker"
	"keyfob/internal/core"
	"keyfob/internal/provider"
)

// answer passes the upstream's answer on. A redirect is not: the client would
// send its next request, and perhaps a credential, past the gateway. Nor is a
// status that ends no exchange, such as a change of protocol nobody asked for.
func (x *exchange) answer(ad provider.Adapter, resp *http.Response, single bool) error {
	if resp.StatusCode < 200 {
		return core.Errorf(core.Unavailable, "the upstream answered with a status that is none (%d)", resp.StatusCode).
			WithReason("upstream_status").WithHint("it may have done the work; check the account's base URL")
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.StatusCode != http.StatusNotModified {
		return redirected(resp)
	}
	h := x.w.Header()
	responseHeader(h, resp.Header, ad.ResponseHeader)
	if resp.ContentLength > 0 || resp.ContentLength == 0 && resp.StatusCode != http.StatusNoContent && resp.StatusCode != http.StatusNotModified && x.r.Method != http.MethodHead {
		h["Content-Length"] = []string{strconv.FormatInt(resp.ContentLength, 10)}
	}
	if single {
		h[HeaderSingleShot] = []string{"body"}
	}
	x.account, x.local, x.status = resp.Header.Get(broker.HeaderAccount), resp.Header.Get(broker.HeaderLocal), resp.StatusCode
	x.pace.write()
	x.w.WriteHeader(resp.StatusCode)
	if err := x.copy(resp); err != nil {
		panic(http.ErrAbortHandler) // the headers are out: the client must see that it is cut
	}
	return nil
}

func redirected(resp *http.Response) error {
	e := core.Errorf(core.Unavailable, "the upstream answered with a redirect (status %d), which is not followed", resp.StatusCode).
		WithReason("upstream_redirect").WithHint("set the account's base URL to where the API really is")
	if ref := resp.Header.Get(broker.HeaderAccount); ref != "" {
		e.Hint = "set the base URL of " + ref + " to where the API really is"
	}
	return e
}

// responseHeader copies what may pass of the upstream's headers.
func responseHeader(out, in http.Header, allowed func(string) bool) {
	for name, values := range in {
		switch {
		case name == broker.HeaderAccount, name == broker.HeaderLocal, name == "Content-Encoding":
		case neverPass[name], neverAnswered(name), !allowed(name), named(in, name):
			continue
		}
		out[name] = values
	}
	out["Content-Type"] = inert(in["Content-Type"]) // nil, or net/http would guess one
}

// copy passes the body on. What has no length is a stream, and each piece goes
// out as it comes.
func (x *exchange) copy(resp *http.Response) error {
	var flush http.Flusher
	if resp.ContentLength < 0 {
		if flush, _ = x.w.(http.Flusher); flush != nil && !ready(resp.Body) {
			flush.Flush() // the headers, for whoever waits for them
		}
	}
	x.pace.wait()
	buf := x.g.buffers.Get().(*[]byte)
	defer x.g.buffers.Put(buf)
	for {
		n, err := resp.Body.Read(*buf)
		if n > 0 {
			x.pace.write()
			if _, err := x.w.Write((*buf)[:n]); err != nil {
				return err
			}
			if flush != nil && err == nil {
				flush.Flush()
			}
			x.pace.wait()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ready says whether the body has bytes to pass on without waiting: the headers
// go out together with them.
func ready(body io.Reader) bool {
	b, ok := body.(interface{ Buffered() int })
	return ok && b.Buffered() > 0
}

// status gives the HTTP status of an error of ours.
func status(e *core.Error) int {
	switch e.Reason {
	case "foreign_host":
		return http.StatusMisdirectedRequest
	case "upgrade":
		return http.StatusUpgradeRequired
	case "method":
		return http.StatusNotImplemented
	case "upstream_redirect", "upstream_status":
		return http.StatusBadGateway
	}
	if e.Field == "provider" {
		return http.StatusNotFound
	}
	return api.StatusOf(string(e.Code))
}

// fail answers with an error in the shape of the provider's own, so that its
// clients show the message. Nobody waits for that of a request that was given
// up.
func (x *exchange) fail(err error) {
	if x.flight != nil && x.flight.Err() != nil {
		err = x.flight.Err() // it was ended from here; whatever it was doing failed by that
	}
	if aborted(x.r.Context(), err) {
		panic(http.ErrAbortHandler)
	}
	e := known(err)
	if e.Code == core.Unauthenticated && x.of == "" && e.Reason != "no_gateway_key" && x.g.Refused != nil {
		x.g.Refused(x.r, reason(e))
	}
	l := failover.Local{Status: status(e), Reason: reason(e), Message: "Keyfob: " + text(e), RetryAfter: e.RetryAfter}
	if l.Status >= 500 {
		x.g.Log.LogAttrs(x.r.Context(), slog.LevelWarn, "request failed", slog.String("reason", l.Reason), slog.String("cause", err.Error()))
	}
	resp := broker.LocalAnswer(x.r, x.dialect(), l)
	h := x.w.Header()
	for name, values := range resp.Header {
		h[name] = values
	}
	if l.Status == http.StatusUpgradeRequired {
		h["Upgrade"], h["Connection"] = []string{"HTTP/1.1"}, []string{"Upgrade"}
	}
	x.local, x.status = l.Reason, l.Status
	x.pace.write()
	x.w.WriteHeader(l.Status)
	_, _ = io.Copy(x.w, resp.Body) // a client that went away needs no answer
}

// dialect is the adapter of the path's provider, else one that every client
// reads.
func (x *exchange) dialect() provider.Adapter {
	for _, id := range [...]string{x.target.provider, "openai-compatible", "openai"} {
		if ad, err := x.g.Broker.Adapter(broker.Grant{}, id); err == nil {
			return ad
		}
	}
	return nil
}

func reason(e *core.Error) string {
	if e.Reason != "" {
		return e.Reason
	}
	return string(e.Code)
}

// text is the message with the hint as a second sentence.
func text(e *core.Error) string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + ". " + strings.ToUpper(e.Hint[:1]) + e.Hint[1:]
}

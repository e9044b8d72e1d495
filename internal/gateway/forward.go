package gateway

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keyfob/internal/broker"
	"keyfob/internal/core"
	"keyfob/internal/provider"
)

// forward sends the request over the broker and the answer back; the end of ctx
// ends both. inQuery says that the key came in the query.
func (x *exchange) forward(ctx context.Context, grant broker.Grant, key string, inQuery bool) error {
	ad, err := x.g.Broker.Adapter(grant, x.target.provider)
	if err != nil {
		return err
	}
	x.provider = x.target.provider
	if inQuery && !ad.Info().KeyInQuery {
		return keyInQuery()
	}
	if strings.Contains(x.target.path, key) {
		return core.Errorf(core.Invalid, "the path holds the gateway key").WithReason("path").WithHint("send the key in a header")
	}
	body, err := x.takeBody()
	if err != nil {
		return err
	}
	if body != nil {
		defer body.release()
	}
	if body != nil && body.rest != nil {
		// Else net/http would close the client's body when the answer begins,
		// while the rest of it is still on its way. HTTP/2 can do it anyway.
		_ = http.NewResponseController(x.w).EnableFullDuplex()
	}
	req := x.request(ctx, ad, body, key)
	resp, err := x.g.Broker.Do(req, broker.Call{
		Grant: grant, Provider: x.target.provider, Namespace: x.target.namespace,
		Marks: x.inspect(ad, req, body), Path: x.target.path, Note: &x.note,
	})
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // what could be read has been
	x.headers = time.Now()
	return x.answer(ad, resp, body != nil && body.rest != nil)
}

// takeBody takes the body in; nil where there is none.
func (x *exchange) takeBody() (*spool, error) {
	if x.r.ContentLength == 0 || x.r.Body == nil || x.r.Body == http.NoBody {
		return nil, nil
	}
	s, err := x.g.spool.take(&x.body, x.r.ContentLength)
	if err != nil {
		return nil, notWhole(err)
	}
	return s, nil
}

func notWhole(err error) error {
	return core.Errorf(core.Invalid, "the request's body did not arrive whole").WithReason("body").WithHint("send it again").Wrap(err)
}

// request is the client's request as it goes upstream, without a credential and
// without a host.
func (x *exchange) request(ctx context.Context, ad provider.Adapter, body *spool, key string) *http.Request {
	out := x.r.WithContext(ctx)
	out.URL = &url.URL{Path: x.target.path, RawPath: x.target.escaped, RawQuery: stripQuery(x.r.URL.RawQuery, key)}
	out.Header = requestHeader(x.r.Header, ad.RequestHeader, key)
	out.Host, out.RequestURI, out.RemoteAddr, out.Pattern = "", "", "", ""
	out.Proto, out.ProtoMajor, out.ProtoMinor, out.Close = "HTTP/1.1", 1, 1, false
	out.TransferEncoding, out.Trailer, out.Form, out.PostForm, out.MultipartForm = nil, nil, nil, nil, nil
	out.Body, out.ContentLength, out.GetBody, out.TLS = nil, 0, nil, nil
	if body != nil {
		out.Body, out.ContentLength = body.open(), body.length(x.r.ContentLength)
		if body.rest == nil {
			out.GetBody = func() (io.ReadCloser, error) { return body.open(), nil }
		}
	}
	return out
}

// inspect looks at what the client sent, as it sent it: a body that is encoded is
// neither decoded nor looked at, so it has no marks.
func (x *exchange) inspect(ad provider.Adapter, req *http.Request, body *spool) provider.Marks {
	if body == nil || encoded(x.r.Header) {
		return ad.Inspect(req.Method, x.target.path, req.Header, nil)
	}
	head, free := body.head()
	defer free()
	return ad.Inspect(req.Method, x.target.path, req.Header, head)
}

func encoded(h http.Header) bool {
	for _, v := range h["Content-Encoding"] {
		if v != "" && !strings.EqualFold(v, "identity") {
			return true
		}
	}
	return false
}

package app

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
)

// inProcess carries requests to a handler of this process, so that on one
// machine the CLI speaks the same API as to a server. An answer is held in
// memory until the handler returns; one that streams only until it flushes.
type inProcess struct {
	handler http.Handler
	streams func(*http.Request) bool // nil: none does
}

// RoundTrip implements http.RoundTripper. It returns once the handler has
// returned or, of an answer that streams, flushed. Closing the body ends the
// request's context and waits for the handler.
func (p inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(req.Context())
	in := req.Clone(ctx)
	in.RequestURI = req.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := &answer{header: http.Header{}, ready: make(chan struct{}), done: make(chan struct{})}
	if p.streams != nil && p.streams(req) {
		go p.serve(w, in)
	} else {
		w.whole = true
		p.serve(w, in)
	}
	<-w.ready
	return w.response(req, cancel), nil
}

func (p inProcess) serve(w *answer, in *http.Request) {
	defer w.end()
	defer in.Body.Close()
	p.handler.ServeHTTP(w, in)
}

// answer is an http.ResponseWriter and http.Flusher into memory, and from the
// first flush on into a pipe. It is the handler's until ready is closed.
type answer struct {
	header http.Header
	sent   http.Header // as it was when the status was written; nil: not yet
	status int
	held   bytes.Buffer
	whole  bool           // a flush does nothing: whoever would read waits for the end
	read   *io.PipeReader // nil: nothing was flushed
	write  *io.PipeWriter
	ready  chan struct{}
	done   chan struct{} // closed when the handler has returned
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.sent == nil && status >= 200 {
		a.status, a.sent = status, a.header.Clone()
	}
}

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.write != nil {
		return a.write.Write(p)
	}
	return a.held.Write(p)
}

// Flush implements http.Flusher: the first one lets RoundTrip return.
func (a *answer) Flush() {
	if a.write != nil || a.whole {
		return
	}
	a.WriteHeader(http.StatusOK)
	a.read, a.write = io.Pipe()
	close(a.ready)
}

// end is what the connection's end is to a real server; a handler that panics
// breaks its answer off, and what it panics with is not swallowed but for the
// documented sentinel.
func (a *answer) end() {
	p := recover()
	a.WriteHeader(http.StatusOK)
	if a.write == nil && p == http.ErrAbortHandler { //nolint:errorlint // the documented sentinel is compared as such
		a.read, a.write = io.Pipe()
		close(a.ready)
	}
	close(a.done)
	switch {
	case a.write == nil:
		close(a.ready)
	case p != nil:
		a.write.CloseWithError(io.ErrUnexpectedEOF)
	default:
		a.write.Close()
	}
	if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // as above
		panic(p)
	}
}

func (a *answer) response(req *http.Request, cancel func()) *http.Response {
	resp := &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: a.sent, Request: req, ContentLength: -1,
	}
	if a.read == nil {
		cancel()
		resp.ContentLength = int64(a.held.Len())
		resp.Body = io.NopCloser(&a.held)
		return resp
	}
	resp.Body = &stream{Reader: io.MultiReader(&a.held, a.read), pipe: a.read, cancel: cancel, done: a.done}
	return resp
}

// stream is the body of an answer whose handler still runs.
type stream struct {
	io.Reader
	pipe   *io.PipeReader
	cancel func()
	done   <-chan struct{}
}

// Close ends the handler's context and its pipe, and waits for it.
func (s *stream) Close() error {
	s.cancel()
	_ = s.pipe.Close() // never fails
	<-s.done
	return nil
}

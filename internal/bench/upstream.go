package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"
)

// load is one kind of request with its answer.
type load struct {
	name string
	body string
	path string // below the base URL
}

func prompt(n int, stream bool) string {
	return fmt.Sprintf(`{"model":"test-large","max_tokens":64,"stream":%t,"messages":[{"role":"user","content":"%s"}]}`, stream, strings.Repeat("x", n))
}

func loads() []load {
	return []load{
		{"POST of 2 KiB, JSON answer", prompt(2<<10, false), "/v1/messages"},
		{"POST of 100 KiB, JSON answer", prompt(100<<10, false), "/v1/messages"},
		{"POST of 20 KiB, stream of 20 events", prompt(20<<10, true), "/v1/messages?stream"},
	}
}

const answer = `{"id":"msg_1","type":"message","role":"assistant","model":"test-large","content":[{"type":"text","text":"` +
	`Hello. This is an answer of a usual length for a small question.` +
	`"}],"stop_reason":"end_turn","usage":{"input_tokens":512,"output_tokens":16}}`

// upstream answers as the provider does, as quickly as net/http can.
func upstream(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if r.URL.RawQuery != "stream" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flush := w.(http.Flusher)
	_, _ = io.WriteString(w, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":512,\"output_tokens\":1}}}\n\n")
	for i := range 20 {
		_, _ = fmt.Fprintf(w, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"word %d \"}}\n\n", i)
		flush.Flush()
	}
	_, _ = io.WriteString(w, "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":20}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
}

// serve listens on a free port of the loopback interface.
func serve(h http.Handler) (base string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: quiet()}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	return "http://" + l.Addr().String(), func() { _ = srv.Close(); <-done }, nil
}

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// bare is what one gets from the standard library in five lines, with as many
// idle connections as the gateway keeps.
func bare(base string) (http.Handler, error) {
	to, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost, t.DisableCompression = 256, true
	return &httputil.ReverseProxy{Transport: t, ErrorLog: quiet(), Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }}, nil
}

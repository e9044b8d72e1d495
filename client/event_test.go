package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/api"
	"keyfob/client"
)

// A stream that breaks is resumed after the last event that came.
func TestEventsAreResumed(t *testing.T) {
	var after []string
	c := client.New(serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := len(after)
		after = append(after, r.URL.Query().Get("after"))
		if n == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintf(w, ": hello\n\nid: %d\ndata: {\"id\":\"%d\",\ndata: \"kind\":\"secret\"}\n\nid: 99\nevent: x\n\n", n, n)
	}))
	var got []string
	for e, err := range c.Events(t.Context(), "7") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.ID+" "+e.Kind)
		if len(got) == 3 {
			break
		}
	}
	if strings.Join(got, ", ") != "0 secret, 2 secret, 3 secret" {
		t.Errorf("got %q", got)
	}
	if strings.Join(after, ", ") != "7, 0, 0, 2" {
		t.Errorf("asked after %q", after)
	}
}

func TestEventsEndWhereTheyAreRefused(t *testing.T) {
	n := 0
	c := client.New(serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n++; n > 1 {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	var last error
	for _, last = range c.Events(t.Context(), "") { //nolint:revive // the last pair is the error
	}
	if !errors.Is(last, &api.Error{Code: api.CodeUnauthenticated}) || n != 2 {
		t.Errorf("got %v after %d", last, n)
	}
	for _, last = range client.New(serve(t, answer(503, ""))).Events(t.Context(), "") {
	}
	if !errors.Is(last, &api.Error{Code: api.CodeUnavailable}) {
		t.Errorf("a server that was never there: %v", last)
	}
}

// silent is a body that says nothing until its request is over.
type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }
func (silent) Close() error               { return nil }

type silentServer struct{ asked []time.Time }

func (s *silentServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, time.Now())
	resp := reply(http.StatusOK, "")
	resp.Body = silent{r.Context()}
	return resp, nil
}

// A connection that died without a word says nothing for ever.
func TestASilentStreamIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		s := &silentServer{}
		for _, err := range client.New(client.Options{BaseURL: "http://x.test", Transport: s}).Events(ctx, "") {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		}
		if len(s.asked) != 3 {
			t.Errorf("asked %d times in three minutes", len(s.asked))
		}
	})
}

func TestExportIsWrittenAsItComes(t *testing.T) {
	c := client.New(serve(t, answer(http.StatusOK, "{\"a\":1}\n{\"b\":2}\n")))
	var out strings.Builder
	if err := c.ExportAudit(t.Context(), &out); err != nil || out.String() != "{\"a\":1}\n{\"b\":2}\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
	if err := c.ExportAudit(t.Context(), full{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("a full disk: %v", err)
	}
	if err := client.New(serve(t, answer(403, `{"code":"forbidden","detail":"no"}`))).ExportAudit(t.Context(), &out); !errors.Is(err, &api.Error{Code: api.CodeForbidden}) {
		t.Errorf("refused: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

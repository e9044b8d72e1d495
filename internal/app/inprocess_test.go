package app

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func trip(t *testing.T, p inProcess) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://keyfob.local/x?y=1", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func always(*http.Request) bool { return true }

func TestInProcessAnswersWhole(t *testing.T) {
	resp := trip(t, inProcess{handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-A", "before")
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusTeapot) // the first one counts
		w.Header().Set("X-A", "after")
		w.(http.Flusher).Flush() // there is nobody yet who could read
		_, _ = w.Write(append(b, r.RequestURI...))
	})})
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || string(b) != "body/x?y=1" || resp.StatusCode != 201 || resp.ContentLength != 10 || resp.Header.Get("X-A") != "before" {
		t.Errorf("got %+v, %q, %v", resp, b, err)
	}
}

// A stream of events in process must reach its reader while the handler runs,
// and end with whoever reads it.
func TestInProcessStreams(t *testing.T) {
	next, ended := make(chan string), make(chan error, 1)
	resp := trip(t, inProcess{streams: always, handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "first\n")
		for {
			w.(http.Flusher).Flush()
			select {
			case s := <-next:
				_, _ = io.WriteString(w, s)
			case <-r.Context().Done():
				_, err := io.WriteString(w, "nobody reads this")
				ended <- err
				return
			}
		}
	})})
	b := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "first\n" {
		t.Fatalf("got %q, %v", b, err)
	}
	go func() { next <- "later\n" }()
	if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "later\n" {
		t.Fatalf("got %q, %v", b, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("a write after the close: %v", err)
		}
	default:
		t.Error("Close did not wait for the handler")
	}
}

func TestInProcessBreaksOff(t *testing.T) {
	for name, flush := range map[string]bool{"before a flush": false, "after one": true} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if flush {
				w.(http.Flusher).Flush()
			}
			panic(http.ErrAbortHandler)
		})
		resp := trip(t, inProcess{handler: h, streams: func(*http.Request) bool { return flush }})
		if _, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: an answer that broke off reads as whole: %v", name, err)
		}
		resp.Body.Close()
	}
}

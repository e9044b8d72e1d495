package cli

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/api"
	"keyfob/client"
)

func TestServerURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://keyfob.example.com": "https://keyfob.example.com", "https://Keyfob.Example.com:8443/": "https://keyfob.example.com:8443",
		"keyfob.example.com": "https://keyfob.example.com", "localhost:4780": "http://localhost:4780", "127.0.0.1:4780": "http://127.0.0.1:4780",
		"http://[::1]:4780": "http://[::1]:4780", "http://x.keyfob.localhost:1": "http://x.keyfob.localhost:1", "http://127.9.9.9": "http://127.9.9.9",
	} {
		if got, err := serverURL(in); err != nil || got != want {
			t.Errorf("serverURL(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "http://keyfob.example.com", "http://10.0.0.1", "http://localhost.example.com", "http://localhost@example.com", "https://user:pass@x.example",
		"https://x.example/path", "https://x.example?x", "https://x.example#x", "ftp://x.example", "https://", "http://127.0.0.1.example.com", "://x", "https://x.example:port",
	} {
		if got, err := serverURL(in); err == nil {
			t.Errorf("serverURL(%q) = %q, want an error", in, got)
		}
	}
}

// Whatever is typed, a token goes to https, or to this very machine.
func FuzzServerURL(f *testing.F) {
	f.Add("http://127.0.0.1:4780")
	f.Add("HTTP://localhost\\@example.com")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := serverURL(s)
		if err != nil {
			return
		}
		u, err := url.Parse(got)
		if err != nil || u.User != nil || u.Path != "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
			t.Errorf("serverURL(%q) = %q", s, got)
		}
		if again, err := serverURL(got); err != nil || again != got {
			t.Errorf("serverURL(%q) = %q, %v", got, again, err)
		}
	})
}

func envIn(t *testing.T, environ ...string) *Env {
	t.Helper()
	return &Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Environ: append(environ, "KEYFOB_HOME="+t.TempDir())}
}

func TestWhichServer(t *testing.T) {
	saved := savedLogin{URL: "https://saved.example", User: "ada", Token: savedToken{Value: "kfp_saved"}, Reveal: savedToken{Value: "kfp_reveal"}}
	for _, c := range []struct {
		environ []string
		local   bool
		login   bool
		url     string // empty: this machine's vault
		token   string
		fails   string
	}{
		{nil, false, false, "", "", ""},
		{nil, false, true, "https://saved.example", "kfp_saved", ""},
		{nil, true, true, "", "", ""},
		{[]string{"KEYFOB_LOCAL=1"}, false, true, "", "", ""},
		{[]string{"KEYFOB_LOCAL=0"}, false, true, "https://saved.example", "kfp_saved", ""},
		{[]string{"KEYFOB_TOKEN=kfp_own"}, false, true, "https://saved.example", "kfp_own", ""},
		{[]string{"KEYFOB_TOKEN=kfp_own"}, false, false, "", "", api.CodeInvalid},
		{[]string{"KEYFOB_SERVER=https://other.example", "KEYFOB_TOKEN=kfp_own"}, false, true, "https://other.example", "kfp_own", ""},
		// The tokens of one server never go to another.
		{[]string{"KEYFOB_SERVER=https://other.example"}, false, true, "", "", api.CodeUnauthenticated},
		{[]string{"KEYFOB_SERVER=https://saved.example/"}, false, true, "https://saved.example", "kfp_saved", ""},
		{[]string{"KEYFOB_SERVER=http://other.example", "KEYFOB_TOKEN=x"}, false, false, "", "", api.CodeInvalid},
	} {
		e := envIn(t, c.environ...)
		e.Local = c.local
		if c.login {
			if err := e.writeLogin(saved); err != nil {
				t.Fatal(err)
			}
		}
		s, err := e.server()
		switch {
		case err != nil:
			if publicError(err).Code != c.fails || publicError(err).Hint == "" {
				t.Errorf("%+v: %v", c, err)
			}
		case c.fails != "":
			t.Errorf("%+v gives no error", c)
		case s == nil:
			if c.url != "" {
				t.Errorf("%+v gives this machine's vault", c)
			}
		case s.url != c.url || s.saved.Token.Value != c.token:
			t.Errorf("%+v gives %s", c, s.url)
		}
	}
}

func TestLoginIsStoredForItsUserAlone(t *testing.T) {
	e := envIn(t)
	want := savedLogin{URL: "https://x.example", User: "ada", Token: savedToken{ID: "a", Value: "kfp_a"}, Reveal: savedToken{ID: "b", Value: "kfp_b"}, CA: "pem"}
	if err := e.writeLogin(want); err != nil {
		t.Fatal(err)
	}
	got, err := e.readLogin()
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	home, _ := e.Home()
	entries, err := os.ReadDir(home)
	if err != nil || len(entries) != 2 {
		t.Errorf("in the home: %v, %v", entries, err)
	}
	if err := e.removeLogin(); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(home); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
	if err := os.WriteFile(filepath.Join(home, loginFile), []byte(`{"url":""}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := e.readLogin(); !isReason(err, "damaged_login") {
		t.Errorf("a damaged one: %v", err)
	}
}

// lease is a server that counts renewals and at last says no.
type lease struct {
	mu    sync.Mutex // guards what is below
	times []time.Time
}

func (l *lease) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.times)
}

func (l *lease) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times = append(l.times, time.Now())
	status, body := http.StatusOK, `{"expires_at":"2030-01-01T00:00:00Z"}`
	switch len(l.times) {
	case 2:
		return nil, io.ErrUnexpectedEOF // the server is away for a moment: the client asks again by itself
	case 5:
		status, body = http.StatusUnauthorized, `{"code":"unauthenticated","reason":"session_revoked","detail":"it has ended"}`
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// A run's workspace at a server is good for ten minutes: it is renewed every two,
// until the server says that it has ended, which is told.
func TestARunKeepsItsWorkspace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lease{}
		var errs bytes.Buffer
		s := &session{
			env: &Env{Stderr: &errs}, ctx: context.Background(), base: "https://x.example", host: host{server: &server{}},
			ws: client.NewWorkspace(client.Options{BaseURL: "https://x.example", Transport: l}),
		}
		began := time.Now()
		stop := s.keepAlive()
		time.Sleep(7 * time.Minute)
		synctest.Wait()
		if n := l.count(); n != 4 {
			t.Errorf("%d requests in seven minutes", n)
		}
		time.Sleep(time.Hour)
		stop()
		if s.made.ExpiresAt.IsZero() {
			t.Error("nobody kept until when the workspace is good")
		}
		if len(l.times) != 5 || l.times[4].Sub(began) != 8*time.Minute {
			t.Errorf("%d requests, the last after %v", len(l.times), l.times[len(l.times)-1].Sub(began))
		}
		if !strings.Contains(errs.String(), "the workspace was ended at https://x.example") {
			t.Errorf("said: %s", errs.String())
		}
	})
}

// A run that joined a workspace let it run out under its command, and said
// nothing when the workspace was over.
func TestAJoinedRunKeepsItsWorkspace(t *testing.T) {
	for name, v := range map[string]struct {
		answers func(n int) (int, string) // by the number of the request; 0: none
		runs    time.Duration
		asked   int
		said    []string
	}{
		"renewed at once, until it is ended": {func(n int) (int, string) {
			if n == 4 {
				return http.StatusUnauthorized, `{"code":"unauthenticated","reason":"session_revoked","detail":"it has ended"}`
			}
			return http.StatusOK, `{"expires_at":"2000-01-01T00:10:00Z"}`
		}, time.Hour, 4, []string{"keyfob: the workspace was ended at http://outer.example: what it fetches there is refused from now on"}},
		"one without an end is looked after": {func(int) (int, string) { return http.StatusOK, `{}` }, 7 * time.Minute, 4, nil},
		"run out": {func(n int) (int, string) {
			if n == 1 {
				return http.StatusOK, `{"expires_at":"2000-01-01T00:03:00Z"}`
			}
			return 0, ""
		}, time.Hour, -1, []string{
			"keyfob: the keyfob at http://outer.example, where this workspace was made, does not answer: what is fetched there fails until it does",
			"keyfob: the workspace has run out, since http://outer.example was away: what it fetches there is refused from now on",
		}},
		"away, said once": {func(int) (int, string) { return 0, "" }, time.Hour, -1, []string{
			"keyfob: the keyfob at http://outer.example, where this workspace was made, does not answer: what is fetched there fails until it does",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				var errs bytes.Buffer
				s := &session{
					env: &Env{Stderr: &errs}, ctx: context.Background(), base: "http://outer.example", host: host{joined: true},
					ws: client.NewWorkspace(client.Options{BaseURL: "http://outer.example", Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						n++
						status, body := v.answers(n)
						if status == 0 {
							return nil, io.ErrUnexpectedEOF
						}
						return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
					})}),
				}
				stop := s.keepAlive()
				time.Sleep(v.runs)
				stop()
				if v.asked >= 0 && n != v.asked {
					t.Errorf("%d requests", n)
				}
				if got := strings.Split(strings.TrimSuffix(errs.String(), "\n"), "\n"); len(v.said) > 0 && !slices.Equal(got, v.said) || len(v.said) == 0 && errs.Len() > 0 {
					t.Errorf("said:\n%s", errs.String())
				}
			})
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestARunOnThisMachineRenewsNothing(t *testing.T) {
	(&session{}).keepAlive()() // with nothing to ask it would panic
}

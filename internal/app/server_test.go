package app_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/app"
	"keyfob/internal/config"
	"keyfob/internal/core"
)

// served is a server that runs, and a browser on its machine.
type served struct {
	*app.Server
	app.Ready
	config app.Config
	drain  func() // asks it to end
	stop   func()
	log    *lines
}

type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func settings(t *testing.T, flags map[string]string) config.Server {
	t.Helper()
	all := map[string]string{"listen": "127.0.0.1:0"}
	for k, v := range flags {
		all[k] = v
	}
	s, err := config.Load("", nil, all)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	return s
}

func startServer(t *testing.T, flags map[string]string) *served {
	t.Helper()
	c := configFor(t)
	initVault(t, c)
	return startOn(t, c, flags)
}

func startOn(t *testing.T, c app.Config, flags map[string]string) *served {
	t.Helper()
	log := &lines{}
	s, err := app.OpenServer(t.Context(), c, settings(t, flags), log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan app.Ready, 1), make(chan error, 1)
	go func() { ended <- s.Run(ctx, func(r app.Ready) { ready <- r }) }()
	out := &served{Server: s, config: c, log: log, drain: cancel}
	out.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(out.stop)
	select {
	case out.Ready = <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatalf("ended at once: %v\n%s", err, log)
	}
	return out
}

// browser resolves every name to this machine, as browsers do with *.localhost,
// keeps cookies, and follows no redirect unless asked to.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, err
		}
		return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
	}, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type answer struct {
	status int
	body   string
	header http.Header
}

func ask(t *testing.T, c *http.Client, method, url string, change func(*http.Request), form url.Values) answer {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(r)
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, string(b), resp.Header}
}

func get(t *testing.T, c *http.Client, url string) answer { return ask(t, c, "GET", url, nil, nil) }

// login signs a command line in by the code of the start.
func (s *served) login(t *testing.T) api.Login {
	t.Helper()
	got, err := client.New(client.Options{BaseURL: s.URL}).Login(t.Context(), api.LoginRequest{Code: api.NewKey(s.Code.Reveal()), Client: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (s *served) client(token api.Key) *client.Client {
	return client.New(client.Options{BaseURL: s.URL, Token: token})
}

// The first five minutes: a start without any setting prints a link that signs a
// browser in, once, and a code that signs a command line in.
func TestFirstStart(t *testing.T) {
	s := startServer(t, nil)
	if !strings.HasPrefix(s.URL, "http://127.0.0.1:") || !strings.Contains(s.Pages, ".keyfob.localhost:") {
		t.Fatalf("at %s and %s", s.URL, s.Pages)
	}
	b, link := browser(t), string(s.Link.Reveal())
	first := get(t, b, link)
	cookie := first.header.Get("Set-Cookie")
	if first.status != 303 || first.header.Get("Location") != "/" || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") {
		t.Fatalf("%d %v", first.status, first.header)
	}
	if home := get(t, b, s.Pages+"/"); home.status != 200 || !strings.Contains(home.body, "keyfob login "+s.URL+"<") {
		t.Errorf("where it leads: %d\n%s", home.status, home.body)
	}
	if docs := get(t, b, s.Pages+"/docs"); docs.status != 200 || !strings.Contains(docs.body, "signed in as <b>local</b>") || !strings.Contains(docs.body, "/v1/secrets") {
		t.Errorf("the API page: %d\n%s", docs.status, docs.body)
	}
	if me := get(t, b, s.Pages+"/v1/me"); me.status != 200 || !strings.Contains(me.body, `"via":"browser"`) {
		t.Errorf("the browser's session: %d %s", me.status, me.body)
	}
	if again := get(t, browser(t), link); again.status != 401 || !strings.Contains(again.body, "used already") {
		t.Errorf("the link again: %d %s", again.status, again.body)
	}
	login := s.login(t)
	cl := s.client(login.Token.Value)
	if _, err := cl.CreateSecret(t.Context(), api.SecretCreate{Name: "A", Env: "A", Value: api.NewValue([]byte("x"))}); err != nil {
		t.Error(err)
	}
	if me, err := cl.Me(t.Context()); err != nil || me.Name != "local" || !me.Org {
		t.Errorf("%+v, %v", me, err)
	}
}

// A local command line and a server work on one vault at the same time.
func TestServerBesideLocalProcesses(t *testing.T) {
	s := startServer(t, nil)
	local := open(t, s.config)
	if _, err := local.Client().CreateSecret(t.Context(), api.SecretCreate{Name: "LOCAL", Env: "A", Value: api.NewValue([]byte("x"))}); err != nil {
		t.Fatal(err)
	}
	cl := s.client(s.login(t).Token.Value)
	if _, err := cl.GetSecret(t.Context(), "LOCAL"); err != nil {
		t.Errorf("the server does not see what was made here: %v", err)
	}
	links, err := local.UserLink(t.Context(), "local")
	if err != nil || links.URL != s.URL {
		t.Fatalf("%+v, %v", links, err)
	}
	if got := get(t, browser(t), string(links.Link.Reveal())); got.status != 303 {
		t.Errorf("a link of the operator's: %d %s", got.status, got.body)
	}
	s.stop()
	if _, err := local.UserLink(t.Context(), "local"); !errors.Is(err, &core.Error{Code: core.NotFound, Reason: "no_server"}) {
		t.Errorf("a link after the end: %v", err)
	}
}

func TestHealth(t *testing.T) {
	s := startServer(t, nil)
	b := browser(t)
	if got := get(t, b, s.URL+"/healthz"); got.status != 200 {
		t.Errorf("/healthz: %d", got.status)
	}
	var ready struct {
		Ready   bool
		Reasons []string
	}
	got := get(t, b, s.URL+"/readyz")
	if err := json.Unmarshal([]byte(got.body), &ready); err != nil || got.status != 200 || !ready.Ready {
		t.Errorf("/readyz: %d %s", got.status, got.body)
	}
	metrics := get(t, b, s.URL+"/metrics")
	if metrics.status != 200 || !strings.Contains(metrics.body, "keyfob_workspaces_live 0") || !strings.Contains(metrics.body, "keyfob_info") {
		t.Errorf("/metrics: %d\n%s", metrics.status, metrics.body)
	}
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "Origin", "Via"} {
		got := ask(t, b, "GET", s.URL+"/metrics", func(r *http.Request) { r.Header.Set(header, "http://x") }, nil)
		if got.status == 200 {
			t.Errorf("/metrics is answered with %s", header)
		}
	}
}

// Whoever asks /readyz learns of the end before connections are refused, streams
// of events end at once, and the log tells of it.
func TestDrainTellsFirst(t *testing.T) {
	s := startServer(t, map[string]string{"drain_delay": "5m"})
	cl := s.client(s.login(t).Token.Value)
	streamed := make(chan struct{})
	go func() {
		defer close(streamed)
		for range cl.Events(t.Context(), "") {
		}
	}()
	for !strings.Contains(get(t, browser(t), s.URL+"/metrics").body, "keyfob_event_streams 1") {
		time.Sleep(time.Millisecond)
	}
	go s.stop()
	for get(t, browser(t), s.URL+"/readyz").status != 503 {
		time.Sleep(time.Millisecond)
	}
	if got := get(t, browser(t), s.URL+"/readyz"); !strings.Contains(got.body, `"draining"`) {
		t.Errorf("got %s", got.body)
	}
	s.Hurry()
	s.stop()
	if log := s.log.String(); !strings.Contains(log, `"draining"`) || !strings.Contains(log, `"ended"`) {
		t.Errorf("the log:\n%s", log)
	}
}

func TestPortThatIsTaken(t *testing.T) {
	s := startServer(t, nil)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := configFor(t)
	initVault(t, c)
	_, err = app.OpenServer(t.Context(), c, settings(t, map[string]string{"listen": u.Host}), io.Discard)
	if !errors.Is(err, &core.Error{Code: core.Unavailable, Reason: "port_in_use"}) {
		t.Errorf("got %v", err)
	}
}

func TestServerWithoutAVault(t *testing.T) {
	c := app.Config{Home: filepath.Join(t.TempDir(), "keyfob")}
	_, err := app.OpenServer(t.Context(), c, settings(t, nil), io.Discard)
	if !errors.Is(err, &core.Error{Code: core.NotFound, Reason: "no_vault"}) {
		t.Errorf("got %v", err)
	}
}

// direct is the address that is listened on, whatever the public URL is.
func (s *served) direct(t *testing.T) string {
	t.Helper()
	return "http://" + s.Address()
}

// openPort is a port of this machine that was free just now.
func openPort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

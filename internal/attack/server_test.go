//go:build linux

package attack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"keyfob/keyfobtest"
)

// server is a `keyfob serve` of the built program.
type server struct {
	dir   string // everything of this server's
	env   []string
	url   string // for programs
	addr  string // HOST:PORT of url
	pages string // for browsers
	tls   bool   // the port speaks TLS
	link  string // printed at the start: signs the first user in
	code  string
	admin *person // that first user; nil with a start that prints no link

	people []*person
	kept   *http.Client // see kept
	out    *lines       // standard output
	log    *lines       // standard error
	pid    int
	ended  chan struct{}

	mu     sync.Mutex // guards what is below
	values map[string]string
	canary *keyfobtest.Canary // of values
}

// setup is how a server is started.
type setup struct {
	config string   // keyfob.yaml; {dir} is the server's directory
	env    []string // besides HOME, PATH and KEYFOB_HOME
	files  map[string]string
	within []string // a command that starts the program
	public string   // the public URL; empty: the address listened on
	plain  bool     // sign nobody in
}

// rootKey is the vault's, by the custody "env".
const rootKey = "YXR0YWNrLXJvb3Qta2V5LTAxMjM0NTY3ODlhYmNkZWY="

func newServer(t *testing.T, up setup) *server {
	t.Helper()
	s := &server{dir: t.TempDir(), values: map[string]string{"the root key": rootKey}}
	s.canary = keyfobtest.NewCanary(s.values)
	s.kept = s.keeping("127.0.0.9")
	t.Cleanup(s.kept.CloseIdleConnections)
	s.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.path("home"), "KEYFOB_HOME=" + s.path("vault"), "KEYFOB_VAULT_KEY=" + rootKey,
		"TMPDIR=" + s.path("tmp"), "GORACE=exitcode=66",
	}, up.env...)
	for _, d := range []string{"home", "tmp"} {
		if err := os.Mkdir(s.path(d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range up.files {
		s.write(t, name, strings.ReplaceAll(text, "{dir}", s.dir))
	}
	s.write(t, "keyfob.yaml", strings.ReplaceAll(up.config, "{dir}", s.dir))
	s.run(t, nil, "vault", "init", "--custody", "env")
	return s
}

// start starts a server and signs its first user in.
func start(t *testing.T, up setup) *server {
	t.Helper()
	s := newServer(t, up)
	s.serve(t, up)
	if !up.plain {
		s.admin = s.signIn(t, "local", s.link, s.code)
	}
	return s
}

func (s *server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *server) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs another command on the server's machine, which must end well.
func (s *server) run(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir, cmd.Stdin = s.env, s.dir, bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("keyfob %q: %v\n%s", args, err, out)
	}
	return string(out)
}

var (
	linkText = regexp.MustCompile(`(https?://[^\s/]+)/signin/\S+`)
	codeText = regexp.MustCompile(`keyfob login (https?://\S+)\n.*\n +(kfo_\w+)\n`)
)

// serve starts the server and waits until it says where it is.
func (s *server) serve(t *testing.T, up setup) {
	t.Helper()
	words := append(append([]string{}, up.within...), program, "serve", "--config", s.path("keyfob.yaml"))
	s.tls = strings.Contains(up.config, "tls_cert:")
	if up.public == "" {
		words = append(words, "--listen", "127.0.0.1:0")
	} else {
		// What is printed is then the public URL, so the port must be known before.
		s.addr = freePort(t)
		words = append(words, "--public-url", up.public, "--listen", s.addr)
	}
	cmd := exec.Command(words[0], words[1:]...)
	s.out, s.log = newLines(), newLines()
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = s.env, s.dir, s.out, s.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid, s.ended = cmd.Process.Pid, make(chan struct{})
	var exit error
	go func() { exit = cmd.Wait(); close(s.ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-s.ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			t.Error("the server does not end")
			<-s.ended
		}
		if exit != nil {
			t.Errorf("the server ended with %v", exit)
		}
		s.searchLog(t)
	})
	s.await(t)
}

// hosts counts what freePort gave.
var hosts atomic.Int32

// freePort is a port of an address of this machine that is given to nobody else,
// so that it is free still when a server listens there: what other tests listen
// on is of 127.0.0.1, and a connection's own end too.
func freePort(t *testing.T) string {
	t.Helper()
	pid, n := os.Getpid(), hosts.Add(1)
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 100+pid>>8&63, pid&255, n))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (s *server) await(t *testing.T) {
	t.Helper()
	end := time.After(time.Minute)
	for {
		changed := s.out.next()
		text := s.out.String()
		link, code := linkText.FindStringSubmatch(text), codeText.FindStringSubmatch(text)
		if link != nil && code != nil {
			s.pages, s.link, s.url, s.code = link[1], link[0], code[1], code[2]
			if s.addr == "" {
				s.addr = s.url[strings.Index(s.url, "//")+2:]
			}
			return
		}
		select {
		case <-changed:
		case <-s.ended:
			t.Fatalf("the server ended: %s\n%s", text, s.log)
		case <-end:
			t.Fatalf("the server does not say where it is: %s\n%s", text, s.log)
		}
	}
}

// proofText is the form of everything that proves somebody.
var proofText = regexp.MustCompile(`kf[a-z]_[a-z2-7]{40,}`)

// searchLog holds the log to one line of JSON per event, whatever was asked, with
// nothing in it that proves somebody, and no value. A report of the race detector
// is no JSON.
func (s *server) searchLog(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(s.log.String()) {
		var e struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Time == "" || e.Level == "" || e.Msg == "" {
			t.Errorf("this is no event of the log: %.500s\n%.5000s", line, s.log)
			break
		}
		if e.Level == "ERROR" {
			t.Errorf("the server reports a fault of its own: %.3000s", line)
		}
	}
	text := []byte(s.log.String())
	if proofText.Match(text) {
		t.Errorf("the log holds a proof: %.100s", proofText.Find(text))
	}
	for _, h := range s.search(text) {
		t.Errorf("the log holds a value: %v", h)
	}
}

// keeps makes a value known that must come out nowhere but where a test says so.
func (s *server) keeps(name, value string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[name] = value
	s.canary = keyfobtest.NewCanary(s.values)
	return value
}

func (s *server) search(b []byte) []keyfobtest.Hit {
	s.mu.Lock()
	c := s.canary
	s.mu.Unlock()
	return c.Find(b)
}

// lines is what a process prints.
type lines struct {
	mu   sync.Mutex // guards what is below
	b    bytes.Buffer
	more chan struct{} // closed at the next write
}

func newLines() *lines { return &lines{more: make(chan struct{})} }

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// next is closed when there is more than now.
func (l *lines) next() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.more
}

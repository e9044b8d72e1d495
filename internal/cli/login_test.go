package cli_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func serverFor(t *testing.T, dir string, args ...string) *testServer {
	t.Helper()
	s, err := startServer(dir, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("the server: %v\n%s", err, s.log())
		}
	})
	return s
}

// at runs keyfob with a home in dir.
func keyfobIn(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(keyfob, args...)
	cmd.Env = []string{
		"HOME=" + dir, "KEYFOB_HOME=" + filepath.Join(dir, "client"), "GORACE=exitcode=66 atexit_sleep_ms=10",
		"PATH=" + filepath.Dir(keyfob) + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
	return cmd
}

var userCode = regexp.MustCompile(`approve the code (\S+),`)

// deviceLogin starts a login without a code, has the browser decide, and gives
// what the command said.
func deviceLogin(t *testing.T, dir string, s *testServer, decision string) (said string, err error) {
	t.Helper()
	cmd := keyfobIn(dir, "login", s.ready.URL)
	var out bytes.Buffer
	cmd.Stdout = &out
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var errs strings.Builder
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		errs.WriteString(lines.Text() + "\n")
		if m := userCode.FindStringSubmatch(lines.Text()); m != nil {
			if err := s.press("/device", url.Values{"code": {m[1]}, "decision": {decision}}); err != nil {
				t.Error(err)
			}
		}
	}
	err = cmd.Wait()
	return out.String() + errs.String(), err
}

func TestLoginThatABrowserApproves(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serverFor(t, dir)
	said, err := deviceLogin(t, dir, s, "deny")
	if err == nil || !strings.Contains(said, "hint: ") {
		t.Errorf("denied: %v\n%s", err, said)
	}
	if _, err := os.Stat(filepath.Join(dir, "client", "login.json")); err == nil {
		t.Error("a denied login is stored")
	}
	said, err = deviceLogin(t, dir, s, "approve")
	if err != nil || !strings.Contains(said, "signed in to "+s.ready.URL+" as local until ") {
		t.Fatalf("approved: %v\n%s", err, said)
	}
	if out, err := keyfobIn(dir, "whoami").CombinedOutput(); err != nil || !strings.Contains(string(out), "local") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A server whose certificate is from an authority of one's own: nobody is told
// anything until that is trusted, and then everything that a run starts trusts
// it too.
func TestAServerWithAnAuthorityOfItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca, cert, key := certificate(t, dir)
	address := freeAddress(t)
	s := serverFor(t, dir, "--listen", address, "--tls-cert", cert, "--tls-key", key, "--public-url", "https://"+address)
	out, err := keyfobIn(dir, "login", s.ready.URL, "--code", "kfo_x").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "hint: if the certificate is from an authority of your own, trust that: keyfob login URL --ca-file FILE") {
		t.Fatalf("an unknown authority: %v\n%s", err, out)
	}
	login := keyfobIn(dir, "login", s.ready.URL, "--ca-file", ca, "--code", "-")
	login.Stdin = strings.NewReader(s.ready.Code)
	if out, err := login.CombinedOutput(); err != nil {
		t.Fatalf("login: %v\n%s", err, out)
	}
	set := keyfobIn(dir, "secret", "set", "A", "--lookup")
	set.Stdin = strings.NewReader("looked-up")
	if out, err := set.CombinedOutput(); err != nil {
		t.Fatalf("secret set: %v\n%s", err, out)
	}
	if out, err := keyfobIn(dir, "run", "--", "keyfob", "get", "A").Output(); err != nil || string(out) != "looked-up" {
		t.Errorf("get: %v\n%s", err, out)
	}
	out, err = keyfobIn(dir, "run", "--", "sh", "-c", "echo $NODE_EXTRA_CA_CERTS; cat $KEYFOB_CA_FILE").Output()
	if path := filepath.Join(dir, "client", "server-ca.pem"); err != nil || !strings.HasPrefix(string(out), path+"\n-----BEGIN CERTIFICATE") {
		t.Errorf("%v\n%s", err, out)
	}
}

// freeAddress is one that nobody listens on now.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// certificate makes an authority and a certificate of its for 127.0.0.1.
func certificate(t *testing.T, dir string) (ca, cert, key string) {
	t.Helper()
	authority := newKey(t)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ours"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leafKey := newKey(t)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	ca = writePEM(t, dir, "ca.pem", "CERTIFICATE", sign(t, root, root, authority, authority))
	cert = writePEM(t, dir, "cert.pem", "CERTIFICATE", sign(t, leaf, root, leafKey, authority))
	der, err := x509.MarshalPKCS8PrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	return ca, cert, writePEM(t, dir, "key.pem", "PRIVATE KEY", der)
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t *testing.T, c, by *x509.Certificate, key, authority *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, authority)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t *testing.T, dir, name, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The server was killed while a command ran: the command's own code counts, the
// end is said, and its keys are good for minutes at most.
func TestAServerThatIsAwayAtTheEndOfARun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serverFor(t, dir)
	if err := s.login(filepath.Join(dir, "client")); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(dir, "gone")
	cmd := keyfobIn(dir, "run", "--", "sh", "-c", `echo started; while [ ! -e "$0" ]; do sleep 0.05; done; exit 7`, gone)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "started\n" {
		t.Fatalf("the command says %q\n%s", line, errs.String())
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(gone, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 7 {
		t.Errorf("exit code %d, want the command's", code)
	}
	if want := "keyfob: the workspace could not be ended at " + s.ready.URL + ": its keys are good until "; !strings.Contains(errs.String(), want) {
		t.Errorf("%q is not said:\n%s", want, errs.String())
	}
}

// Somebody who was signed in mistyped the port of their server. What answered there
// answers everything with JSON: its answer was stored as a login, and the good one
// was revoked.
func TestLoginAtWhatIsNoServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serverFor(t, dir)
	cmd := keyfobIn(dir, "login", s.ready.URL, "--code", s.ready.Code)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"msg_1","type":"message"}`)
	}))
	defer other.Close()
	out, err := keyfobIn(dir, "login", other.URL, "--code", "x").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no Keyfob server") || !strings.Contains(string(out), "hint:") {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := keyfobIn(dir, "whoami").CombinedOutput(); err != nil || !strings.Contains(string(out), s.ready.URL) {
		t.Errorf("the good login: %v\n%s", err, out)
	}
}

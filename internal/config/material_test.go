package config_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keyfob/internal/config"
	"keyfob/internal/core"
)

// pair writes a self-signed certificate for a name, and its key.
func pair(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
	return cert, key
}

func write(t *testing.T, path string, b []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, b, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // past the umask
		t.Fatal(err)
	}
}

func load(t *testing.T, flags map[string]string) config.Server {
	t.Helper()
	s, err := config.Load("", nil, flags)
	if err != nil {
		t.Fatal(faults(t, err))
	}
	return s
}

func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	cert, key := pair(t, dir, "k.example")
	_, other := pair(t, dir, "other.example")
	with := func(cert, key, url string) config.Server {
		return load(t, map[string]string{"tls_cert": cert, "tls_key": key, "public_url": url})
	}
	if notes, err := with(cert, key, "https://k.example").Check(); err != nil || len(notes) != 0 {
		t.Errorf("a good pair: %v, %v", notes, err)
	}
	if notes, err := with(cert, key, "https://elsewhere.example").Check(); err != nil || len(notes) != 1 || !strings.Contains(notes[0], "elsewhere.example") {
		t.Errorf("a certificate for another name: %v, %v", notes, err)
	}
	for name, s := range map[string]config.Server{
		"another's key": with(cert, other, "https://k.example"),
		"no such file":  with(cert, key+"x", "https://k.example"),
		"a directory":   with(dir, key, "https://k.example"),
		"the wrong way": with(key, cert, "https://k.example"),
	} {
		if _, err := s.Check(); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	write(t, key, nil, 0o644)
	if _, err := with(cert, key, "https://k.example").Check(); err == nil {
		t.Error("an empty key is taken")
	}
}

func TestProxySecret(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	s := load(t, map[string]string{"proxy_networks": "127.0.0.1", "proxy_secret_file": path})
	good := strings.Repeat("0123456789abcdef", 2)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		ok   bool
	}{
		"good": {good + "\n", 0o600, true}, "short": {"canary-short\n", 0o600, false}, "two lines": {good + "\n" + good, 0o600, false},
		"empty": {"", 0o600, false}, "others write": {good, 0o602, false}, "others read": {good, 0o644, true},
	} {
		write(t, path, []byte(c.text), c.mode)
		m, err := s.Read()
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		if c.ok && string(m.ProxySecret.Reveal()) != good {
			t.Errorf("%s: it is not what was read", name)
		}
		if err != nil && strings.Contains(strings.Join(faults(t, err), ""), "canary") {
			t.Errorf("%s: the secret is repeated", name)
		}
		if notes, err := s.Check(); err == nil && (len(notes) == 1) != (c.mode == 0o644) {
			t.Errorf("%s: notes %q", name, notes)
		}
	}
}

func TestLauncherKeys(t *testing.T) {
	dir := t.TempDir()
	key := core.NewToken(core.LauncherPrefix)
	path := filepath.Join(dir, "ci.key")
	write(t, path, append(key.Reveal(), '\n'), 0o600)
	conf := file(t, "launchers:\n- {name: ci, users: [ada], key_file: "+path+"}\n- {name: tf, users: [ada], key_digest: \""+strings.Repeat("00", 32)+"\"}\n")
	s, err := config.Load(conf, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Read()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Launchers["ci"], core.TokenDigest(string(key.Reveal()))) || !bytes.Equal(m.Launchers["tf"], make([]byte, 32)) {
		t.Errorf("got %x", m.Launchers)
	}
	write(t, path, []byte("kfl_canary\n"), 0o600)
	if _, err := s.Read(); err == nil || strings.Contains(strings.Join(faults(t, err), ""), "canary") {
		t.Errorf("a file without a key: %v", err)
	}
}

// The server refused at its start what --check had accepted.
func TestTwoLaunchersWithOneKey(t *testing.T) {
	key := core.NewToken(core.LauncherPrefix)
	path := filepath.Join(t.TempDir(), "ci.key")
	write(t, path, key.Reveal(), 0o600)
	digest := hex.EncodeToString(core.TokenDigest(string(key.Reveal())))
	conf := file(t, "launchers:\n- {name: ci, users: [ada], key_file: "+path+"}\n- {name: tf, users: [ada], key_digest: \""+digest+"\"}\n")
	s, err := config.Load(conf, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(); err == nil || !strings.Contains(strings.Join(faults(t, err), ""), "tf has the key of ci") {
		t.Errorf("got %v", err)
	}
}

func TestFilesOfCheck(t *testing.T) {
	dir := t.TempDir()
	for name, flags := range map[string]map[string]string{
		"a sink in no directory":  {"audit_sink": filepath.Join(dir, "none", "audit.jsonl")},
		"no directory for bodies": {"spool_dir": filepath.Join(dir, "none")},
		"a sink that is none":     {"audit_sink": dir},
	} {
		if _, err := load(t, flags).Check(); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := load(t, map[string]string{"audit_sink": filepath.Join(dir, "audit.jsonl")}).Check(); err != nil {
		t.Errorf("a sink to be made: %v", err)
	}
	notes, err := load(t, map[string]string{"listen": ":0", "insecure": "true"}).Check()
	if err != nil || len(notes) != 1 {
		t.Errorf("insecure says nothing: %v, %v", notes, err)
	}
}

// A colleague in the group keyfob could make a launcher of theirs, or have any
// header believed, by editing the configuration file: --check must say so.
func TestCheckSaysWhoElseWritesTheConfiguration(t *testing.T) {
	path := file(t, "log_level: info\n")
	for mode, want := range map[os.FileMode]bool{0o600: false, 0o644: false, 0o660: true, 0o602: true, 0o664: true} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for _, by := range []string{"flag", "variable"} {
			s, err := config.Load(path, nil, nil)
			if by == "variable" {
				s, err = config.Load("", []string{"KEYFOB_CONFIG=" + path}, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			if notes, err := s.Check(); err != nil || strings.Contains(strings.Join(notes, ""), "go-w "+path) != want {
				t.Errorf("%o, named by a %s: %q, %v", mode, by, notes, err)
			}
		}
	}
}

func TestMetricsBeyondThisMachineAreNoted(t *testing.T) {
	notes, err := load(t, map[string]string{"metrics_listen": ":0", "insecure": "true"}).Check()
	if err != nil || len(notes) != 1 || !strings.HasPrefix(notes[0], "metrics on plain HTTP") {
		t.Errorf("%q, %v", notes, err)
	}
}

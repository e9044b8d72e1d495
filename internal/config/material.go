package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/secret"
)

// Material is what the files hold that the settings name.
type Material struct {
	ProxySecret secret.Secret     // empty: there is none
	Launchers   map[string][]byte // digests of launchers' keys, by name
}

// Read reads the files that the settings name, those of TLS apart. The
// error is of code invalid, with a detail for each fault.
func (s Server) Read() (Material, error) {
	m := Material{Launchers: map[string][]byte{}}
	var bad faults
	if s.ProxySecretFile != "" {
		m.ProxySecret = s.proxySecret(&bad)
	}
	whose := map[string]string{} // by digest
	for _, l := range s.Launchers {
		d, ok := l.digest(&bad)
		if !ok {
			continue
		}
		if other, twice := whose[string(d)]; twice {
			bad.add(l.source, "the launcher %s has the key of %s: give each one of its own", l.Name, other)
		}
		whose[string(d)], m.Launchers[l.Name] = l.Name, d
	}
	return m, bad.err()
}

// Check looks at everything that Load cannot: whether the files are there, and
// hold what they should. Notes are what is allowed and perhaps not meant.
func (s Server) Check() (notes []string, err error) {
	var bad faults
	if _, err := s.Read(); err != nil {
		bad = append(bad, err.(*core.Error).Details...) //nolint:errorlint // Read makes it
	}
	if s.TLSClientCA != "" {
		s.clientCAs(&bad)
	}
	if s.TLS() {
		notes = append(notes, s.checkCertificate(&bad)...)
	}
	if s.AuditSink != "" {
		s.checkSink(&bad)
	}
	if info, err := os.Stat(s.SpoolDir); s.SpoolDir != "" && (err != nil || !info.IsDir()) {
		bad.add("spool_dir", "there is no directory %s", s.SpoolDir)
	}
	for _, path := range s.secretFiles() {
		if info, err := os.Stat(path); err == nil && lets(info, 0o004) {
			notes = append(notes, path+" may be read by everybody on this machine")
		}
	}
	return append(notes, s.unwise()...), bad.err()
}

// unwise is what is allowed and perhaps not meant.
func (s Server) unwise() (notes []string) {
	if info, err := os.Stat(s.file); err == nil && info.Mode().IsRegular() && lets(info, 0o022) {
		notes = append(notes, s.file+" may be written by others than its owner, and so may who is believed and which launchers there are: chmod go-w "+s.file)
	}
	if s.Insecure && !s.TLS() && !s.Loopback() {
		notes = append(notes, "plain HTTP beyond this machine: whoever is on the way reads and changes everything")
	}
	if s.metricsBeyond() {
		notes = append(notes, "metrics on plain HTTP beyond this machine: whoever reaches "+s.MetricsListen+" reads them")
	}
	return notes
}

// lets says whether a file's mode has one of these bits. On Windows it says
// nothing about who may do what.
func lets(info fs.FileInfo, bits fs.FileMode) bool {
	return runtime.GOOS != "windows" && info.Mode().Perm()&bits != 0
}

func (s Server) secretFiles() []string {
	var out []string
	for _, path := range []string{s.TLSKey, s.ProxySecretFile} {
		if path != "" {
			out = append(out, path)
		}
	}
	for _, l := range s.Launchers {
		if l.KeyFile != "" {
			out = append(out, l.KeyFile)
		}
	}
	return out
}

// minProxySecret is 128 bits and more of what people let programs make up.
const minProxySecret = 32

func (s Server) proxySecret(bad *faults) secret.Secret {
	text, ok := oneLine(s.ProxySecretFile, "proxy_secret_file", bad)
	if ok && len(text) < minProxySecret {
		bad.add("proxy_secret_file", "the file must hold one line of %d characters or more, such as openssl rand -hex 32 prints", minProxySecret)
		return secret.Secret{}
	}
	return secret.FromString(text)
}

// oneLine reads a file with one line of visible ASCII.
func oneLine(path, key string, bad *faults) (string, bool) {
	b, ok := read(path, key, bad)
	if !ok {
		return "", false
	}
	text := strings.TrimRight(string(b), "\r\n")
	for _, r := range text {
		if r <= ' ' || r > '~' {
			bad.add(key, "the file must hold one line, without spaces")
			return "", false
		}
	}
	return text, true
}

func read(path, key string, bad *faults) ([]byte, bool) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		bad.add(key, "%s cannot be read: %s", path, why(err))
		return nil, false
	case !info.Mode().IsRegular(): // a pipe may say nothing for ever, a device everything
		bad.add(key, "%s is not a file", path)
		return nil, false
	case lets(info, 0o002):
		bad.add(key, "%s may be changed by everybody on this machine: chmod o-w %s", path, path)
		return nil, false
	}
	b, err := bounded(path)
	switch {
	case err != nil:
		bad.add(key, "%s cannot be read: %s", path, why(err))
	case len(b) > maxFile:
		bad.add(key, "%s is larger than 1 MiB", path)
	}
	return b, err == nil && len(b) <= maxFile
}

// bounded reads one byte more than a file may have, at most.
func bounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// why is the cause without the path, which stands before it.
func why(err error) string {
	if p, ok := err.(*fs.PathError); ok { //nolint:errorlint // what package os returns
		return p.Err.Error()
	}
	return "it is not a file"
}

// digest never says what a file holds that holds no key.
func (l Launcher) digest(bad *faults) ([]byte, bool) {
	if l.KeyFile == "" {
		d, err := hex.DecodeString(l.KeyDigest)
		return d, err == nil
	}
	text, ok := oneLine(l.KeyFile, l.source, bad)
	if ok && !core.IsToken(text, core.LauncherPrefix) {
		bad.add(l.source, "%s holds no launcher's key: keyfob launcher key makes one", l.KeyFile)
		return nil, false
	}
	return core.TokenDigest(text), ok
}

// ClientCAs reads the authorities of clients' certificates.
func (s Server) ClientCAs() (*x509.CertPool, error) {
	var bad faults
	pool := s.clientCAs(&bad)
	return pool, bad.err()
}

func (s Server) clientCAs(bad *faults) *x509.CertPool {
	b, ok := read(s.TLSClientCA, "tls_client_ca", bad)
	pool := x509.NewCertPool()
	if ok && !pool.AppendCertsFromPEM(b) {
		bad.add("tls_client_ca", "%s holds no certificate in PEM", s.TLSClientCA)
	}
	return pool
}

func (s Server) checkCertificate(bad *faults) (notes []string) {
	pair := s.keyPair(bad)
	if pair == nil {
		return nil
	}
	u, err := url.Parse(s.PublicURL)
	if err == nil && pair.Leaf.VerifyHostname(u.Hostname()) != nil {
		notes = append(notes, "the certificate is not for "+u.Hostname()+", the host of public_url")
	}
	return notes
}

// KeyPair reads the server's certificate and key, which must belong together.
func (s Server) KeyPair() (*tls.Certificate, error) {
	var bad faults
	pair := s.keyPair(&bad)
	if pair == nil {
		return nil, core.Errorf(core.Invalid, "%s", bad[0].Message)
	}
	return pair, nil
}

// keyPair is nil where something is wrong, of which it then adds a fault.
func (s Server) keyPair(bad *faults) *tls.Certificate {
	key, ok := read(s.TLSKey, "tls_key", bad)
	if !ok {
		return nil
	}
	defer clear(key)
	cert, ok := read(s.TLSCert, "tls_cert", bad)
	if !ok {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		bad.add("tls_cert", "%s and %s are no certificate and its key, both in PEM", s.TLSCert, s.TLSKey)
		return nil
	}
	return &pair
}

// checkSink tries what the server will do with the file.
func (s Server) checkSink(bad *faults) {
	dir := filepath.Dir(s.AuditSink)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		bad.add("audit_sink", "there is no directory %s", dir)
		return
	}
	if info, err := os.Stat(s.AuditSink); err == nil && !info.Mode().IsRegular() {
		bad.add("audit_sink", "%s is not a file", s.AuditSink)
	}
}

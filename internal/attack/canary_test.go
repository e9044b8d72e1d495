//go:build linux

package attack

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"keyfob/keyfobtest"
)

// TestCanary starts a server with everything on and known values for all that is
// secret, uses every route of its document with success, and then each with what
// is wrong, and searches every byte that came out. A route without a step here
// fails the test.
func TestCanary(t *testing.T) {
	t.Parallel()
	c := newCanaryRun(t)
	c.use(t)
	c.pagesForPeople(t)
	c.throughTheGateway(t)
	c.wrong(t)
	c.remove(t)
	c.everyRouteWasUsed(t)
	c.search(t)
}

// canaryRun is that server, and what it writes to.
type canaryRun struct {
	*server
	provider  *keyfobtest.Provider
	upstream  string
	metricsAt string
	traces    *lines
	events    *lines
	alice     *person
	used      map[string]bool // ids of operations that have succeeded
	all       []operation
	// spoken are texts that may stand in answers and the trail, for whoever may
	// read those, but in no log, metric or trace.
	spoken map[string]string

	session, gateway string // keys of a workspace
	workspaceID      string
}

const (
	collectorKey = "collector-credential-0123456789abcdef"
	wrongValue   = "wrong-value-that-stands-in-the-wrong-place"
	wrongName    = "wrong-name-that-stands-in-the-wrong-place"
)

func newCanaryRun(t *testing.T) *canaryRun {
	t.Helper()
	c := &canaryRun{used: map[string]bool{}, traces: newLines(), events: newLines(), metricsAt: freePort(t), spoken: map[string]string{"a wrong name": wrongName}}
	c.provider, c.upstream = upstreamAt(t, "127.88.20.1")
	collector := serveAt(t, "127.0.0.1", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // what is lost would be missed below
		_, _ = c.traces.Write(b)
		for name, values := range r.Header {
			if name != "Authorization" {
				_, _ = c.traces.Write(fmt.Append(nil, name, values))
			}
		}
	}))
	cert, certKey := certificate(t)
	up := behindProxy()
	launcher := withLauncher("alice")
	up.public = "https://keyfob.example"
	up.config += launcher.config + "tls_cert: '{dir}/cert.pem'\ntls_key: '{dir}/key.pem'\naudit_sink: '{dir}/sink.jsonl'\nmetrics_listen: '" + c.metricsAt +
		"'\nlog_level: debug\nlog_format: json\nupstream_allow: [127.88.20.1]\n"
	up.files["cert.pem"], up.files["key.pem"] = cert, certKey
	up.env = []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + collector, "OTEL_EXPORTER_OTLP_HEADERS=authorization=" + collectorKey, "OTEL_BSP_SCHEDULE_DELAY=200"}
	c.server = newServer(t, up)
	for name, value := range map[string]string{
		"the collector's credential": collectorKey, "the proxy's secret": proxySecret, "the launcher's key": launcherKey(), "the TLS key": certKey[30:90],
		"alice's key": aliceKey, "the organisation's key": orgKey, "a wrong value": wrongValue,
	} {
		c.keeps(name, value)
	}
	c.serve(t, up)
	c.keeps("the first link", c.link[strings.LastIndexByte(c.link, '/')+1:])
	c.keeps("the first code", c.code)
	c.admin = c.signIn(t, "local", c.link, c.code)
	c.all = c.operations(t)
	c.alice = c.join(t, "alice")
	c.wantCookie(t, "local", "Path=/", "HttpOnly", "SameSite=Lax", "Secure")
	return c
}

// certificate is a server's own, and its key.
func certificate(t *testing.T) (cert, private string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "keyfob.example"}, DNSNames: []string{"keyfob.example"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, from, from, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw}))
}

// ok is a request that succeeds, and that is this operation of the document.
func (c *canaryRun) ok(t *testing.T, id, method, path string, body any, changes ...how) answer {
	t.Helper()
	a := c.ask(t, method, path, body, changes...)
	if a.status >= 400 {
		t.Errorf("%s: %v", id, a)
		return a
	}
	bare, _, _ := strings.Cut(path, "?")
	for _, o := range c.all {
		if o.id == id && o.method == method && o.takes(bare) {
			c.used[id] = true
			return a
		}
	}
	t.Errorf("%s %s is not %s", method, path, id)
	return a
}

func (o operation) takes(path string) bool {
	want, got := strings.Split(o.path, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}

func (c *canaryRun) everyRouteWasUsed(t *testing.T) {
	t.Helper()
	for _, o := range c.all {
		if !c.used[o.id] {
			t.Errorf("the canary does not use %s %s (%s) with success: give it a step", o.method, o.path, o.id)
		}
	}
}

// search looks through everything that came out and was not searched as an
// answer.
func (c *canaryRun) search(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	metrics := get(t, ctx, "http://"+c.metricsAt+"/metrics")
	c.until(t, "the collector has a span of every part", func() bool {
		text := c.traces.String()
		return strings.Contains(text, "/v1/secrets/{name}") && strings.Contains(text, "/p/{provider}/{namespace}/") && strings.Contains(text, "keyfob.account")
	})
	c.until(t, "the sink has every entry", func() bool {
		return strings.Contains(get(t, ctx, "http://"+c.metricsAt+"/metrics"), "keyfob_audit_sink_unsent_entries 0")
	})
	sink, err := os.ReadFile(c.path("sink.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	c.stop(t)
	for what, out := range map[string]struct{ text, has string }{
		"metrics":         {metrics, `route="/v1/secrets/{name}"`},
		"traces":          {c.traces.String(), "http.route"},
		"log":             {c.log.String(), `"msg":"request"`},
		"stream":          {c.events.String(), "event: secret"},
		"sink":            {string(sink), "secret.create"},
		"standard output": {strings.NewReplacer(c.link, "", c.code, "").Replace(c.out.String()), "serving at"},
	} {
		if !strings.Contains(out.text, out.has) {
			t.Errorf("the %s lacks %q, so this search is blind: %.2000s", what, out.has, out.text)
		}
		c.clean(t, what, out.text)
	}
	quiet := keyfobtest.NewCanary(c.spoken)
	for what, text := range map[string]string{"metrics": metrics, "traces": c.traces.String(), "log": c.log.String()} {
		for _, h := range quiet.Find([]byte(text)) {
			t.Errorf("the %s hold what a request said: %v", what, h)
		}
	}
	c.searchDisk(t)
	c.searchProvider(t)
}

func (c *canaryRun) clean(t *testing.T, what, text string) {
	t.Helper()
	for _, h := range c.server.search([]byte(text)) {
		t.Errorf("the %s: %v", what, h)
	}
	if m := proofText.FindString(text); m != "" {
		t.Errorf("the %s holds a proof: %.12s…", what, m)
	}
}

// stop ends the server, so that all is written that it would write.
func (c *canaryRun) stop(t *testing.T) {
	t.Helper()
	p, err := os.FindProcess(c.pid)
	if err == nil {
		err = p.Signal(os.Interrupt)
	}
	if err != nil {
		t.Fatal(err)
	}
	wantEnded(t, "the server", c.ended)
}

// searchDisk searches the database and everything else that the server wrote.
func (c *canaryRun) searchDisk(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"vault", "home", "tmp"} {
		c.write(t, dir+"/planted", "x"+wrongValue)
		hits, err := c.canary.FindDir(c.path(dir))
		if err != nil {
			t.Fatal(err)
		}
		if len(hits) == 0 {
			t.Errorf("a planted value is not found: the search of %s is blind", dir)
		}
		for _, h := range hits {
			if !strings.HasSuffix(h.Path, "/planted") {
				t.Errorf("left on disk: %v", h)
			}
		}
	}
	b, err := os.ReadFile(c.path("vault/keyfob.db"))
	if err != nil || !strings.Contains(string(b), "LOOKUP") {
		t.Errorf("the database holds no secret's name, so this search is blind: %v", err)
	}
	if proofText.Match(b) {
		t.Error("the database holds a proof")
	}
}

// searchProvider looks at what the provider was sent: the accounts' keys, and no
// other value.
func (c *canaryRun) searchProvider(t *testing.T) {
	t.Helper()
	carried := false
	for _, r := range c.provider.Requests() {
		for _, h := range c.server.search(fmt.Appendf(nil, "%s?%s %v\n%s", r.Path, r.RawQuery, r.Header, r.Body)) {
			if h.Name != "alice's key" && h.Name != "the organisation's key" && !strings.HasPrefix(h.Name, "sk-ant-api03") {
				t.Errorf("a request to the provider: %v", h)
			}
			carried = true
		}
	}
	if !carried {
		t.Error("no request carried an account's key, so this search is blind")
	}
}

func get(t *testing.T, ctx context.Context, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %d %v", url, resp.StatusCode, err)
	}
	return string(b)
}

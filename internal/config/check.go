package config

import (
	"encoding/hex"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"keyfob/internal/core"
)

// check says what of the values cannot be. It reads no file. Where some could not
// be read, those that could are looked at one by one, but not together: what is
// missing could be what could not be read.
func (s Server) check(whole bool) (bad faults) {
	c := checker{Server: s}
	c.addresses()
	c.publicURL()
	c.headers()
	c.numbers()
	c.words()
	c.launchers()
	c.upstreams()
	if whole {
		c.transport()
		c.proxies()
		c.together()
	}
	return c.bad
}

type checker struct {
	Server
	bad faults
}

func (c *checker) fault(key, format string, args ...any) {
	where := c.source[key]
	if where == "" {
		where = key
	}
	c.bad.add(where, key+" "+format, args...)
}

func (c *checker) addresses() {
	c.address("listen", c.Listen)
	if c.MetricsListen != "" {
		c.address("metrics_listen", c.MetricsListen)
	}
}

// address takes HOST:PORT where HOST is nothing, an address or localhost: a name
// could stand for another address tomorrow.
func (c *checker) address(key, text string) {
	host, port, err := net.SplitHostPort(text)
	if n, perr := strconv.ParseUint(port, 10, 16); err != nil || perr != nil || strconv.FormatUint(n, 10) != port {
		c.fault(key, "must be HOST:PORT, such as 127.0.0.1:4780 or [::1]:4780")
		return
	}
	if host == "" || host == "localhost" {
		return
	}
	if _, err := netip.ParseAddr(host); err != nil {
		c.fault(key, "takes an address, localhost, or nothing for every interface; not a name")
	}
}

// Loopback says whether only this machine can reach what is listened on.
func (s Server) Loopback() bool { return loopback(s.Listen) }

// Metrics are on plain HTTP whatever the main port speaks.
func (s Server) metricsBeyond() bool { return s.MetricsListen != "" && !loopback(s.MetricsListen) }

func loopback(at string) bool {
	host, _, err := net.SplitHostPort(at)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (c *checker) publicURL() {
	if c.PublicURL == "" {
		return
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery || u.Opaque != "" || !hostText().MatchString(u.Host) || !portOf(u) {
		c.fault("public_url", "must be https://HOST or https://HOST:PORT, in lower case and without a path")
	}
}

// scheme holds the public URL to what the other settings say.
func (c *checker) scheme() {
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "http" {
		return
	}
	if !c.Insecure && !loopbackName(u.Hostname()) {
		c.fault("public_url", "must be https, unless insecure is set")
	}
	if c.TLS() {
		c.fault("public_url", "must be https where tls_cert is set")
	}
}

func portOf(u *url.URL) bool {
	_, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil || u.Port() == ""
}

var hostText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$`)
})

func loopbackName(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && a.IsLoopback()
}

func (c *checker) transport() {
	c.scheme()
	if c.Listen == c.MetricsListen && !strings.HasSuffix(c.Listen, ":0") {
		c.fault("metrics_listen", "must be another address than listen")
	}
	if c.metricsBeyond() && !c.Insecure {
		c.fault("metrics_listen", "is reached from other machines, and never speaks TLS: take 127.0.0.1, or an address of a private network and set insecure")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		c.fault("tls_key", "and tls_cert go together")
	}
	if c.TLS() && c.PublicURL == "" {
		c.fault("public_url", "must be set with TLS: it is the name that the certificate is for")
	}
	if c.TLSClientCA != "" && !c.TLS() {
		c.fault("tls_client_ca", "needs tls_cert and tls_key")
	}
	if !c.TLS() && !c.Insecure && !c.Loopback() {
		c.fault("listen", "is reached from other machines, but there is no TLS: set tls_cert and tls_key, listen on 127.0.0.1 behind a proxy that speaks TLS, or set insecure")
	}
}

// reserved are headers that mean something already.
func reserved() []string {
	return []string{"authorization", "cookie", "host", "origin", "referer", "content-type", "content-length", "content-encoding",
		"transfer-encoding", "connection", "upgrade", "te", "trailer", "forwarded", "x-forwarded-for", "x-forwarded-host",
		"x-forwarded-proto", "x-session-api-key", "x-api-key", "x-goog-api-key", "keyfob-proxy-secret", "if-match", "if-none-match", "idempotency-key", "user-agent", "accept"}
}

func (c *checker) headers() {
	c.header("identity_header", c.IdentityHeader)
	c.header("identity_email_header", c.IdentityEmailHeader)
}

func (c *checker) proxies() {
	proof := c.ProxySecretFile != "" || len(c.ProxyCertificates) > 0
	switch {
	case c.IdentityEmailHeader != "" && c.IdentityHeader == "":
		c.fault("identity_email_header", "needs identity_header")
	case c.AdminEmail != "" && c.IdentityEmailHeader == "":
		c.fault("admin_email", "needs identity_email_header: only a proxy says which address somebody has")
	case strings.EqualFold(c.IdentityHeader, c.IdentityEmailHeader) && c.IdentityHeader != "":
		c.fault("identity_email_header", "must be another header than identity_header")
	}
	if c.IdentityHeader != "" && (!proof || len(c.ProxyNetworks) == 0) {
		c.fault("identity_header", "is believed only from a proxy that proves itself: set proxy_networks, and proxy_secret_file or proxy_certificates")
	}
	if proof != (len(c.ProxyNetworks) > 0) {
		c.fault("proxy_networks", "and a proof (proxy_secret_file or proxy_certificates) go together")
	}
	if len(c.ProxyCertificates) > 0 && c.TLSClientCA == "" {
		c.fault("proxy_certificates", "needs tls_client_ca")
	}
}

func (c *checker) header(key, name string) {
	if name != "" && !headerText().MatchString(name) {
		c.fault(key, "must be the name of a header, such as X-Forwarded-User")
	}
	if slices.Contains(reserved(), strings.ToLower(name)) {
		c.fault(key, "cannot be that header, which means something else")
	}
}

var headerText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`) })

func (c *checker) numbers() {
	for _, n := range []struct {
		key           string
		is, from, end int64
	}{
		{"max_connections", int64(c.MaxConnections), 1, 1 << 20}, {"max_requests", int64(c.MaxRequests), 1, 1 << 20},
		{"max_requests_per_workspace", int64(c.MaxRequestsPerWorkspace), 1, 1 << 20}, {"max_streams", int64(c.MaxStreams), 1, 1000},
		{"max_secrets", int64(c.MaxSecrets), 1, 100_000}, {"max_secret_bytes", int64(c.MaxSecretBytes), 1, 1 << 20},
		{"max_replay_bytes", int64(c.MaxReplayBytes), 1 << 20, 1 << 30},
		{"spool_memory", int64(c.SpoolMemory), 1 << 20, 1 << 40}, {"spool_disk", int64(c.SpoolDisk), 1 << 20, 1 << 40},
	} {
		if n.is < n.from || n.is > n.end {
			c.fault(n.key, "must be %d to %d", n.from, n.end)
		}
	}
	for _, d := range []struct {
		key           string
		is, from, end time.Duration
	}{
		{"grace", c.Grace, 0, 24 * time.Hour}, {"drain", c.Drain, 0, time.Hour}, {"drain_delay", c.DrainDelay, 0, 10 * time.Minute},
		{"idle_time", c.IdleTime, time.Second, time.Hour},
		{"gateway_read_idle", c.GatewayReadIdle, time.Second, time.Hour}, {"gateway_write_idle", c.GatewayWriteIdle, time.Second, time.Hour},
		{"token_life", c.TokenLife, time.Minute, 366 * day}, {"session_life", c.SessionLife, time.Minute, 30 * day},
	} {
		if d.is < d.from || d.is > d.end {
			c.fault(d.key, "must be %s to %s", durationText(d.from), durationText(d.end))
		}
	}
}

// together holds numbers to each other. What was not given is no fault.
func (c *checker) together() {
	if c.MaxRequestsPerWorkspace > c.MaxRequests && c.source["max_requests_per_workspace"] != "" {
		c.fault("max_requests_per_workspace", "cannot be reached: max_requests is %d", c.MaxRequests)
	}
	if c.MaxRequests > 2*c.MaxConnections && c.source["max_requests"] != "" {
		c.fault("max_requests", "cannot be reached: max_connections lets in %d requests at most, twice itself", 2*c.MaxConnections)
	}
	if c.MaxReplayBytes > c.SpoolDisk {
		c.fault("max_replay_bytes", "cannot be kept: spool_disk takes %d bytes of all requests; raise that, or lower this", c.SpoolDisk)
	}
}

func (c *checker) words() {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		c.fault("log_level", "must be debug, info, warn or error")
	}
	if c.LogFormat != "json" && c.LogFormat != "text" {
		c.fault("log_format", "must be json or text")
	}
	if c.AdminEmail != "" && !emailText().MatchString(c.AdminEmail) {
		c.fault("admin_email", "must be an address such as ada@example.com, in lower case")
	}
}

var emailText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$`)
})

var nameText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$`)
})

func (c *checker) launchers() {
	names := map[string]bool{}
	for _, l := range c.Launchers {
		c.launcher(l)
		if names[l.Name] {
			c.bad.add(l.source, "there are two launchers of that name")
		}
		names[l.Name] = true
	}
}

// launcher never repeats what could be a key that stands in the wrong place.
func (c *checker) launcher(l Launcher) {
	bad := func(format string, args ...any) { c.bad.add(l.source, format, args...) }
	if !nameText().MatchString(l.Name) {
		bad("a launcher's name is 1 to 64 of a-z, 0-9 and . _ -, beginning and ending with a letter or digit")
	}
	if (l.KeyDigest == "") == (l.KeyFile == "") {
		bad("a launcher has a key_digest or a key_file: keyfob launcher key makes both")
	}
	if d, err := hex.DecodeString(l.KeyDigest); err != nil || len(d) != 32 && l.KeyDigest != "" {
		bad("key_digest must be the SHA-256 of the key, 64 digits in hex: keyfob launcher key prints it")
	}
	if len(l.Users) == 0 {
		bad(`a launcher must name its users, or "*" for every user`)
	}
	for _, u := range l.Users {
		if u != "*" && !nameText().MatchString(u) {
			bad("users must be names of users: 1 to 64 of a-z, 0-9 and . _ -")
		}
	}
	if err := core.CheckLabels(l.Labels); err != nil {
		bad("labels must be KEY: VALUE with letters, digits and . _ / -, at most 32")
	}
	for k := range l.Labels {
		if strings.HasPrefix(k, "keyfob/") {
			bad("labels that begin with keyfob/ are Keyfob's own")
		}
	}
}

func (c *checker) upstreams() {
	for _, u := range c.UpstreamAllow {
		if _, err := prefixes([]string{u}); err != nil && !hostText().MatchString(u) {
			c.fault("upstream_allow", "must be addresses, networks such as 10.0.0.0/8, or host names in lower case")
		}
	}
}

// Upstreams is UpstreamAllow as networks and names.
func (s Server) Upstreams() (networks []netip.Prefix, names []string) {
	for _, u := range s.UpstreamAllow {
		if p, err := prefixes([]string{u}); err == nil {
			networks = append(networks, p...)
		} else {
			names = append(names, u)
		}
	}
	return networks, names
}

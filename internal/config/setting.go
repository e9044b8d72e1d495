package config

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/core"
)

// Setting is one line of the table, as flags and the reference need it.
type Setting struct {
	Key         string // in the file, such as tls_cert
	Placeholder string // what the value is, in capitals; empty: the setting is a switch
	Usage       string
	Default     string
	FileOnly    bool // it is no text, and stands in the file alone
}

// Flag is the setting's flag without its dashes.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Key, "_", "-") }

// Env is the setting's environment variable.
func (s Setting) Env() string { return "KEYFOB_" + strings.ToUpper(s.Key) }

// Switch says whether the value is true or false.
func (s Setting) Switch() bool { return s.Placeholder == "" }

// List says whether the value may hold several parts with commas between them.
func (s Setting) List() bool { return strings.HasSuffix(s.Placeholder, ",…") }

// Settings is the table, in the order of the reference.
func Settings() []Setting {
	def, out := Default(), []Setting{}
	for _, e := range table() {
		s := e.Setting
		s.Default = textOf(e.in(&def))
		if s.Default == "false" {
			s.Default = ""
		}
		out = append(out, s)
	}
	return out
}

// entry is a setting and where its value goes.
type entry struct {
	Setting
	in func(*Server) any // a pointer to one of the types that textOf knows
}

func table() []entry {
	at := func(key, placeholder, usage string, in func(*Server) any) entry {
		return entry{Setting{Key: key, Placeholder: placeholder, Usage: usage, FileOnly: placeholder == "LIST"}, in}
	}
	return []entry{
		at("listen", "HOST:PORT", "where to listen; port 0 takes a free one", func(s *Server) any { return &s.Listen }),
		at("public_url", "URL", "how people and workspaces call this server, such as https://keyfob.example.com; needed with TLS and behind a proxy", func(s *Server) any { return &s.PublicURL }),
		at("insecure", "", "speak plain HTTP beyond this machine, on listen or on metrics_listen: whoever is on the way reads and changes everything", func(s *Server) any { return &s.Insecure }),
		at("tls_cert", "FILE", "certificate chain, PEM; read again when it changes", func(s *Server) any { return &s.TLSCert }),
		at("tls_key", "FILE", "the certificate's private key, PEM", func(s *Server) any { return &s.TLSKey }),
		at("tls_client_ca", "FILE", "certificate authorities of proxies' client certificates, PEM; read again when it changes", func(s *Server) any { return &s.TLSClientCA }),
		at("admin_email", "EMAIL", "whom a proxy vouches for with this address is an administrator; no sign-in link is printed then", func(s *Server) any { return &s.AdminEmail }),
		at("identity_header", "NAME", "header in which a proven proxy names the user", func(s *Server) any { return &s.IdentityHeader }),
		at("identity_email_header", "NAME", "header in which it gives the user's address; it alone then decides who somebody is, so the proxy must have verified it", func(s *Server) any { return &s.IdentityEmailHeader }),
		at("proxy_networks", "CIDR,…", "networks that a proxy calls from", func(s *Server) any { return &s.ProxyNetworks }),
		at("proxy_secret_file", "FILE", "file with what the proxy sends in the header Keyfob-Proxy-Secret", func(s *Server) any { return &s.ProxySecretFile }),
		at("proxy_certificates", "NAME,…", "DNS names of which a proxy's client certificate has one", func(s *Server) any { return &s.ProxyCertificates }),
		at("launchers", "LIST", "programs that make workspaces for named users: name, key_digest or key_file, users, labels", func(s *Server) any { return &s.Launchers }),
		at("max_connections", "NUMBER", "connections at once; more wait to be accepted", func(s *Server) any { return &s.MaxConnections }),
		at("max_requests", "NUMBER", "requests through the gateway at once", func(s *Server) any { return &s.MaxRequests }),
		at("max_requests_per_workspace", "NUMBER", "the same, of one workspace", func(s *Server) any { return &s.MaxRequestsPerWorkspace }),
		at("max_streams", "NUMBER", "streams of events at once, of one user", func(s *Server) any { return &s.MaxStreams }),
		at("max_secrets", "NUMBER", "secrets of one owner", func(s *Server) any { return &s.MaxSecrets }),
		at("max_secret_bytes", "NUMBER", "bytes of one value", func(s *Server) any { return &s.MaxSecretBytes }),
		at("allow_env", "NAME,…", "variables of language runtimes and build tools that users' secrets may be delivered as, such as NODE_OPTIONS", func(s *Server) any { return &s.AllowEnv }),
		at("idle_time", "DURATION", "how long a connection stays on which nothing is asked; longer than a proxy in front keeps its own", func(s *Server) any { return &s.IdleTime }),
		at("gateway_read_idle", "DURATION", "how long a client of the gateway may send nothing of a request that it has begun", func(s *Server) any { return &s.GatewayReadIdle }),
		at("gateway_write_idle", "DURATION", "how long it may take nothing of its answer", func(s *Server) any { return &s.GatewayWriteIdle }),
		at("max_replay_bytes", "NUMBER", "bytes of a request's body that the gateway keeps, to send it to another account; a larger one is sent once", func(s *Server) any { return &s.MaxReplayBytes }),
		at("spool_memory", "NUMBER", "bytes of all such bodies in memory", func(s *Server) any { return &s.SpoolMemory }),
		at("spool_disk", "NUMBER", "bytes of all such bodies in files; what finds no room is sent once", func(s *Server) any { return &s.SpoolDisk }),
		at("spool_dir", "DIRECTORY", "where those files are, which have no name; by default the system's directory for temporary files", func(s *Server) any { return &s.SpoolDir }),
		at("grace", "DURATION", "how long known gateway keys go on while the store is away; 0: not at all", func(s *Server) any { return &s.Grace }),
		at("drain", "DURATION", "how long requests in flight may take at the end", func(s *Server) any { return &s.Drain }),
		at("drain_delay", "DURATION", "how long to go on at the end after /readyz has begun to fail, for balancers that ask it", func(s *Server) any { return &s.DrainDelay }),
		at("token_life", "DURATION", "life of a login's tokens, and of others that are made without an end", func(s *Server) any { return &s.TokenLife }),
		at("session_life", "DURATION", "life of a browser's session", func(s *Server) any { return &s.SessionLife }),
		at("audit_sink", "FILE", "file that each entry and checkpoint of the audit trail is appended to; each server has one of its own", func(s *Server) any { return &s.AuditSink }),
		at("upstream_allow", "HOST,…", "addresses, networks and names of providers' servers that may be private", func(s *Server) any { return &s.UpstreamAllow }),
		at("metrics_listen", "HOST:PORT", "where /metrics is, always on plain HTTP; by default on the main port, for callers on this machine", func(s *Server) any { return &s.MetricsListen }),
		at("no_link", "", "print no sign-in link and no login code at the start", func(s *Server) any { return &s.NoLink }),
		at("log_level", "LEVEL", "debug, info, warn or error", func(s *Server) any { return &s.LogLevel }),
		at("log_format", "FORMAT", "json or text", func(s *Server) any { return &s.LogFormat }),
	}
}

// textOf is the text that put reads.
func textOf(p any) string {
	switch p := p.(type) {
	case *string:
		return *p
	case *bool:
		return strconv.FormatBool(*p)
	case *int:
		return strconv.Itoa(*p)
	case *time.Duration:
		return durationText(*p)
	case *[]string:
		return strings.Join(*p, ",")
	case *[]netip.Prefix:
		parts := make([]string, len(*p))
		for i, n := range *p {
			parts[i] = n.String()
		}
		return strings.Join(parts, ",")
	case *[]Launcher:
		names := make([]string, len(*p))
		for i, l := range *p {
			names[i] = l.Name
		}
		return strings.Join(names, ",")
	}
	return ""
}

// put reads a text into what p points to, and leaves that as it is where the text
// cannot be read. The errors say what the text should be and never repeat it.
func put(p any, text string) error {
	switch p := p.(type) {
	case *string:
		*p = text
	case *bool:
		return set(p, strconv.ParseBool, text, "true or false")
	case *int:
		return set(p, strconv.Atoi, text, "a whole number")
	case *time.Duration:
		return set(p, parseDuration, text, "a duration such as 30s, 5m, 12h or 30d")
	case *[]string:
		*p = parts(text)
	case *[]netip.Prefix:
		networks, err := prefixes(parts(text))
		if err != nil {
			return err
		}
		*p = networks
	default:
		return core.Errorf(core.Invalid, "must stand in the configuration file")
	}
	return nil
}

func set[T any](p *T, read func(string) (T, error), text, want string) error {
	v, err := read(text)
	if err != nil {
		return core.Errorf(core.Invalid, "must be %s", want)
	}
	*p = v
	return nil
}

func parts(text string) []string {
	var out []string
	for p := range strings.SplitSeq(text, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// prefixes reads networks; an address alone is one of its full length.
func prefixes(texts []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(texts))
	for _, t := range texts {
		p, err := netip.ParsePrefix(t)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(t); err != nil || a.Zone() != "" {
				return nil, core.Errorf(core.Invalid, "must be networks such as 10.0.0.0/8 or fd00::/8")
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

const day = 24 * time.Hour

// parseDuration is time.ParseDuration, and whole days such as 30d.
func parseDuration(text string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(text, "d"); ok {
		days, err := strconv.ParseUint(n, 10, 16)
		if errors.Is(err, strconv.ErrRange) {
			err = nil // the most it can be, which is too long for every setting
		}
		return time.Duration(days) * day, err
	}
	return time.ParseDuration(text)
}

// durationText is the shortest of what parseDuration reads.
func durationText(d time.Duration) string {
	if d > 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

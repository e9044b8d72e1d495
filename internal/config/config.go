// Package config is what `keyfob serve` can be told: one table of settings, from
// which come the flags, the environment variables, the keys of the file and the
// reference. No setting is a secret; what is one stands in a file of its own,
// which a setting names.
package config

import (
	"net/netip"
	"time"
)

// Server is the configuration of a server. Load gives a whole one; the zero
// value is none.
type Server struct {
	Listen      string // host:port; the host is an address, "localhost", or empty for every interface
	PublicURL   string // scheme://host[:port] as people and workspaces call it; empty: the address listened on
	Insecure    bool   // plain HTTP beyond loopback is meant
	TLSCert     string // PEM file, the server's own first; empty: plain HTTP
	TLSKey      string // PEM file
	TLSClientCA string // PEM file; clients may then prove themselves by a certificate

	AdminEmail          string // this user is an administrator, made at the start if need be
	IdentityHeader      string // in which a proven proxy names the user; empty: none is believed
	IdentityEmailHeader string
	ProxyNetworks       []netip.Prefix // that a proxy calls from
	ProxySecretFile     string         // what the proxy sends in Keyfob-Proxy-Secret
	ProxyCertificates   []string       // DNS names of which a proxy's client certificate has one
	Launchers           []Launcher

	MaxConnections          int
	MaxRequests             int // of the gateway at once
	MaxRequestsPerWorkspace int
	MaxStreams              int      // of events, for each user
	MaxSecrets              int      // of each owner
	MaxSecretBytes          int      // of one value
	AllowEnv                []string // reserved variables that users' secrets may be delivered as

	IdleTime         time.Duration // a connection on which nothing is asked stays so long
	GatewayReadIdle  time.Duration // a client may not send any of its request for so long
	GatewayWriteIdle time.Duration // and not take any of its answer
	MaxReplayBytes   int           // larger bodies of the gateway's requests are sent once, to one account
	SpoolMemory      int           // bytes of all such bodies in memory
	SpoolDisk        int           // and in files
	SpoolDir         string        // where those are; empty: the system's temporary directory

	Grace         time.Duration // known gateway keys go on for so long while the store is away; 0: not at all
	Drain         time.Duration // requests in flight may take so long at the end
	DrainDelay    time.Duration // before that, /readyz fails and connections are still taken
	TokenLife     time.Duration // of tokens that name no end of their own, and those of a login
	SessionLife   time.Duration // of a browser session
	AuditSink     string        // a file that every entry of the audit trail is copied to; empty: none
	UpstreamAllow []string      // addresses, networks and host names of upstreams that are not public
	MetricsListen string        // host:port, plain HTTP; empty: the main port, for this machine alone
	NoLink        bool          // print no link and no code at the start
	LogLevel      string        // debug, info, warn, error
	LogFormat     string        // json, text

	source map[string]string // by key: where the value was given
	file   string            // the configuration file; empty: there is none
}

// Launcher is a program that may make workspaces for named users.
type Launcher struct {
	Name      string
	KeyDigest string   // SHA-256 of its key, in hex
	KeyFile   string   // or a file with the key
	Users     []string // by name; "*" is every user
	Labels    map[string]string
	source    string
}

// Default is the configuration where nothing is said.
func Default() Server {
	return Server{
		Listen: "127.0.0.1:4780", MaxConnections: 8192, MaxRequests: 4096, MaxRequestsPerWorkspace: 256, MaxStreams: 10,
		MaxSecrets: 2000, MaxSecretBytes: 1 << 20,
		IdleTime: 2 * time.Minute, GatewayReadIdle: time.Minute, GatewayWriteIdle: 5 * time.Minute,
		MaxReplayBytes: 64 << 20, SpoolMemory: 64 << 20, SpoolDisk: 1 << 30,
		Grace: 5 * time.Minute, Drain: 30 * time.Second, TokenLife: 30 * 24 * time.Hour, SessionLife: 12 * time.Hour,
		LogLevel: "info", LogFormat: "json",
	}
}

// TLS says whether the server itself speaks TLS.
func (s Server) TLS() bool { return s.TLSCert != "" }

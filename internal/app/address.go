package app

import (
	"net"
	"net/url"
	"strings"

	"keyfob/internal/listen"
)

// addresses finds out where programs and browsers reach the server. Over TLS
// both use the public URL. On plain HTTP browsers share cookies over all ports of
// a host, so there the pages have a host of their own: on loopback one whose name
// nobody knows but who has the root key or was given a link.
func (s *Server) addresses(label string) {
	s.url = s.settings.PublicURL
	if s.url == "" {
		s.url = "http://" + s.reached()
	}
	s.pages = s.url
	if u, err := url.Parse(s.url); err == nil && u.Scheme == "http" && loopbackHost(u.Hostname()) {
		s.pages = "http://" + label + ".keyfob.localhost" + portOf(u)
	}
	s.label = label
}

// Address is what is listened on, as host:port.
func (s *Server) Address() string { return s.main.Addr().String() }

func (s *Server) reached() string { return reached(s.main) }

// metricsURL is where the metrics are that have a port of their own.
func (s *Server) metricsURL() string {
	if s.scrape == nil {
		return ""
	}
	return "http://" + reached(s.scrape) + "/metrics"
}

// reached is the listener's own address; of every interface, that of loopback.
func reached(ln net.Listener) string {
	at := ln.Addr().(*net.TCPAddr)
	host := at.IP.String()
	if at.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, portText(at.Port))
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func portOf(u *url.URL) string {
	if u.Port() == "" {
		return ""
	}
	return ":" + u.Port()
}

// secure says whether browsers reach the pages over TLS.
func (s *Server) secure() bool { return strings.HasPrefix(s.pages, "https://") }

// cookieName is that of a browser's session. Over TLS the prefix keeps every
// other host from planting it. Without TLS a host above this one could plant it,
// if it knew the name, so that is the vault's own.
func (s *Server) cookieName() string {
	if s.secure() {
		return "__Host-keyfob"
	}
	return "keyfob-" + s.label
}

func (s *Server) hosts() listen.Hosts {
	return listen.Hosts{Public: listen.HostOf(s.settings.PublicURL), Pages: listen.HostOf(s.pages)}
}

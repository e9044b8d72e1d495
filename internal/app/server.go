package app

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"keyfob/docs/reference"
	"keyfob/internal/audit/sinkfile"
	"keyfob/internal/config"
	"keyfob/internal/gateway"
	"keyfob/internal/guard"
	"keyfob/internal/httpapi"
	"keyfob/internal/identity"
	"keyfob/internal/listen"
	"keyfob/internal/seal"
	"keyfob/internal/telemetry"
	"keyfob/internal/throttle"
	"keyfob/internal/upstream"
	"keyfob/internal/vault"
	"keyfob/internal/webui"
)

// Server is a vault that answers its users over HTTP. OpenServer makes one, Run
// serves until it is told to end, and Close gives everything back.
type Server struct {
	app      *App
	settings config.Server
	material config.Material
	log      *slog.Logger

	main, scrape net.Listener        // scrape is nil where metrics have no port of their own
	cert         *listen.Certificate // nil: plain HTTP
	authorities  *listen.Authorities // nil: no client is asked for a certificate
	label        string
	url, pages   string // where programs and browsers find it
	identity     *identity.Identity
	metrics      *telemetry.Metrics
	tracing      *telemetry.Tracing
	sink         *sinkfile.File // nil: there is none
	lock         *os.File       // while it is open no other server has the vault
	routes       *router
	writes       writes
	hurry        chan struct{}
	hurried      func()
}

// OpenServer opens the vault in c.Home for many users, and takes the ports, so
// that addresses are known; it answers nobody before Run. Where c.Log is nil the
// log goes to logTo, which nil makes standard error.
//
// Errors: those of Open and of Check; invalid for settings that cannot be; unavailable with
// reason "port_in_use"; conflict with reason "server_running".
func OpenServer(ctx context.Context, c Config, settings config.Server, logTo io.Writer) (*Server, error) {
	if err := checkHome(c.Home); err != nil {
		return nil, err
	}
	s := &Server{settings: settings, hurry: make(chan struct{})}
	s.hurried = sync.OnceFunc(func() { close(s.hurry) })
	if err := s.open(ctx, c, logTo); err != nil {
		return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

func (s *Server) open(ctx context.Context, c Config, logTo io.Writer) (err error) {
	if _, err = Check(c.Home, s.settings); err != nil {
		return err
	}
	if s.material, err = s.settings.Read(); err != nil {
		return err
	}
	if logTo == nil {
		logTo = os.Stderr
	}
	if c.Log == nil {
		if c.Log, err = telemetry.NewLog(logTo, s.settings.LogLevel, s.settings.LogFormat); err != nil {
			return err
		}
	}
	s.log = c.Log
	if s.lock, err = lockVault(ctx, c.Home); err != nil {
		return err
	}
	if s.lock != nil {
		// The address of one that was killed is not this one's.
		_ = os.Remove(filepath.Join(c.Home, runningName))
	}
	if err := s.listen(ctx); err != nil {
		return err
	}
	if s.tracing, err = telemetry.OpenTracing(ctx, c.Environ, Version(), s.log); err != nil {
		return err
	}
	s.app = &App{config: c, grace: graceOf(s.settings.Grace)}
	if err := s.app.open(ctx, s.wire); err != nil {
		return err
	}
	if s.lock == nil { // there was no home before
		if s.lock, err = lockVault(ctx, c.Home); err != nil {
			return err
		}
	}
	return s.identity.EnsureFirst(ctx)
}

// graceOf is as broker.Config has it, where 0 is the usual time.
func graceOf(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// listen takes the ports and reads the certificate.
func (s *Server) listen(ctx context.Context) (err error) {
	if s.main, err = listen.Open(ctx, s.settings.Listen); err != nil {
		return err
	}
	if s.settings.MetricsListen != "" {
		if s.scrape, err = listen.Open(ctx, s.settings.MetricsListen); err != nil {
			return err
		}
	}
	if s.settings.TLSClientCA != "" {
		if s.authorities, err = listen.NewAuthorities(s.settings.TLSClientCA, s.settings.ClientCAs, s.log); err != nil {
			return err
		}
	}
	if s.settings.TLS() {
		s.cert, err = listen.NewCertificate([]string{s.settings.TLSCert, s.settings.TLSKey}, s.settings.KeyPair, s.log)
	}
	return err
}

// wire makes what a server has, and one machine has not.
func (s *Server) wire(root seal.RootKey) error {
	a, set := s.app, s.settings
	s.addresses(root.Label())
	rules, err := upstream.Parse(set.UpstreamAllow)
	if err != nil {
		return err
	}
	a.base(root, rules, s.copies()...)
	s.identity, err = identity.New(identity.Config{
		Guard: a.guard, Store: a.store, AdminEmail: set.AdminEmail, Launchers: s.launchers(),
		TokenLife: set.TokenLife, SessionLife: set.SessionLife, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.metrics = telemetry.NewMetrics(Version(), a.reg.IDs(), s.gauges()...)
	a.cooled = s.metrics.State
	if err := vault.CheckAllowEnv(set.AllowEnv); err != nil {
		return err
	}
	v := vault.New(a.guard, a.keys, vault.Limits{
		Secrets: set.MaxSecrets, ValueBytes: set.MaxSecretBytes, AllowEnv: set.AllowEnv, KeyEnv: vault.KeyEnv(a.reg),
	}, s.identity)
	peers := s.peers()
	a.api = httpapi.New(s.api(v, peers))
	b, err := a.broker()
	if err != nil {
		return err
	}
	a.onClose(b.Close)
	s.routes = s.router(peers, gateway.New(gateway.Config{
		Broker: b, Log: s.log, Hosts: []string{admitted}, NotLoopback: true, MaxInFlight: set.MaxRequests, MaxPerWorkspace: set.MaxRequestsPerWorkspace,
		ReadIdle: set.GatewayReadIdle, WriteIdle: set.GatewayWriteIdle,
		MaxBody: int64(set.MaxReplayBytes), MemoryBudget: int64(set.SpoolMemory), DiskBudget: int64(set.SpoolDisk), SpoolDir: set.SpoolDir,
		Observe: s.observed, Refused: a.api.Refused,
		Client: func(r *http.Request) string { return throttle.Client(peers.Of(r).Address) },
	}))
	return nil
}

// api is what the API of a server is made of.
func (s *Server) api(v *vault.Vault, peers httpapi.Peers) httpapi.Config {
	c := s.app.routes(v)
	c.Identity, c.CookieName, c.Peers, c.Confirmed = s.identity, s.cookieName(), peers, s.confirmed
	c.PublicURL = func() string { return s.url }
	c.PagesURL = func() string { return s.pages }
	c.MaxValueBytes = s.settings.MaxSecretBytes
	c.MaxStreams = s.settings.MaxStreams
	c.Observe = func(o httpapi.Observation) { s.metrics.Request(o.Route, o.Method, o.Status, o.Took) }
	return c
}

func (s *Server) router(peers httpapi.Peers, gw http.Handler) *router {
	pages := webui.New(webui.Config{
		Identity: s.identity, Cookie: s.cookieName(), Secure: s.secure(), Attempts: throttle.New(throttle.Config{}),
		Address: func() string { return s.url }, OpenAPI: reference.OpenAPI, Log: s.log, Observe: s.metrics.Request,
		Peer: func(r *http.Request) webui.Peer {
			p := peers.Of(r)
			return webui.Peer{Address: p.Address, Origin: p.Origin(), User: p.User, Email: p.Email, Refused: p.Refused()}
		},
	})
	t := &router{
		hosts: s.hosts(), peers: peers, log: s.log,
		gateway: gw, api: s.app.api.Server(), pages: pages, plain: pages.Plain(),
		live: listen.Brief(http.HandlerFunc(live)), ready: listen.Brief(http.HandlerFunc(s.answerReady)),
	}
	if s.scrape == nil {
		t.metrics = listen.Brief(s.metrics.Handler())
	}
	return t
}

// copies has the trail copied where the settings say so.
func (s *Server) copies() []guard.Option {
	out := []guard.Option{guard.Logged(s.log)}
	if s.settings.AuditSink != "" {
		s.sink = sinkfile.New(s.settings.AuditSink)
		out = append(out, guard.CopiedTo(s.sink))
	}
	return out
}

func (s *Server) peers() httpapi.Peers {
	p := httpapi.Peers{
		Networks: s.settings.ProxyNetworks, Secret: s.material.ProxySecret, Certificates: s.settings.ProxyCertificates,
		UserHeader: s.settings.IdentityHeader, EmailHeader: s.settings.IdentityEmailHeader,
	}
	if s.authorities != nil {
		p.Trust = s.authorities.Trust
	}
	return p
}

func (s *Server) launchers() (out []identity.Launcher) {
	for _, l := range s.settings.Launchers {
		out = append(out, identity.Launcher{Name: l.Name, KeyDigest: s.material.Launchers[l.Name], Users: l.Users, Labels: l.Labels})
	}
	return out
}

// tls is how the main port speaks; nil: plain HTTP.
func (s *Server) tls() *tls.Config {
	if s.cert == nil {
		return nil
	}
	c := &tls.Config{GetCertificate: s.cert.Get, MinVersion: tls.VersionTLS12}
	if s.authorities != nil {
		return s.authorities.Config(c)
	}
	return c
}

// Close gives everything back that OpenServer took. It may be called again.
func (s *Server) Close(ctx context.Context) error {
	var errs []error
	for _, ln := range []net.Listener{s.main, s.scrape} {
		if ln != nil {
			if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	if s.app != nil {
		errs = append(errs, s.app.Close(ctx))
	}
	if s.sink != nil {
		errs = append(errs, s.sink.Close())
	}
	errs = append(errs, s.tracing.Close(ctx))
	if s.lock != nil {
		if err := s.lock.Close(); !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

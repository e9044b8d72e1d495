package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/deliver"
)

// The variables that choose a server, before what login has stored.
const (
	serverVariable = "KEYFOB_SERVER"
	tokenVariable  = "KEYFOB_TOKEN"
	localVariable  = "KEYFOB_LOCAL"
	caVariable     = "KEYFOB_CA_FILE"
)

// server is where commands act when it is not this machine's vault.
type server struct {
	url    string
	client *client.Client // everything but reveals
	reveal *client.Client // reveals: no token may both reveal and hand out keys of workspaces
	roots  *x509.CertPool // nil: the system's
	saved  savedLogin     // zero where the environment alone says it
}

// server is the server that commands act on; nil: this machine's vault.
func (e *Env) server() (*server, error) {
	if e.srv != nil || e.here() {
		return e.srv, nil
	}
	saved, err := e.readLogin()
	if err != nil {
		return nil, err
	}
	s, err := e.chosen(saved)
	if err != nil || s == nil {
		return nil, err
	}
	e.srv = s
	return s, nil
}

// here says whether this machine's vault was asked for.
func (e *Env) here() bool {
	on, err := strconv.ParseBool(e.Getenv(localVariable))
	return e.Local || err == nil && on
}

// chosen is the server of the environment, then of the login; nil: neither.
func (e *Env) chosen(saved savedLogin) (*server, error) {
	address, token := e.Getenv(serverVariable), e.Getenv(tokenVariable)
	if address != "" {
		u, err := serverURL(address)
		if err != nil {
			return nil, err
		}
		if u != saved.URL {
			saved = savedLogin{URL: u} // its tokens and authority are another server's
		}
	}
	switch {
	case saved.URL == "" && token == "":
		return nil, nil
	case saved.URL == "":
		return nil, withHint(usagef("%s is set, but no server", tokenVariable), "set %s to the server's address, or unset %s", serverVariable, tokenVariable)
	case token != "":
		saved.Token, saved.Reveal = savedToken{Value: token}, savedToken{Value: token}
	case saved.Token.Value == "":
		return nil, &api.Error{
			Code: api.CodeUnauthenticated, Reason: "no_login", Message: "there is no token for " + saved.URL,
			Hint: "sign in with: keyfob login " + saved.URL + ", or set " + tokenVariable,
		}
	}
	return e.serverFor(saved)
}

func (e *Env) serverFor(saved savedLogin) (*server, error) {
	roots, err := e.roots(saved.CA)
	if err != nil {
		return nil, err
	}
	s := &server{url: saved.URL, roots: roots, saved: saved}
	t := loopback(s.url, roots)
	s.client = client.New(client.Options{BaseURL: s.url, Transport: t, Roots: roots, Token: api.NewKey([]byte(saved.Token.Value))})
	s.reveal = client.New(client.Options{BaseURL: s.url, Transport: t, Roots: roots, Token: api.NewKey([]byte(saved.Reveal.Value))})
	return s, nil
}

// roots are the system's authorities with those in PEM and those of --ca-file;
// nil where there are no further ones.
func (e *Env) roots(pem string) (*x509.CertPool, error) {
	if pem == "" && e.CAFile == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM([]byte(pem))
	if e.CAFile == "" {
		return pool, nil
	}
	further, err := readCA(e.CAFile)
	if err != nil {
		return nil, err
	}
	pool.AppendCertsFromPEM([]byte(further))
	return pool, nil
}

// readCA reads certificates, of which there must be one.
func readCA(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", badCA("cannot read %s", path)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(b) {
		return "", badCA("there is no certificate in %s", path)
	}
	return string(b), nil
}

func badCA(format, path string) error {
	return withHint(usagef(format, path), "--ca-file takes a readable file with certificates in PEM form")
}

// serverURL reads a server's address: https, plain http to this machine alone,
// and nothing behind the port. Without a scheme it is the one that is allowed.
func serverURL(s string) (string, error) {
	if !strings.Contains(s, "://") {
		scheme := "https://"
		if u, err := url.Parse("//" + s); err == nil && isLoopback(u.Hostname()) {
			scheme = "http://"
		}
		s = scheme + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "", withHint(usagef("the server's address is not one"), "write it as https://HOST or https://HOST:PORT")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && isLoopback(u.Hostname()):
	default:
		return "", withHint(usagef("the server's address does not begin with https://"), "tokens and values would cross the network in the clear; http is for this machine's own addresses alone")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

// isLoopback says whether a host can only be this machine.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Client speaks to the server that was signed in to, else to this machine's
// vault, which is made where there is none yet.
func (e *Env) Client(ctx context.Context) (*client.Client, error) {
	s, err := e.server()
	if err != nil {
		return nil, err
	}
	if s != nil {
		return s.client, nil
	}
	a, err := e.Open(ctx)
	if err != nil {
		return nil, err
	}
	return a.Client(), nil
}

// existing is Client where no vault is made.
func (e *Env) existing(ctx context.Context) (*client.Client, error) {
	s, err := e.server()
	if err != nil {
		return nil, err
	}
	if s != nil {
		return s.client, nil
	}
	a, err := e.openExisting(ctx)
	if isNoVault(err) && e.inside() {
		err = e.noVaultHere()
	}
	if err != nil {
		return nil, err
	}
	return a.Client(), nil
}

// records is Client for records that the organisation has too, as --org says.
func (e *Env) records(ctx context.Context) (*client.Client, error) {
	return e.ofOrg(e.Client(ctx))
}

func (e *Env) ofOrg(cl *client.Client, err error) (*client.Client, error) {
	if err == nil && e.Org {
		cl = cl.Org()
	}
	return cl, err
}

// revealer is records for a reveal.
func (e *Env) revealer(ctx context.Context) (*client.Client, error) {
	s, err := e.server()
	if err != nil || s == nil {
		return e.ofOrg(e.Client(ctx))
	}
	return e.ofOrg(s.reveal, nil)
}

// onlyHere refuses, where commands act on a server, what only this machine's
// vault has.
func (e *Env) onlyHere(what string) error {
	s, err := e.server()
	if err != nil || s == nil {
		return err
	}
	return &api.Error{
		Code: api.CodeInvalid, Reason: "local_only", Message: what + " is for this machine's vault, and commands act on " + s.url,
		Hint: "add --local for this machine's vault; for the server's, run it there, as the user who owns it",
	}
}

// sweepHere takes back the files that dead runs left; opening this machine's
// vault does so too.
func (e *Env) sweepHere(ctx context.Context) (home string, err error) {
	if home, err = e.Home(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return "", fileError("cannot make", home, err)
	}
	return home, deliver.Sweep(ctx, home)
}

// isReason says whether err has this reason, whatever its code.
func isReason(err error, reason string) bool {
	e, ok := errors.AsType[*api.Error](err)
	return ok && e.Reason == reason
}

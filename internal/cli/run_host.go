package cli

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/deliver"
)

// host is where a run's workspace is made: this machine's vault or a server.
// What is delivered is kept account of under the home of this machine in both.
type host struct {
	home   string
	client *client.Client
	server *server // nil: this machine's vault
	trust  string  // a file of authorities, where joined
	joined bool    // the workspace is there already: this process is in it
	serve  func(ctx context.Context, gateway bool) (base string, err error)
	inside func(key api.Key) *client.Workspace // speaks with the session key
}

// host is the one that join or, without it, this machine says.
func (e *Env) host(ctx context.Context, join bool) (host, error) {
	if join {
		return e.joinedHost(ctx)
	}
	s, err := e.server()
	if err != nil {
		return host{}, err
	}
	if s != nil {
		home, err := e.sweepHere(ctx)
		serve := func(context.Context, bool) (string, error) { return s.url, nil }
		return host{home: home, client: s.client, server: s, serve: serve, inside: s.inside}, err
	}
	if _, err := e.openExisting(ctx); e.inside() && isNoVault(err) {
		return e.joinedHost(ctx)
	}
	a, err := e.Open(ctx)
	if err != nil {
		return host{}, err
	}
	return host{home: a.Home(), client: a.Client(), serve: a.Serve, inside: a.Workspace}, nil
}

// joinedHost is that of the workspace that this process is inside of.
func (e *Env) joinedHost(ctx context.Context) (host, error) {
	if !e.inside() {
		return host{}, withHint(usagef("there is no workspace to join"), "%s and %s say which; --local leaves them aside", urlVariable, sessionKeyVariable)
	}
	home, err := e.sweepHere(ctx)
	return host{home: home, joined: true, trust: e.CAFile}, err
}

const (
	leaseSeconds = 600             // that a run's workspace at a server lives on without a word
	renewEvery   = 2 * time.Minute // so that four words may be lost
)

// bound ends the workspace if nobody else does: with this process on this
// machine, by time at a server.
func (h host) bound(in api.WorkspaceCreate) api.WorkspaceCreate {
	if h.server != nil {
		in.Seconds = leaseSeconds
	} else {
		in.Process = deliver.ThisProcess()
	}
	return in
}

func (s *server) inside(key api.Key) *client.Workspace {
	return client.NewWorkspace(client.Options{BaseURL: s.url, Token: key, Roots: s.roots, Transport: loopback(s.url, s.roots)})
}

// ca is the file with the authority that programs of the workspace must trust;
// empty: the system's will do.
func (h host) ca() string {
	if h.server == nil || h.server.saved.CA == "" {
		return h.trust
	}
	return filepath.Join(h.home, caFile)
}

// keepAlive renews the workspace until stop is called, which waits for it. Who
// runs in a workspace may say so, whoever made it: one that was joined goes on as
// long as the run, unless its maker ends it.
func (s *session) keepAlive() (stop func()) {
	if s.host.server == nil && !s.host.joined {
		return func() {}
	}
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.renew(ctx)
	}()
	return func() { cancel(); <-done }
}

// renew begins at once where nobody has said how long the workspace is good.
func (s *session) renew(ctx context.Context) {
	t := time.NewTicker(renewEvery)
	defer t.Stop()
	away := false
	if s.host.joined && !s.renewed(ctx, &away) {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if !s.renewed(ctx, &away) {
			return
		}
	}
}

// renewed says whether there is something left to renew, and tells the user what
// the run cannot mend.
func (s *session) renewed(ctx context.Context, away *bool) bool {
	r, err := s.ws.Renew(ctx)
	switch {
	case err == nil:
		s.made.ExpiresAt, *away = r.ExpiresAt, false
	case ctx.Err() != nil:
		return false
	case errors.Is(err, &api.Error{Code: api.CodeUnauthenticated}):
		s.env.Notef("the workspace was ended at %s: what it fetches there is refused from now on", s.base)
		return false
	case !s.made.ExpiresAt.IsZero() && time.Now().After(s.made.ExpiresAt):
		s.env.Notef("the workspace has run out, since %s was away: what it fetches there is refused from now on", s.base)
		return false
	case s.host.joined && !*away:
		s.env.Notef("the keyfob at %s, where this workspace was made, does not answer: what is fetched there fails until it does", s.base)
		*away = true
	}
	return true
}

// leave ends the workspace.
func (s *session) leave() {
	if s.made.ID == "" {
		return
	}
	if s.host.server == nil {
		if err := s.host.client.EndWorkspace(s.ctx, s.made.ID, client.Any); err != nil {
			s.env.Notef("the workspace could not be ended, the next start does it: %s", publicError(err).Message)
		}
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second) // a server that is away holds nobody up
	defer cancel()
	if err := s.ws.Leave(ctx); err != nil && !errors.Is(err, &api.Error{Code: api.CodeUnauthenticated}) {
		s.env.Notef("the workspace could not be ended at %s: its keys are good until %s: %s", s.base, localTime(s.made.ExpiresAt), publicError(err).Message)
	}
}

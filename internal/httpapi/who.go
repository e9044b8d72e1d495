package httpapi

import (
	"context"
	"net/http"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/throttle"
)

// Server serves every route to whoever proves who they are. Which hosts it
// answers to is for whoever listens to say.
func (s *Server) Server() http.Handler {
	return s.serve(prover{
		server: true, timed: true, who: s.prove,
		same: func(ctx context.Context, c *call) error { return s.Identity.Still(ctx, c.actor) },
	}, s.routes())
}

// prove finds out who asks, and slows down an address from which texts come that
// are no proofs at all. One that is good always counts: somebody else's mistakes
// behind the same address must not lock anybody out. One that has the form of a
// proof is always answered by what it is: such are not guessed.
func (s *Server) prove(ctx context.Context, c *call) (core.Actor, error) {
	actor, err := s.proven(ctx, c)
	return actor, s.slowed(c, err)
}

// slowed counts a failure, and hides which it was once there were too many.
func (s *Server) slowed(c *call, err error) error {
	if core.CodeOf(err) != core.Unauthenticated || c.whole || c.silent {
		return err
	}
	key := throttle.Client(c.peer.Address)
	if wait := s.attempts.Allow(key); wait != nil {
		return wait
	}
	s.attempts.Failed(key)
	return err
}

// starting lets an address begin so many logins and no more. Those of this machine
// count as one, or anybody on it could take the room of all logins that wait.
func (s *Server) starting(c *call) error {
	key := throttle.Machine(c.peer.Address)
	if err := s.starts.Allow(key); err != nil {
		return err
	}
	s.starts.Failed(key)
	return nil
}

func (s *Server) proven(ctx context.Context, c *call) (core.Actor, error) {
	got, err := showing(c.r, s.CookieName)
	switch {
	case err != nil:
		return core.Actor{}, err
	case c.peer.User != "" && got != (shown{}):
		return core.Actor{}, severalProofs()
	case c.peer.User != "":
		if err := c.sameOrigin(s.publicURL(c), false); err != nil {
			return core.Actor{}, err
		}
		return s.Identity.Vouched(ctx, c.peer.User, c.peer.Email)
	case got.cookie != "":
		if err := c.sameOrigin(s.publicURL(c), true); err != nil {
			return core.Actor{}, err
		}
		return s.lookUp(ctx, c, got.cookie, func() (core.Actor, error) {
			actor, _, err := s.Identity.Browser(ctx, got.cookie)
			return actor, err
		})
	}
	return s.byToken(ctx, c, got)
}

func (s *Server) byToken(ctx context.Context, c *call, got shown) (core.Actor, error) {
	if got.token == "" {
		c.silent = true
		return core.Actor{}, core.Errorf(core.Unauthenticated, "the request does not say who asks").WithReason("no_proof").
			WithHint(`send "Authorization: Bearer TOKEN"; keyfob login gets a token`)
	}
	if got.key || strings.HasPrefix(got.token, core.SessionKeyPrefix) || strings.HasPrefix(got.token, core.GatewayKeyPrefix) {
		return s.lookUp(ctx, c, got.token, func() (core.Actor, error) { return s.workspaceOf(ctx, got.token) })
	}
	actor, err := s.lookUp(ctx, c, got.token, func() (core.Actor, error) { return s.Identity.Bearer(ctx, got.token) })
	if err == nil && actor.Kind == core.LauncherActor && c.route.Who == Launchers {
		return s.Identity.LaunchFor(ctx, actor, c.value("user"))
	}
	return actor, err
}

// sameOrigin refuses what another site's page makes a browser send. A browser
// says where a request comes from (Fetch Metadata, and Origin on whatever
// changes something); strict is for proofs that only browsers have, of which
// nothing that changes something comes without an Origin.
func (c *call) sameOrigin(public string, strict bool) error {
	site := c.r.Header.Get("Sec-Fetch-Site")
	if site != "" && site != "same-origin" && site != "none" {
		return crossOrigin()
	}
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodHead {
		return nil
	}
	origin := c.r.Header.Values("Origin")
	switch {
	case len(origin) == 0 && !strict && site == "":
		return nil // no browser of these years
	case len(origin) == 0 && site == "same-origin" && !strict:
		return nil
	case len(origin) == 1 && (origin[0] == c.peer.Origin() || origin[0] == public):
		return nil
	}
	return crossOrigin()
}

func crossOrigin() error {
	return core.Errorf(core.Forbidden, "the request comes from another site's page").WithReason(reasonOrigin).
		WithHint("a browser's session counts only for pages of this server; programs send a token")
}

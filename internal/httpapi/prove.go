package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"keyfob/internal/core"
)

// prover finds out who asks.
type prover struct {
	server bool // there are people who sign in
	timed  bool // requests come from elsewhere, and have an end
	who    func(ctx context.Context, c *call) (core.Actor, error)
	same   func(ctx context.Context, c *call) error // nil while the actor's proof is still good
}

// problem answers with an error. In process, whoever asks is this machine's user.
func (p prover) problem(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) int {
	if !p.timed {
		return writeHere(w, r, log, err)
	}
	return WriteProblem(w, r, log, err)
}

// Local serves every route of a person for one actor who needs no further
// proof: whoever can call it is that person, so it must never be put on a
// listener.
func (s *Server) Local(actor core.Actor) http.Handler {
	return s.serve(prover{
		who:  func(context.Context, *call) (core.Actor, error) { return actor, nil },
		same: func(context.Context, *call) error { return nil },
	}, slices.DeleteFunc(s.routes(), func(r Route) bool { return r.Who == Sessions || r.Who == Launchers }))
}

// Workspace serves the routes of code inside a workspace, by its session key.
func (s *Server) Workspace() http.Handler {
	return s.serve(prover{timed: true, who: s.session, same: func(ctx context.Context, c *call) error {
		_, err := s.session(ctx, c)
		return err
	}}, s.sessionKeyRoutes())
}

// session proves the caller by "Authorization: Bearer kfs_…" or
// "X-Session-API-Key".
func (s *Server) session(ctx context.Context, c *call) (core.Actor, error) {
	shown, err := showing(c.r, "")
	if err != nil {
		return core.Actor{}, err
	}
	return s.workspaceOf(ctx, shown.token)
}

func (s *Server) workspaceOf(ctx context.Context, key string) (core.Actor, error) {
	switch {
	case key == "":
		return core.Actor{}, core.Errorf(core.Unauthenticated, "no session key").WithReason("no_proof").
			WithHint(`send it as "Authorization: Bearer kfs_…"; inside a workspace it stands in KEYFOB_SESSION_KEY`)
	case strings.HasPrefix(key, core.GatewayKeyPrefix):
		return core.Actor{}, core.Errorf(core.Unauthenticated, "a gateway key opens the gateway and nothing else").WithReason("gateway_key").
			WithHint("send the session key; inside a workspace it stands in KEYFOB_SESSION_KEY")
	}
	actor, _, err := s.Workspaces.Session(ctx, key)
	return actor, err
}

// shown is the one proof that a request carries.
type shown struct {
	token  string // of Authorization or X-Session-API-Key
	key    bool   // of the latter, which takes session keys alone
	cookie string
}

// showing finds the proof. Two of different kinds are refused: which of them
// counts would be a guess, and one of them may have been planted.
func showing(r *http.Request, cookieName string) (shown, error) {
	var out shown
	n := 0
	if values := r.Header.Values("Authorization"); len(values) > 0 {
		n += len(values)
		token, err := bearer(values[0])
		if err != nil {
			return out, err
		}
		out.token = token
	}
	if values := r.Header.Values("X-Session-API-Key"); len(values) > 0 {
		n += len(values)
		out.token, out.key = values[0], true
	}
	if cookieName != "" {
		cookies := r.CookiesNamed(cookieName)
		if n += len(cookies); len(cookies) > 0 {
			out.cookie = cookies[0].Value
		}
	}
	if n > 1 {
		return shown{}, severalProofs()
	}
	return out, nil
}

func severalProofs() error {
	return core.Errorf(core.Invalid, "the request carries several proofs of who asks").WithReason(reasonProofs).
		WithHint("send one: a token, a session key, a browser's cookie, or what the proxy says")
}

func bearer(header string) (string, error) {
	scheme, token, ok := strings.Cut(header, " ")
	token = strings.TrimSpace(token)
	if !ok || token == "" || !strings.EqualFold(scheme, "bearer") {
		return "", core.Errorf(core.Unauthenticated, "the Authorization header is no bearer token").WithReason("bad_token").
			WithHint(`send "Authorization: Bearer TOKEN"`)
	}
	return token, nil
}

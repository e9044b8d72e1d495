package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/identity"
)

const (
	tagIdentity = "who asks"
	tagLogin    = "signing in"
)

func (s *Server) identityRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/v1/me", ID: "getMe", Tag: tagIdentity, Summary: "Who asks, and what this proof may do",
			Who: UsersOrLauncher, Status: http.StatusOK, typed: gives(s.me)},
		{Method: http.MethodGet, Path: "/v1/tokens", ID: "listTokens", Tag: tagIdentity, Summary: "List personal tokens, oldest first, without their texts",
			Who: Users, Server: true, Acts: []string{guard.TokenList}, Status: http.StatusOK, typed: gives(s.listTokens)},
		{Method: http.MethodPost, Path: "/v1/tokens", ID: "createToken", Tag: tagIdentity, Summary: "Make a personal token and show its text, once",
			Text: "It has no more scopes than the proof that makes it. Made with a token, it expires no later than that one, and is revoked when that one is; unless a browser approved just this token (step_up). Sent again with the same Idempotency-Key it is 409: revoke what was made and make another.",
			Who:  Users, Server: true, Acts: []string{guard.TokenCreate}, Status: http.StatusCreated, Once: true, Confirmed: true, Exposes: true,
			Also: []int{http.StatusTooManyRequests}, typed: takes(s.createToken)},
		{Method: http.MethodDelete, Path: "/v1/tokens/{id}", ID: "deleteToken", Tag: tagIdentity, Summary: "Revoke a personal token at once, and what was made with it",
			Who: Users, Server: true, Acts: []string{guard.TokenDelete}, Status: http.StatusNoContent, typed: does(s.deleteToken)},
		{Method: http.MethodGet, Path: "/v1/sessions", ID: "listSessions", Tag: tagIdentity, Summary: "List browsers that are signed in, oldest first",
			Who: Users, Server: true, Acts: []string{guard.SessionList}, Status: http.StatusOK, typed: gives(s.listSessions)},
		{Method: http.MethodDelete, Path: "/v1/sessions/{id}", ID: "deleteSession", Tag: tagIdentity, Summary: "Sign a browser out at once",
			Who: Users, Server: true, Acts: []string{guard.SessionDelete}, Status: http.StatusNoContent, typed: does(s.deleteSession)},
		{Method: http.MethodGet, Path: "/v1/launchers", ID: "listLaunchers", Tag: tagIdentity, Summary: "List the programs that may make workspaces for whoever asks",
			Who: Users, Server: true, Acts: []string{guard.LauncherList}, Status: http.StatusOK, typed: gives(s.listLaunchers)},
	}
}

func (s *Server) loginRoutes() []Route {
	return []Route{
		{Method: http.MethodPost, Path: "/v1/login/device", ID: "startLogin", Tag: tagLogin, Summary: "Begin the login of a command line (in the manner of RFC 8628)",
			Who: Anybody, Server: true, Status: http.StatusOK, Confirmed: true, Exposes: true, Also: []int{http.StatusTooManyRequests}, typed: takes(s.startLogin)},
		{Method: http.MethodPost, Path: "/v1/login/token", ID: "finishLogin", Tag: tagLogin, Summary: "Receive the tokens of a login, once",
			Text: "While nobody has approved: 403 with reason authorization_pending, or 429 with reason slow_down.",
			Who:  Anybody, Server: true, Status: http.StatusOK, Confirmed: true, Exposes: true,
			Also: []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests}, typed: takes(s.finishLogin)},
	}
}

func (s *Server) me(ctx context.Context, c *call) (api.Me, error) {
	a := c.actor
	out := api.Me{
		Kind: string(a.Kind), Name: a.ID, Via: string(a.Via.Kind), Token: a.Via.ID,
		Scopes: a.Scopes.Names(), Org: guard.Allows(a.On(core.Org), guard.UserList), Server: s.publicURL(c),
	}
	switch {
	case s.Identity == nil:
		return out, nil
	case a.Kind == core.LauncherActor:
		out.Users, out.Labels = s.Identity.LaunchUsers(a), s.Identity.LaunchLabels(a)
		return out, nil
	}
	u, err := s.Identity.Self(ctx, a)
	if err != nil {
		return out, err
	}
	shown := userOf(u)
	out.Name, out.User = u.Name, &shown
	return out, nil
}

// publicURL is the server's address as people call it; none on one machine.
func (s *Server) publicURL(c *call) string {
	switch {
	case s.Identity == nil:
		return ""
	case s.PublicURL != nil:
		return s.PublicURL()
	}
	return c.peer.Origin()
}

// page is the address of a page for people.
func (s *Server) page(c *call, path string) string {
	if s.PagesURL != nil {
		return s.PagesURL() + path
	}
	return s.publicURL(c) + path
}

func (s *Server) listTokens(ctx context.Context, c *call) (api.TokenList, error) {
	list, err := s.Identity.Tokens(ctx, c.actor)
	return api.TokenList{Tokens: listOf(list, func(t core.Token) api.Token { return tokenOf(t, c.actor) })}, err
}

func (s *Server) createToken(ctx context.Context, c *call, in api.TokenCreate) (api.TokenCreated, error) {
	spec, err := tokenSpec(api.TokenAsk{Name: in.Name, Scopes: in.Scopes, Seconds: in.Seconds})
	if err != nil {
		return api.TokenCreated{}, err
	}
	spec.StepUp = in.StepUp
	made, text, err := s.Identity.CreateToken(ctx, c.actor, spec)
	if err != nil {
		return api.TokenCreated{}, err
	}
	c.made(made.ID)
	return api.TokenCreated{Token: tokenOf(made, c.actor), Value: api.NewKey(text.Reveal())}, nil
}

func tokenSpec(in api.TokenAsk) (identity.TokenSpec, error) {
	scopes, err := core.ParseScopes(in.Scopes)
	if err != nil {
		return identity.TokenSpec{}, err
	}
	life, err := lifeOf(in.Seconds)
	return identity.TokenSpec{Name: in.Name, Scopes: scopes, Life: life}, err
}

func (s *Server) deleteToken(ctx context.Context, c *call) error {
	return s.Identity.DeleteToken(ctx, c.actor, c.value("id"))
}

func tokenOf(t core.Token, a core.Actor) api.Token {
	return api.Token{
		ID: t.ID, Name: t.Name, Scopes: t.Scopes.Names(), Maker: t.Maker, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt, UsedAt: t.UsedAt,
		Current: a.Via == core.Via{Kind: core.ViaToken, ID: t.ID},
	}
}

func (s *Server) listSessions(ctx context.Context, c *call) (api.BrowserSessionList, error) {
	list, err := s.Identity.Sessions(ctx, c.actor)
	return api.BrowserSessionList{Sessions: listOf(list, func(b core.BrowserSession) api.BrowserSession {
		return api.BrowserSession{
			ID: b.ID, Agent: b.Agent, Address: b.Address, CreatedAt: b.CreatedAt, ExpiresAt: b.ExpiresAt, UsedAt: b.UsedAt,
			Current: c.actor.Via == core.Via{Kind: core.ViaBrowser, ID: b.ID},
		}
	})}, err
}

func (s *Server) deleteSession(ctx context.Context, c *call) error {
	return s.Identity.DeleteSession(ctx, c.actor, c.value("id"))
}

func (s *Server) listLaunchers(ctx context.Context, c *call) (api.LauncherList, error) {
	list, err := s.Identity.Launchers(ctx, c.actor)
	out := api.LauncherList{Launchers: make([]api.Launcher, 0, len(list))}
	for _, l := range list {
		out.Launchers = append(out.Launchers, api.Launcher{Name: l.Name, Labels: l.Labels})
	}
	return out, err
}

// startLogin counts by address: each start keeps a record until it is over.
func (s *Server) startLogin(ctx context.Context, c *call, in api.DeviceStart) (api.DeviceStarted, error) {
	if err := s.starting(c); err != nil {
		return api.DeviceStarted{}, err
	}
	got, err := s.Identity.StartDevice(ctx, in.Client)
	if err != nil {
		return api.DeviceStarted{}, err
	}
	// Not where the pages are: on plain HTTP that address is for those alone who
	// are signed in, and here nobody has proved anything yet.
	at := s.publicURL(c) + "/device"
	return api.DeviceStarted{
		DeviceCode: api.NewKey(got.DeviceCode.Reveal()), UserCode: got.UserCode,
		VerificationURI: at, VerificationURIComplete: at + "?" + url.Values{"code": {got.UserCode}}.Encode(),
		ExpiresIn: api.SecondsOf(got.ExpiresIn), Interval: api.SecondsOf(got.Interval),
	}, nil
}

func (s *Server) finishLogin(ctx context.Context, _ *call, in api.LoginRequest) (api.Login, error) {
	got, err := s.Identity.Login(ctx, identity.LoginRequest{
		DeviceCode: string(in.DeviceCode.Bytes()), Code: string(in.Code.Bytes()), Client: in.Client,
	})
	if err != nil {
		return api.Login{}, err
	}
	return api.Login{
		User:   userOf(got.User),
		Token:  api.TokenCreated{Token: tokenOf(got.Token, core.Actor{}), Value: api.NewKey(got.TokenText.Reveal())},
		Reveal: api.TokenCreated{Token: tokenOf(got.Reveal, core.Actor{}), Value: api.NewKey(got.RevealText.Reveal())},
	}, nil
}

// lifeOf bounds what the wire gives before it is a duration; identity says how
// long one may be.
func lifeOf(s api.Seconds) (time.Duration, error) {
	const century = 100 * 366 * 24 * 60 * 60
	if s < 0 || s > century {
		return 0, core.Errorf(core.Invalid, "the token cannot last so long").WithField("seconds").WithHint("it is 1 second to 365 days; leave it out for the usual time")
	}
	return s.Duration(), nil
}

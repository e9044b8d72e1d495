package identity

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// LoginRequest is what a command line shows to be signed in: just one of the
// codes.
type LoginRequest struct {
	DeviceCode string // of StartDevice
	Code       string // of MakeLink
	Client     string // what it calls itself, with a Code
}

// LoginResult is what a command line is signed in with. Token has every scope of
// the user's role but secrets:reveal, Reveal has secrets:read and secrets:reveal
// alone, and an administrator's admin:read for the organisation's: no token may both reveal and hand out keys of workspaces.
type LoginResult struct {
	User                  core.User
	Token, Reveal         core.Token
	TokenText, RevealText secret.Secret
}

// Login signs a command line in, once. Errors while the approval waits: forbidden
// with reason authorization_pending, exhausted with reason slow_down (and
// RetryAfter) where it was asked sooner than the interval. Then: forbidden with
// reason access_denied; exhausted at 200 tokens; and unauthenticated with reason
// expired_token for whatever is unknown, over or used up.
func (i *Identity) Login(ctx context.Context, r LoginRequest) (LoginResult, error) {
	if (r.DeviceCode == "") == (r.Code == "") {
		return LoginResult{}, core.Errorf(core.Invalid, "a login takes a device code or a one-time code").WithField("device_code").
			WithHint("send just one of them")
	}
	if r.Code != "" {
		p, u, err := i.shown(ctx, r.Code, core.CodeProof)
		if err != nil {
			return LoginResult{}, when(err, badLogin)
		}
		return i.grant(ctx, p, u, cleaned(r.Client, maxLabel, aCommandLine))
	}
	p, u, err := i.approved(ctx, r.DeviceCode)
	if err != nil {
		return LoginResult{}, err
	}
	return i.grant(ctx, p, u, p.Requester)
}

// approved finds the device's proof that a browser has approved, and for whom.
func (i *Identity) approved(ctx context.Context, code string) (core.Proof, core.User, error) {
	if !core.IsToken(code, core.DevicePrefix) {
		return core.Proof{}, core.User{}, badLogin(nil)
	}
	var p core.Proof
	var u core.User
	err := i.store.View(ctx, func(tx store.Tx) (err error) {
		if p, err = tx.Proofs().ByDigest(ctx, core.TokenDigest(code)); err != nil {
			return err
		}
		if p.Kind != core.DeviceProof || over(p.ExpiresAt) {
			return core.Errorf(core.NotFound, "it is over, or for something else")
		}
		if p.State == core.ProofApproved {
			u, err = tx.Users().Get(ctx, p.UserID)
		}
		return err
	})
	if err != nil {
		return p, u, when(err, badLogin)
	}
	switch p.State {
	case core.ProofApproved:
		return p, u, nil
	case core.ProofPending:
		return p, u, i.waits(p.ID)
	case core.ProofDenied:
		return p, u, loginDenied()
	}
	return p, u, badLogin(nil)
}

// waits is the answer to a question after a login that nobody has decided.
func (i *Identity) waits(id string) error {
	at := time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	last, asked := i.polls[id]
	i.polls[id] = at
	// A client's clock and the network may shorten an interval a little.
	if asked && at.Sub(last) < pollEvery*4/5 {
		return slowDown()
	}
	return pending()
}

func (i *Identity) grant(ctx context.Context, p core.Proof, u core.User, client string) (LoginResult, error) {
	from := core.ProofPending
	if p.Kind == core.DeviceProof {
		from = core.ProofApproved
	}
	var out LoginResult
	act := guard.Act{Action: guard.LoginGrant, Subject: guard.UserSubject(u.Name), Detail: map[string]string{"by": string(p.Kind), "proof": p.ID, "client": client}}
	err := i.guard.Do(ctx, signIn(u), act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		u, err := spend(ctx, tx, p.ID, from)
		if err != nil {
			return spent(err, badLogin)
		}
		out = i.loginTokens(u, client)
		note("token", out.Token.ID)
		note("reveal", out.Reveal.ID)
		note("expires", out.Token.ExpiresAt.Format(time.RFC3339))
		note.Names("scopes", out.Token.Scopes.Names())
		return keepTokens(ctx, tx, out.Token, out.Reveal)
	})
	if err != nil {
		return LoginResult{}, err
	}
	i.forgetPoll(p.ID)
	out.Token, out.Reveal = bareToken(out.Token), bareToken(out.Reveal)
	return out, nil
}

func (i *Identity) loginTokens(u core.User, client string) LoginResult {
	r := LoginResult{User: u}
	r.Token, r.TokenText = newToken(u.ID, TokenSpec{Name: client, Scopes: roleScopes(u) &^ core.SecretsReveal, Life: i.tokenLife})
	r.Reveal, r.RevealText = newToken(u.ID, TokenSpec{Name: cleaned(client, maxLabel-len(revealNote), "") + revealNote, Scopes: revealScopes & roleScopes(u), Life: i.tokenLife})
	return r
}

const (
	revealNote   = " (reveal)"
	revealScopes = core.SecretsRead | core.SecretsReveal | core.AdminRead
)

func (i *Identity) forgetPoll(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.polls, id)
}

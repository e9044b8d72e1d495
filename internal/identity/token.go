package identity

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// maxTokens is how many a user has that are not over.
const maxTokens = 200

// TokenSpec is a token to make.
type TokenSpec struct {
	Name   string // for people: 1 to 100 bytes
	Scopes core.Scopes
	Life   time.Duration // 1 second to 365 days; 0: Config.TokenLife
	StepUp string        // id of an approved step-up, by which it ends with no other token; empty: it ends with the one that makes it
}

// Tokens lists the acting user's tokens, oldest first, for a week also those that
// have expired.
func (i *Identity) Tokens(ctx context.Context, a core.Actor) ([]core.Token, error) {
	a = own(a)
	var out []core.Token
	err := i.guard.Read(ctx, a, guard.Act{Action: guard.TokenList, Subject: "tokens"}, func(ctx context.Context, tx store.Tx) error {
		all, err := tx.Tokens().List(ctx, a.ID)
		for _, t := range all {
			out = append(out, bareToken(t))
		}
		return err
	})
	return out, err
}

// CreateToken makes a token of the acting user and gives its text, once. It has
// no more scopes than what makes it; where that is a token, it also ends with it:
// it expires no later, and is revoked when its maker is. Not so with a step-up,
// which AskToken asks for. One that reveals takes a browser that signed in within
// 5 minutes, or a step-up. Errors: invalid; forbidden with reason scope for more,
// sign_in_again, or with those of Take for the step-up; exhausted at 200 tokens.
func (i *Identity) CreateToken(ctx context.Context, a core.Actor, spec TokenSpec) (core.Token, secret.Secret, error) {
	if err := i.checkSpec(&spec); err != nil {
		return core.Token{}, secret.Secret{}, err
	}
	a = own(a)
	t, text := newToken(a.ID, spec)
	act := guard.Act{Action: guard.TokenCreate, Subject: guard.TokenSubject(t.ID), Detail: tokenDetail(t, spec)}
	err := i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		u, err := living(ctx, tx, a)
		if err != nil {
			return err
		}
		if err := mayGive(a, u, t.Scopes); err != nil {
			return err
		}
		if err := freshToReveal(ctx, tx, a, spec); err != nil {
			return err
		}
		if t, err = endOf(ctx, tx, a, t, spec, note); err != nil {
			return err
		}
		note("expires", t.ExpiresAt.Format(time.RFC3339))
		return keepTokens(ctx, tx, t)
	})
	if err != nil {
		return core.Token{}, secret.Secret{}, err
	}
	return bareToken(t), text, nil
}

func (i *Identity) checkSpec(s *TokenSpec) error {
	switch {
	case s.Name == "" || len(s.Name) > maxLabel || !utf8.ValidString(s.Name) || strings.TrimSpace(s.Name) != s.Name ||
		core.Shown(s.Name) != s.Name:
		return core.Errorf(core.Invalid, "that cannot be a token's name").WithField("name").
			WithHint("a name is 1 to %d bytes that can be printed, without spaces at its ends", maxLabel)
	case s.Scopes == 0 || s.Scopes&^core.AllScopes != 0:
		return core.Errorf(core.Invalid, "a token takes at least one scope").WithField("scopes").
			WithHint("the scopes are %s", strings.Join(core.ScopeNames, ", "))
	}
	if w, ok := purposeOf(s.StepUp); s.StepUp != "" && (!ok || w.kind != core.TokenProof) {
		return notApproved(nil)
	}
	var err error
	if s.Life, err = lifetime("life", s.Life, i.tokenLife, maxTokenLife); err != nil {
		return err
	}
	return s.Scopes.CheckTogether()
}

func newToken(user string, s TokenSpec) (core.Token, secret.Secret) {
	text, at := core.NewToken(core.PersonalPrefix), now()
	return core.Token{
		ID: core.NewID("tok"), UserID: user, Name: s.Name, Digest: digest(text), Scopes: s.Scopes,
		CreatedAt: at, ExpiresAt: at.Add(s.Life).Truncate(time.Microsecond),
	}, text
}

func tokenDetail(t core.Token, s TokenSpec) map[string]string {
	d := map[string]string{"name": t.Name, "scopes": guard.Names(t.Scopes.Names())}
	if s.StepUp != "" {
		d["step_up"] = s.StepUp
	}
	return d
}

func mayGive(a core.Actor, u core.User, s core.Scopes) error {
	if lacks := s &^ (a.Scopes & roleScopes(u)); lacks != 0 {
		return beyond(lacks)
	}
	return nil
}

// freshToReveal: whoever must not approve what they asked for themselves must not
// make a token either that asks in their place.
func freshToReveal(ctx context.Context, tx store.Tx, a core.Actor, s TokenSpec) error {
	browser := a.Via.Kind == core.ViaBrowser || a.Via.Kind == core.ViaProxy
	if !browser || !s.Scopes.Has(core.SecretsReveal) || s.StepUp != "" {
		return nil // what approves a step-up has signed in freshly, or another asked
	}
	return justSignedIn(ctx, tx, a, "to make a token that reveals", "sign a command line in, which gets one: keyfob login")
}

// endOf says when a token ends, and with which other.
func endOf(ctx context.Context, tx store.Tx, a core.Actor, t core.Token, s TokenSpec, note guard.Note) (core.Token, error) {
	if s.StepUp != "" {
		return standsAlone(ctx, tx, a, t, s, note)
	}
	return endsWithMaker(ctx, tx, a, t)
}

// endsWithMaker binds a token to the one that makes it: whoever copied a token
// must gain nothing by it that outlives its end or its revocation.
func endsWithMaker(ctx context.Context, tx store.Tx, a core.Actor, t core.Token) (core.Token, error) {
	if a.Via.Kind != core.ViaToken {
		return t, nil
	}
	maker, err := tx.Tokens().Get(ctx, a.Via.ID)
	if err != nil {
		return t, when(err, badToken)
	}
	t.Maker = maker.ID
	if t.ExpiresAt.After(maker.ExpiresAt) {
		t.ExpiresAt = maker.ExpiresAt
	}
	return t, nil
}

// keepTokens stores new tokens of one user within their bound.
func keepTokens(ctx context.Context, tx store.Tx, made ...core.Token) error {
	all, err := tx.Tokens().List(ctx, made[0].UserID)
	if err != nil {
		return err
	}
	good := len(made)
	for _, t := range all {
		if !over(t.ExpiresAt) {
			good++
		}
	}
	if good > maxTokens {
		return core.Errorf(core.Exhausted, "a user has at most %d tokens", maxTokens).WithReason("too_many_tokens").
			WithHint("revoke those that nobody needs: keyfob token list")
	}
	for _, t := range made {
		if err := tx.Tokens().Create(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// DeleteToken revokes one of the acting user's tokens, be it the one that asks,
// and every token that was made with it, directly or by way of others. Errors:
// not_found, also for another user's.
func (i *Identity) DeleteToken(ctx context.Context, a core.Actor, id string) error {
	if !plainID(id) {
		return noToken(nil)
	}
	a = own(a)
	act := guard.Act{Action: guard.TokenDelete, Subject: guard.TokenSubject(id)}
	return i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		t, err := tx.Tokens().Get(ctx, id)
		if err == nil && t.UserID != a.ID {
			err = core.Errorf(core.NotFound, "it is another user's")
		}
		if err != nil {
			return when(err, noToken)
		}
		note("name", t.Name)
		return revoke(ctx, tx, t, note)
	})
}

// revoke removes a token and what was made with it.
func revoke(ctx context.Context, tx store.Tx, t core.Token, note guard.Note) error {
	all, err := tx.Tokens().List(ctx, t.UserID)
	if err != nil {
		return err
	}
	ids := madeWith(all, t.ID)
	if len(ids) > 0 {
		note.Names("revoked with it", ids)
	}
	for _, id := range append(ids, t.ID) {
		if err := tx.Tokens().Delete(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// madeWith are the ids of the tokens that came of this one, nearest first.
func madeWith(all []core.Token, id string) []string {
	from, out := map[string]bool{id: true}, []string(nil)
	for more := true; more; {
		more = false
		for _, t := range all {
			if from[t.Maker] && !from[t.ID] {
				from[t.ID], more = true, true
				out = append(out, t.ID)
			}
		}
	}
	return out
}

func noToken(cause error) error {
	return core.Errorf(core.NotFound, "there is no such token").WithField("token").
		WithHint("keyfob token list shows those there are").Wrap(cause)
}

func bareToken(t core.Token) core.Token {
	t.Digest = nil
	return t
}

func beyond(lacks core.Scopes) error {
	e := core.Errorf(core.Forbidden, "a token has no more scopes than what makes it").WithReason("scope").WithField("scopes")
	for _, n := range lacks.Names() {
		e.Details = append(e.Details, core.Detail{Field: "scopes", Message: "you cannot give " + n})
	}
	return e.WithHint("ask for fewer, or sign in with more")
}

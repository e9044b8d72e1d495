package identity

import (
	"context"
	"strings"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// adminScopes are what only an administrator's proof may have.
const adminScopes = core.AdminRead | core.AdminWrite

// Bearer says whose token this is: a user's personal token, or a launcher's key,
// whose actor has no owner before LaunchFor. Errors: unauthenticated with reason
// bad_token, expired or user_disabled.
func (i *Identity) Bearer(ctx context.Context, token string) (core.Actor, error) {
	switch {
	case core.IsToken(token, core.PersonalPrefix):
		return i.personal(ctx, token)
	case core.IsToken(token, core.LauncherPrefix):
		return i.launcher(token)
	}
	return core.Actor{}, badToken(nil)
}

func (i *Identity) personal(ctx context.Context, token string) (core.Actor, error) {
	var t core.Token
	var u core.User
	err := i.store.View(ctx, func(tx store.Tx) (err error) {
		if t, err = tx.Tokens().ByDigest(ctx, core.TokenDigest(token)); err != nil {
			return err
		}
		u, err = tx.Users().Get(ctx, t.UserID)
		return err
	})
	if err != nil {
		return core.Actor{}, when(err, badToken)
	}
	if err := goodToken(t, u); err != nil {
		return core.Actor{}, err
	}
	i.used(&i.tokens, t.ID)
	return actor(u, t.Scopes, core.Via{Kind: core.ViaToken, ID: t.ID}), nil
}

func goodToken(t core.Token, u core.User) error {
	switch {
	case u.Disabled:
		return disabled()
	case over(t.ExpiresAt):
		return expired("token")
	}
	return nil
}

// actor is the user within their role: who is no administrator any more loses
// those scopes of every token at once.
func actor(u core.User, scopes core.Scopes, via core.Via) core.Actor {
	return core.Actor{
		Kind: core.UserActor, ID: u.ID, Owner: u.Owner(),
		Admin: u.Role == core.RoleAdmin, Scopes: scopes & roleScopes(u), Via: via,
	}
}

func roleScopes(u core.User) core.Scopes {
	if u.Role == core.RoleAdmin {
		return core.AllScopes
	}
	return core.AllScopes &^ adminScopes
}

// Browser says whose browser session this cookie is. Errors: unauthenticated
// with reason bad_session, expired or user_disabled.
func (i *Identity) Browser(ctx context.Context, cookie string) (core.Actor, core.BrowserSession, error) {
	if !core.IsToken(cookie, core.BrowserPrefix) {
		return core.Actor{}, core.BrowserSession{}, badSession(nil)
	}
	var s core.BrowserSession
	var u core.User
	err := i.store.View(ctx, func(tx store.Tx) (err error) {
		if s, err = tx.Sessions().ByDigest(ctx, core.TokenDigest(cookie)); err != nil {
			return err
		}
		u, err = tx.Users().Get(ctx, s.UserID)
		return err
	})
	if err == nil {
		err = goodSession(s, u)
	}
	if err != nil {
		return core.Actor{}, core.BrowserSession{}, when(err, badSession)
	}
	i.used(&i.sessions, s.ID)
	return actor(u, core.AllScopes, core.Via{Kind: core.ViaBrowser, ID: s.ID}), bareSession(s), nil
}

func goodSession(s core.BrowserSession, u core.User) error {
	switch {
	case u.Disabled:
		return disabled()
	case over(s.ExpiresAt):
		return expired("browser session")
	}
	return nil
}

// Still says whether what this actor showed is good at this moment. It is for
// what lasts, such as a stream of events. Errors: as of Bearer and Browser.
func (i *Identity) Still(ctx context.Context, a core.Actor) error {
	if a.Kind == core.LauncherActor {
		_, err := i.launcherOf(a)
		return err
	}
	return i.store.View(ctx, func(tx store.Tx) error {
		_, err := living(ctx, tx, a)
		return err
	})
}

// Until is when what this actor showed ends by itself; the zero time: never.
// Errors: as of Bearer and Browser.
func (i *Identity) Until(ctx context.Context, a core.Actor) (time.Time, error) {
	var end time.Time
	err := i.store.View(ctx, func(tx store.Tx) error {
		switch a.Via.Kind {
		case core.ViaToken:
			if a.Kind != core.UserActor {
				return nil
			}
			t, err := tx.Tokens().Get(ctx, a.Via.ID)
			end = t.ExpiresAt
			return when(err, badToken)
		case core.ViaBrowser:
			s, err := tx.Sessions().Get(ctx, a.Via.ID)
			end = s.ExpiresAt
			return when(err, badSession)
		}
		return nil
	})
	return end, err
}

// Self is the acting user's own record. On a machine without a server, where
// there may be none, it is made up.
func (i *Identity) Self(ctx context.Context, a core.Actor) (core.User, error) {
	var out core.User
	act := guard.Act{Action: guard.UserSelf, Subject: "self"}
	err := i.guard.Read(ctx, own(a), act, func(ctx context.Context, tx store.Tx) (err error) {
		out, err = living(ctx, tx, a)
		return err
	})
	return out, err
}

// living finds the acting user anew, and what they showed: whoever was disabled,
// and whatever was revoked, since the actor was made is nobody's any more.
func living(ctx context.Context, tx store.Tx, a core.Actor) (core.User, error) {
	if a.Kind != core.UserActor {
		return core.User{}, badToken(nil)
	}
	u, err := tx.Users().Get(ctx, a.ID)
	if a.Via.Kind == core.ViaLocal && core.CodeOf(err) == core.NotFound {
		return firstUser(), nil
	}
	if err != nil {
		return u, when(err, badToken)
	}
	switch a.Via.Kind {
	case core.ViaLocal: // whoever has the vault open needs no record
		return u, nil
	case core.ViaToken:
		return u, livingToken(ctx, tx, u, a.Via.ID)
	case core.ViaBrowser:
		return u, livingSession(ctx, tx, u, a.Via.ID)
	case core.ViaProxy:
		if u.Disabled {
			return u, disabled()
		}
		return u, nil
	}
	return u, badToken(nil)
}

func livingToken(ctx context.Context, tx store.Tx, u core.User, id string) error {
	t, err := tx.Tokens().Get(ctx, id)
	if err != nil {
		return when(err, badToken)
	}
	if t.UserID != u.ID {
		return badToken(nil)
	}
	return goodToken(t, u)
}

func livingSession(ctx context.Context, tx store.Tx, u core.User, id string) error {
	s, err := tx.Sessions().Get(ctx, id)
	if err != nil {
		return when(err, badSession)
	}
	if s.UserID != u.ID {
		return badSession(nil)
	}
	return goodSession(s, u)
}

// approverLives says whether the browser that approved something still is signed
// in, so that a session revoked in time takes its approvals along.
func approverLives(ctx context.Context, tx store.Tx, u core.User, approver string) error {
	if id, ok := strings.CutPrefix(approver, string(core.ViaBrowser)+":"); ok {
		return livingSession(ctx, tx, u, id)
	}
	if approver != string(core.ViaProxy) {
		return badSession(nil)
	}
	return nil
}

// used notes a use in memory; Run stores it.
func (i *Identity) used(at *map[string]time.Time, id string) {
	t := now()
	i.mu.Lock()
	defer i.mu.Unlock()
	(*at)[id] = t
}

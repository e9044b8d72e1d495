package identity

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Sessions lists the acting user's browser sessions, oldest first, for a week
// also those that are over.
func (i *Identity) Sessions(ctx context.Context, a core.Actor) ([]core.BrowserSession, error) {
	a = own(a)
	var out []core.BrowserSession
	err := i.guard.Read(ctx, a, guard.Act{Action: guard.SessionList, Subject: "sessions"}, func(ctx context.Context, tx store.Tx) error {
		all, err := tx.Sessions().List(ctx, a.ID)
		for _, s := range all {
			out = append(out, bareSession(s))
		}
		return err
	})
	return out, err
}

// DeleteSession signs one of the acting user's browsers out, be it the one that
// asks. Errors: not_found, also for another user's.
func (i *Identity) DeleteSession(ctx context.Context, a core.Actor, id string) error {
	if !plainID(id) {
		return noSession(nil)
	}
	a = own(a)
	act := guard.Act{Action: guard.SessionDelete, Subject: guard.SessionSubject(id)}
	return i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		s, err := tx.Sessions().Get(ctx, id)
		if err == nil && s.UserID != a.ID {
			err = core.Errorf(core.NotFound, "it is another user's")
		}
		if err != nil {
			return when(err, noSession)
		}
		return tx.Sessions().Delete(ctx, id)
	})
}

func noSession(cause error) error {
	return core.Errorf(core.NotFound, "there is no such browser session").WithField("session").
		WithHint("keyfob session list shows those there are").Wrap(cause)
}

func (i *Identity) newSession(user, agent, address string) (core.BrowserSession, secret.Secret) {
	cookie, at := core.NewToken(core.BrowserPrefix), now()
	return core.BrowserSession{
		ID: core.NewID("brs"), UserID: user, Digest: digest(cookie),
		Agent: cleaned(agent, maxAgent, "unknown"), Address: cleaned(address, maxName, "unknown"),
		CreatedAt: at, ExpiresAt: at.Add(i.sessionLife).Truncate(time.Microsecond),
	}, cookie
}

func bareSession(s core.BrowserSession) core.BrowserSession {
	s.Digest = nil
	return s
}

package guard

import (
	"bytes"
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// OnceFor is how long a request that makes a record is remembered.
const OnceFor = 24 * time.Hour

// Once marks a request that may be sent again, so that it makes its record once.
type Once struct {
	Action  string // the change that it is about; other changes of the request are not
	Key     string // which request; of the actor's own
	Request []byte // digest of what is asked for
}

type onceKey struct{}

// WithOnce lets the next change of o.Action that runs under the context also
// write down that it was done for o, in its own transaction: after a crash there
// is either the record and the note of it, or neither. It goes by the context
// because it belongs to the request and not to what the use case is asked.
//
// Where o was done already the change is not made, and its error is that of Made.
func WithOnce(ctx context.Context, o Once) context.Context {
	return context.WithValue(ctx, onceKey{}, o)
}

// Made gives an error where the actor's request o was done within OnceFor:
// conflict with reason "already_made" and the subject of what it made, or with
// "idempotency_mismatch" where that request was another. It is of use before the
// change is tried, since a change that would fail now may have been made before.
func (g *Guard) Made(ctx context.Context, actor core.Actor, o Once) (subject string, err error) {
	err = g.store.View(ctx, func(tx store.Tx) error {
		subject, err = made(ctx, tx, actor, o)
		return err
	})
	return subject, err
}

func made(ctx context.Context, tx store.Tx, actor core.Actor, o Once) (string, error) {
	got, err := tx.Idempotency().Get(ctx, actor.String(), o.Key)
	switch {
	case core.CodeOf(err) == core.NotFound:
		return "", nil
	case err != nil:
		return "", err
	case time.Since(got.CreatedAt) > OnceFor:
		return "", nil
	case !bytes.Equal(got.Request, o.Request):
		return "", core.Errorf(core.Conflict, "this idempotency key was used for another request").WithReason("idempotency_mismatch").
			WithHint("make a new key for each request, and send the same key only with the same request")
	}
	return got.Location, core.Errorf(core.Conflict, "this request was done already").WithReason("already_made").
		WithHint("what it made is at Location; what is shown once is not shown again")
}

// onceOnly puts the note of a request beside the change that it asks for.
func onceOnly(ctx context.Context, actor core.Actor, act Act, fn change) change {
	o, ok := ctx.Value(onceKey{}).(Once)
	if !ok || o.Action != act.Action {
		return fn
	}
	return func(ctx context.Context, tx store.Tx, note Note) error {
		if _, err := made(ctx, tx, actor, o); err != nil {
			return err
		}
		if err := fn(ctx, tx, note); err != nil {
			return err
		}
		now := time.Now().UTC()
		if err := tx.Idempotency().Sweep(ctx, now.Add(-OnceFor)); err != nil {
			return err
		}
		return tx.Idempotency().Create(ctx, core.Idempotency{
			Actor: actor.String(), Key: o.Key, Request: o.Request, Location: act.Subject, CreatedAt: now,
		})
	}
}

// change is what Do runs.
type change = func(ctx context.Context, tx store.Tx, note Note) error

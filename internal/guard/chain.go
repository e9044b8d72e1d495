package guard

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Outcomes of an entry.
const (
	Attempt = "attempt" // an exposure is about to happen; its outcome follows
	OK      = "ok"
	Denied  = "denied" // the policy forbids it
	Failed  = "failed" // allowed, and did not happen; Detail has the code
)

// validTexts makes every text UTF-8, as stores keep texts: an entry that came
// back changed would break its chain.
func validTexts(m map[string]string) map[string]string {
	out := make(map[string]string, len(m)+2)
	for k, v := range m {
		out[strings.ToValidUTF8(k, "�")] = strings.ToValidUTF8(v, "�")
	}
	return out
}

// add appends one entry to this writer's chain, inside the caller's transaction:
// it is durable exactly when the act is. Where it is time for a checkpoint, that
// is signed in the same transaction and costs no flush of its own.
func (g *Guard) add(ctx context.Context, tx store.Tx, e core.AuditEntry) (int64, error) {
	head, err := tx.Audit().Head(ctx, g.writer)
	if err != nil && core.CodeOf(err) != core.NotFound {
		return 0, err
	}
	e.Writer, e.Seq, e.PrevHash = g.writer, head.Seq+1, head.Hash
	e.Subject, e.Detail = strings.ToValidUTF8(e.Subject, "�"), validTexts(e.Detail)
	if via := e.Actor.Via.String(); via != "" {
		e.Detail["via"] = strings.ToValidUTF8(via, "�")
	}
	e.At = now()
	last, sign, err := g.due(ctx, tx, e)
	if err != nil {
		return 0, err
	}
	audit.Unmention(&e)
	if sign {
		audit.Mention(&e, last.Number+1)
	}
	e.Hash = audit.Hash(e)
	if err := tx.Audit().Append(ctx, e); err != nil {
		return 0, err
	}
	if sign {
		_, err = sealHeads(ctx, tx, *g.signer.Load(), last)
	}
	return e.Seq, err
}

// signedAtOnce are the actions that ask for a checkpoint with their entry.
var signedAtOnce = []string{AuditCheckpoint, AuditExport, VaultRekey, VaultRestore}

// due says whether a checkpoint is to be signed with this entry, and which is
// the last one. Each writer's audit.Every-th entry takes one; so does the first
// while there is none, and an act that asks for one.
//
// A checkpoint that this key did not sign is never built upon: to sign behind
// it would make somebody else's statement the vault's own. Then none is signed
// any more, which verification shows, until whoever has the root key looks at it.
func (g *Guard) due(ctx context.Context, tx store.Tx, e core.AuditEntry) (core.Checkpoint, bool, error) {
	signer := *g.signer.Load()
	asked := e.Outcome == OK && slices.Contains(signedAtOnce, e.Action)
	if signer.IsZero() || !asked && e.Seq >= audit.Every && e.Seq%audit.Every != 0 {
		return core.Checkpoint{}, false, nil
	}
	last, err := tx.Checkpoints().Last(ctx)
	switch {
	case core.CodeOf(err) == core.NotFound:
		return core.Checkpoint{}, true, nil
	case err != nil:
		return last, false, err
	}
	return last, (asked || e.Seq%audit.Every == 0) && signer.Made(last), nil
}

// sealHeads signs every chain's head.
func sealHeads(ctx context.Context, tx store.Tx, s audit.Signer, last core.Checkpoint) (core.Checkpoint, error) {
	heads, err := tx.Audit().Heads(ctx)
	if err != nil {
		return last, err
	}
	c := s.Checkpoint(last, heads, now())
	return c, tx.Checkpoints().Append(ctx, c)
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Rekey runs the act by which the vault gets another root key, as Do does, and
// hands the trail over in the same transaction: the old key signs it for the
// last time, and the new key signs that. From then on this guard signs with the
// new key.
//
// So everything before stays proven by the new key alone, and there is no moment
// at which somebody without either could put another trail below it.
func (g *Guard) Rekey(ctx context.Context, actor core.Actor, act Act, next audit.Signer, fn func(ctx context.Context, tx store.Tx, note Note) error) error {
	act.Action = VaultRekey
	act = act.of(actor)
	if err := g.allow(ctx, actor, act); err != nil {
		return err
	}
	err := g.store.Update(ctx, func(tx store.Tx) error {
		notes := maps.Clone(act.Detail)
		noteInto(&notes)("audit_key", next.KeyID())
		if err := fn(ctx, newNoting(tx, act, &notes), noteInto(&notes)); err != nil {
			return err
		}
		if _, err := g.add(ctx, tx, entry(actor, act, OK, notes)); err != nil {
			return err
		}
		last, err := tx.Checkpoints().Last(ctx)
		if err != nil && core.CodeOf(err) != core.NotFound {
			return err
		}
		_, err = sealHeads(ctx, tx, next, last)
		return err
	})
	if err != nil {
		return g.failed(ctx, actor, act, err)
	}
	g.signer.Store(&next)
	return nil
}

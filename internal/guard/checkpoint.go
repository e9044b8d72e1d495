package guard

import (
	"context"
	"crypto/ed25519"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Checkpoint signs all chains' heads, where any has grown since the last time.
// An entry of its own says so. Without a key, or behind a checkpoint that is not
// this key's, it is an error of code unavailable.
func (g *Guard) Checkpoint(ctx context.Context) error {
	if g.signer.Load().IsZero() {
		return noKey()
	}
	r, err := g.reach(ctx)
	if err != nil || r.unsigned == 0 {
		return err
	}
	return g.checkpoint(ctx, r)
}

func (g *Guard) checkpoint(ctx context.Context, r reach) error {
	if r.foreign {
		return core.Errorf(core.Unavailable, "the newest checkpoint of the audit trail was not signed with this vault's key").
			WithReason("foreign_checkpoint").WithHint("keyfob audit verify says what is wrong with the trail")
	}
	act := Act{Action: AuditCheckpoint, Subject: "audit"}
	return g.Do(ctx, core.System("audit", core.Org), act, func(context.Context, store.Tx, Note) error { return nil })
}

// AuditKey is the public key that checkpoints and exports are verified with. It
// is for an administrator, whatever owner the actor is on.
func (g *Guard) AuditKey(ctx context.Context, actor core.Actor) (ed25519.PublicKey, error) {
	signer := *g.signer.Load()
	if signer.IsZero() {
		return nil, noKey()
	}
	act := Act{Action: AuditVerify, Subject: "audit"}
	return signer.Public(), g.Read(ctx, actor.On(core.Org), act, func(context.Context, store.Tx) error { return nil })
}

func noKey() error {
	return core.Errorf(core.Unavailable, "there is no key to sign the audit trail with").WithHint("open the vault first")
}

// reach says how far the trail is, and how far it is signed.
type reach struct {
	heads    []core.Head
	unsigned int64
	signedAt time.Time
	foreign  bool // the newest checkpoint is not this key's
}

func (g *Guard) reach(ctx context.Context) (reach, error) {
	var out reach
	err := g.store.View(ctx, func(tx store.Tx) error {
		last, err := tx.Checkpoints().Last(ctx)
		if err != nil && core.CodeOf(err) != core.NotFound {
			return err
		}
		if out.heads, err = tx.Audit().Heads(ctx); err != nil {
			return err
		}
		out.unsigned = beyond(out.heads, last.Heads)
		out.signedAt, out.foreign = last.At, last.Number > 0 && !g.signer.Load().Made(last)
		return nil
	})
	return out, err
}

// beyond counts the entries that are in heads and not in old.
func beyond(heads, old []core.Head) (n int64) {
	seq := map[string]int64{}
	for _, h := range old {
		seq[h.Writer] = h.Seq
	}
	for _, h := range heads {
		n += max(0, h.Seq-seq[h.Writer])
	}
	return n
}

// Sink takes a copy of the trail out of the store's reach.
type Sink interface {
	// Position is how far what the sink holds durably goes.
	Position(ctx context.Context) (audit.Position, error)
	// Append adds whole lines, in their order, durably: after an error any
	// number of the first of them may have been added. h is the header to write
	// first wherever the lines do not go on from what stands there already, as
	// in a new file.
	Append(ctx context.Context, h audit.Header, lines []byte) error
}

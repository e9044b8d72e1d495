package guard

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

const (
	signAfter = time.Minute // an entry waits no longer for a checkpoint, while Run runs
	runEvery  = time.Second
	endWithin = 5 * time.Second
	sinkBatch = 256 << 10 // bytes that are handed to a sink at once, or one line
)

// TrailStatus is how the trail's signing and copying stand, as of Run's last
// round.
type TrailStatus struct {
	Unsigned int64     // entries that no checkpoint covers yet
	SignedAt time.Time // when the newest checkpoint was made; zero: there is none
	Unsent   int64     // entries that the sink lacks; 0 without a sink
	SentAt   time.Time // when the sink last had all; zero: not yet
	Err      error     // of the last round; nil: all went well
}

// Trail is the status; the zero value before Run's first round.
func (g *Guard) Trail() TrailStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.trail
}

// Run keeps the trail signed and copied until ctx ends: within a minute each
// entry, whichever process wrote it, is under a checkpoint, and within about a
// second in the sink. What fails stands in Trail and is tried again: entries
// stay in the store. Before it returns it does both once more.
func (g *Guard) Run(ctx context.Context) error {
	tick := time.NewTicker(runEvery)
	defer tick.Stop()
	seen := int64(-1)
	for {
		seen = g.round(ctx, seen)
		select {
		case <-ctx.Done():
			end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
			defer cancel()
			g.end(end)
			return nil
		case <-tick.C:
		}
	}
}

// round does what is due, and gives the store's version that it has seen all of.
func (g *Guard) round(ctx context.Context, seen int64) int64 {
	version, err := g.store.Version(ctx)
	st := g.Trail()
	if err == nil && version == seen && st.Err == nil && (st.Unsigned == 0 || time.Since(st.SignedAt).Abs() < signAfter) {
		return seen
	}
	if err == nil {
		err = g.turn(ctx, signAfter)
	}
	if err != nil {
		return -1
	}
	return version
}

// turn signs what has waited for this long, then copies, and notes how it went.
func (g *Guard) turn(ctx context.Context, wait time.Duration) error {
	r, err := g.reach(ctx)
	if err == nil && r.unsigned > 0 && !g.signer.Load().IsZero() && time.Since(r.signedAt).Abs() >= wait {
		if err = g.checkpoint(ctx, r); err == nil {
			r, err = g.reach(ctx)
		}
	}
	var sent audit.Position
	if g.sink != nil {
		var also error
		sent, also = g.send(ctx)
		err = errors.Join(err, also)
	}
	g.note(ctx, r, sent, err)
	return err
}

func (g *Guard) note(ctx context.Context, r reach, sent audit.Position, err error) {
	g.say(ctx, g.Trail().Err, err)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trail.Unsigned, g.trail.SignedAt, g.trail.Err = r.unsigned, r.signedAt, err
	if g.sink == nil {
		return
	}
	var have []core.Head
	for _, h := range sent.Heads {
		have = append(have, h)
	}
	if g.trail.Unsent = beyond(r.heads, have); g.trail.Unsent == 0 && err == nil {
		g.trail.SentAt = now()
	}
}

// say logs a round that went otherwise than the one before it. One that was cut
// off at the end of Run is followed by another.
func (g *Guard) say(ctx context.Context, before, err error) {
	switch {
	case err != nil && ctx.Err() == nil && (before == nil || before.Error() != err.Error()):
		g.log.LogAttrs(ctx, slog.LevelError, "the audit trail cannot be signed or copied", slog.String("cause", err.Error()))
	case err == nil && before != nil:
		g.log.LogAttrs(ctx, slog.LevelInfo, "the audit trail is signed and copied again")
	}
}

func (g *Guard) end(ctx context.Context) { _ = g.turn(ctx, 0) }

// errFull ends a batch.
var errFull = errors.New("full")

// send copies what the sink lacks, and says how far it is then.
func (g *Guard) send(ctx context.Context) (audit.Position, error) {
	at, err := g.sink.Position(ctx)
	if err != nil {
		return at, err
	}
	for {
		from, to, lines, err := g.batch(ctx, at)
		if err != nil || len(lines) == 0 {
			return at, err
		}
		h := audit.Header{Kind: audit.KindSink, At: now(), PublicKey: g.signer.Load().Public(), After: from}
		if err := g.sink.Append(ctx, h, lines); err != nil {
			return at, err
		}
		at = to
	}
}

// batch is the next lines behind a position. Where the store does not have what
// was sent last, it was put back to an earlier state: then the copy starts over
// from the first entry, so that the sink shows both.
func (g *Guard) batch(ctx context.Context, at audit.Position) (from, to audit.Position, lines []byte, err error) {
	err = g.store.View(ctx, func(tx store.Tx) error {
		same, err := holds(ctx, tx, at)
		if err != nil {
			return err
		}
		if !same {
			at = audit.Position{}
		}
		from, to = at.Clone(), at.Clone()
		f, limit := feed{tx: tx, at: from}, sinkBatch
		f.entry = func(e core.AuditEntry) error {
			lines = audit.AppendEntry(lines, e)
			to.Entry(e)
			if audit.Mentions(e) {
				limit = 4 * sinkBatch // no file ends between it and its checkpoint
			}
			return full(lines, limit)
		}
		f.checkpoint = func(c core.Checkpoint) error {
			lines, limit = audit.AppendCheckpoint(lines, c), sinkBatch
			to.Took(c)
			return full(lines, limit)
		}
		if err := f.run(ctx); err != nil && !errors.Is(err, errFull) {
			return err
		}
		return nil
	})
	return from, to, lines, err
}

func full(lines []byte, limit int) error {
	if len(lines) >= limit {
		return errFull
	}
	return nil
}

// holds says whether the store has what the position names.
func holds(ctx context.Context, tx store.Tx, at audit.Position) (bool, error) {
	for _, h := range at.Heads {
		list, err := tx.Audit().After(ctx, h.Writer, h.Seq-1, 1)
		if err != nil || len(list) == 0 || list[0].Seq != h.Seq || !bytes.Equal(list[0].Hash, h.Hash) {
			return false, err
		}
	}
	if at.Checkpoint == 0 {
		return true, nil
	}
	list, err := tx.Checkpoints().After(ctx, at.Checkpoint-1, 1)
	return err == nil && len(list) > 0 && list[0].Number == at.Checkpoint && bytes.Equal(list[0].Hash, at.CheckpointHash), err
}

package guard

import (
	"context"
	"fmt"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Verification is what Verify found; Chain and Problem are its parts.
type (
	Verification = audit.Verification
	Chain        = audit.Chain
	Problem      = audit.Problem
)

// Verify walks every chain and every checkpoint, and holds each record of every
// owner against what the trail says was stored last: secrets, accounts, pools,
// MCP servers, LLM profiles, users, tokens, browser sessions, proofs and live
// workspaces. It also holds what each change found of a record against what the
// change before it wrote. So it finds a row that was put back to an earlier state,
// changed, added or removed, also where Keyfob wrote it again since. It opens no
// value, and keeps in memory what the trail says of each record that is there, not
// the trail.
//
// It is for an administrator, whatever owner the actor is on. Where nothing is
// found, what no checkpoint covered until now is signed.
func (g *Guard) Verify(ctx context.Context, actor core.Actor) (Verification, error) {
	var out Verification
	act := Act{Action: AuditVerify, Subject: "audit"}
	signer := *g.signer.Load()
	err := g.Read(ctx, actor.On(core.Org), act, func(ctx context.Context, tx store.Tx) error {
		w := newWalker(audit.NewChecker(signer.Public()))
		f := feed{tx: tx, entry: w.entry, checkpoint: w.checkpoint, damaged: w.damaged, damagedNext: w.damagedNext}
		if err := f.run(ctx); err != nil {
			return err
		}
		out = w.check.Finish()
		w.found = &out
		w.broken = w.check.Broken()
		w.settle()
		for _, p := range w.links.breaks {
			w.problem(p)
		}
		if err := w.records(ctx, tx); err != nil {
			return err
		}
		out.Unproven = append(out.Unproven, w.unproven()...)
		return nil
	})
	if err == nil && out.OK() && out.Uncovered > 0 {
		// What cannot be signed now stays what out says it is: not covered.
		_ = g.Checkpoint(ctx)
	}
	return out, err
}

// entry takes one that holds together for what it says of the records.
func (w *walker) entry(e core.AuditEntry) error {
	if w.check.Entry(e) {
		w.take(e)
	}
	return nil
}

func (w *walker) checkpoint(c core.Checkpoint) error {
	if w.check.Checkpoint(c) {
		w.settle()
		w.forget(c.At)
	}
	return nil
}

// unproven is what the trail does not say of the records.
func (w *walker) unproven() []string {
	out := []string{
		"what was changed outside Keyfob and put back, before Keyfob wrote it again and before anybody verified",
		"what is not in the trail: usage, cooldowns, when tokens were used, renewals",
	}
	if n := w.links.unlinked; n > 0 {
		out = append(out, fmt.Sprintf("what was changed outside Keyfob before one of %d writes: an older Keyfob wrote, and did not note what it found", n))
	}
	if n := w.links.unmade; n > 0 {
		out = append(out, fmt.Sprintf("who made %d sign-ins or approvals that waited when Keyfob was brought up to date", n))
	}
	if w.older > 0 {
		out = append(out, fmt.Sprintf("%d records but for their values: an older Keyfob wrote them last", w.older))
	}
	return out
}

func (w *walker) damaged(writer string) error {
	w.check.Unreadable(writer)
	return nil
}

func (w *walker) damagedNext() error {
	w.check.UnreadableCheckpoint()
	return nil
}

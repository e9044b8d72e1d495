package guard

import (
	"bufio"
	"context"
	"io"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Export writes the whole trail, of every owner, to w in the form that
// audit.VerifyExport reads. That it was asked for stands in it, and all of it is
// signed. It keeps a page in memory, and reads one state of the store, however
// slowly w takes it. On an error what w has is not whole, and does not verify.
//
// It is for an administrator, whatever owner the actor is on.
func (g *Guard) Export(ctx context.Context, actor core.Actor, w io.Writer) error {
	signer := *g.signer.Load()
	if signer.IsZero() {
		return noKey()
	}
	actor = actor.On(core.Org)
	act := Act{Action: AuditExport, Subject: "audit"}
	if err := g.Do(ctx, actor, act, func(context.Context, store.Tx, Note) error { return nil }); err != nil {
		return err
	}
	return g.store.View(ctx, func(tx store.Tx) error {
		out := bufio.NewWriterSize(w, 64<<10)
		x, err := audit.NewExporter(out, signer, now())
		if err != nil {
			return err
		}
		f := feed{tx: tx, entry: x.Entry, checkpoint: x.Checkpoint}
		if err := f.run(ctx); err != nil {
			return err
		}
		if err := x.Close(); err != nil {
			return err
		}
		return out.Flush()
	})
}

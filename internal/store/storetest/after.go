package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func testAuditAfter(t *testing.T, s suite) {
	s.do(t, appendEntries(Entry("v", 1), Entry("w", 1), Entry("w", 2), Entry("w", 3)))
	for _, c := range []struct {
		writer string
		seq    int64
		limit  int
		want   []core.AuditEntry
	}{
		{"w", 0, 10, []core.AuditEntry{Entry("w", 1), Entry("w", 2), Entry("w", 3)}},
		{"w", 0, 2, []core.AuditEntry{Entry("w", 1), Entry("w", 2)}},
		{"w", 2, 2, []core.AuditEntry{Entry("w", 3)}},
		{"w", 3, 2, nil},
		{"v", -1, 1, []core.AuditEntry{Entry("v", 1)}},
		{"x", 0, 10, nil},
		{"w", 0, 0, nil},
		{"w", 0, -1, nil},
	} {
		same(t, c.want, read(t, s, func(ctx context.Context, tx store.Tx) ([]core.AuditEntry, error) {
			return tx.Audit().After(ctx, c.writer, c.seq, c.limit)
		}))
	}
}

func testCheckpointsAfter(t *testing.T, s suite) {
	all := []core.Checkpoint{checkpoint(1, core.Head{Writer: "w", Seq: 1, Hash: []byte{1}}), checkpoint(2), checkpoint(3)}
	for _, c := range all {
		s.do(t, appendCheckpoint(c))
	}
	for _, c := range []struct {
		after int64
		limit int
		want  []core.Checkpoint
	}{
		{0, 10, all}, {0, 1, all[:1]}, {1, 1, all[1:2]}, {2, 10, all[2:]}, {3, 10, nil}, {-7, 2, all[:2]}, {0, 0, nil}, {0, -1, nil},
	} {
		same(t, c.want, read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Checkpoint, error) {
			return tx.Checkpoints().After(ctx, c.after, c.limit)
		}))
	}
}

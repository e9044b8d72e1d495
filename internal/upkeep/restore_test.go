package upkeep_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/seal"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/upkeep"
)

// waiting puts proofs of somebody, and of nobody yet, into the vault.
func (w *world) waiting(t *testing.T, n int) {
	t.Helper()
	act := guard.Act{Action: guard.VaultReencrypt, Subject: "vault"}
	err := w.Guard.Do(t.Context(), admin, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		var err error
		for i := range n {
			now := time.Now()
			p := core.Proof{
				ID: "prf_" + strconv.Itoa(i), Kind: core.LinkProof, Digest: bytes.Repeat([]byte{byte(i)}, 32), UserID: []string{"", "usr_bob"}[i%2],
				State: core.ProofPending, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
			}
			err = errors.Join(err, tx.Proofs().Create(ctx, p))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// restore gives the vault that came of a backup.
func (w *world) restore(t *testing.T, backup string) *world {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyfob.db")
	_, _, err := sqlite.Restore(t.Context(), backup, path, func(ctx context.Context, st *sqlite.Store, of store.Copy) error {
		g := guard.New(st, guardtest.Writer, guard.Signed(audit.NewSigner(w.root.AuditKey)))
		return upkeep.New(g, seal.NewKeys(w.root)).Restored(ctx, admin, of)
	})
	if err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	out := &world{Kit: guardtest.Kit{Store: st}, root: w.root, want: w.want}
	out.Guard = guard.New(st, guardtest.Writer, guard.Signed(audit.NewSigner(w.root.AuditKey)))
	return out
}

// Nobody signs in with what waited in a backup, and the trail says that there was
// one, which, and where it goes on.
func TestRestoreIsInTheTrailAndDropsProofs(t *testing.T) {
	w := newWorld(t, 1)
	w.waiting(t, 70)
	backup := filepath.Join(t.TempDir(), "of monday.db")
	if _, err := w.process(w.Store).Backup(t.Context(), admin, w.Store, backup); err != nil {
		t.Fatal(err)
	}
	r := w.restore(t, backup)
	err := r.Store.View(t.Context(), func(tx store.Tx) error {
		left, err := tx.Proofs().Page(t.Context(), store.Page{Limit: 1})
		if len(left) > 0 {
			t.Errorf("still there: %+v", left)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file)
	list := r.entries(t)
	e, before := list[0], list[1]
	head := strconv.FormatInt(before.Seq, 10) + " " + hex.EncodeToString(before.Hash)
	if e.Action != guard.VaultRestore || e.Outcome != guard.OK || e.Detail["file"] != "of monday.db" || e.Detail["dropped_proofs"] != "70" ||
		e.Detail["digest"] != "sha256:"+hex.EncodeToString(sum[:]) || e.Detail["head "+guardtest.Writer] != head || !audit.Mentions(e.AuditEntry) {
		t.Errorf("%+v", e)
	}
	r.sound(t)
}

// A link that was put into a backup is dropped too, and verification says that
// it was there.
func TestRestoreOfAChangedBackup(t *testing.T) {
	w := newWorld(t, 1)
	backup := filepath.Join(t.TempDir(), "b.db")
	if _, err := w.process(w.Store).Backup(t.Context(), admin, w.Store, backup); err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), backup)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	err = st.Update(t.Context(), func(tx store.Tx) error {
		return tx.Proofs().Create(t.Context(), core.Proof{
			ID: "prf_put_in", Kind: core.LinkProof, Digest: bytes.Repeat([]byte{9}, 32), UserID: "local",
			State: core.ProofPending, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		})
	})
	if err := errors.Join(err, st.Close()); err != nil {
		t.Fatal(err)
	}
	r := w.restore(t, backup)
	v, err := r.Guard.Verify(t.Context(), core.LocalUser)
	if err != nil || len(v.Problems) != 1 || v.Problems[0].Subject != "proof:prf_put_in" {
		t.Errorf("%+v, %v", v.Problems, err)
	}
}

package storetest

import (
	"context"
	"strings"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

type findProof func(ctx context.Context, tx store.Tx) (core.Proof, error)

func proofByID(id string) findProof {
	return func(ctx context.Context, tx store.Tx) (core.Proof, error) { return tx.Proofs().Get(ctx, id) }
}

func proofByDigest(d []byte) findProof {
	return func(ctx context.Context, tx store.Tx) (core.Proof, error) { return tx.Proofs().ByDigest(ctx, d) }
}

func proofByCode(d []byte) findProof {
	return func(ctx context.Context, tx store.Tx) (core.Proof, error) { return tx.Proofs().ByUserCode(ctx, d) }
}

func testProofs(t *testing.T, s suite) {
	a := Proof("a")
	bare := core.Proof{ID: "b", Kind: core.StepUpProof, State: core.ProofPending, ExpiresAt: at(5)}
	bare2 := core.Proof{ID: "c", Kind: core.StepUpProof, State: core.ProofPending, ExpiresAt: at(5)}
	if got := s.since(t, add(store.Tx.Proofs, a, bare, bare2)); got != nil {
		t.Fatalf("a proof is a change: %v", got)
	}
	for _, find := range []findProof{proofByID("a"), proofByDigest(a.Digest), proofByCode(a.UserCode)} {
		same(t, a, read(t, s, find))
	}
	same(t, bare, read(t, s, proofByID("b")))
	for _, find := range []findProof{proofByID("d"), proofByDigest(nil), proofByCode(nil), proofByDigest(a.UserCode), proofByCode(a.Digest)} {
		missing(t, s, find)
	}
	id, digest, code := Proof("x"), Proof("y"), Proof("z")
	id.ID, digest.Digest, code.UserCode = "a", a.Digest, a.UserCode
	for _, p := range []core.Proof{id, digest, code} {
		s.fails(t, core.Conflict, add(store.Tx.Proofs, p))
	}
}

func decide(p core.Proof, from core.ProofState) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Proofs().Decide(ctx, p, from) }
}

// Of two that decide from one state, the second is told.
func testProofDecide(t *testing.T, s suite) {
	p := Proof("a")
	s.do(t, add(store.Tx.Proofs, p, Proof("b")))
	approved := p
	approved.State, approved.UserID, approved.Approver, approved.DecidedAt, approved.ExpiresAt = core.ProofApproved, "bob", "ses_2", at(7), at(8)
	forged := approved // what else it says is not stored
	forged.Kind, forged.Digest, forged.Subject, forged.Version, forged.Requester = core.LinkProof, []byte{1}, "sec_2", 9, "eve"
	if got := s.since(t, decide(forged, core.ProofPending)); got != nil {
		t.Fatalf("a proof is a change: %v", got)
	}
	same(t, approved, read(t, s, proofByID("a")))
	s.fails(t, core.Conflict, decide(forged, core.ProofPending))
	s.fails(t, core.Conflict, decide(forged, core.ProofUsed))
	s.fails(t, core.NotFound, decide(Proof("gone"), core.ProofPending))
	used := approved
	used.State = core.ProofUsed
	s.do(t, decide(used, core.ProofApproved))
	same(t, used, read(t, s, proofByID("a")))
	same(t, Proof("b"), read(t, s, proofByID("b")))
}

func testProofEnd(t *testing.T, s suite) {
	made := func(id string, k core.ProofKind, user string, state core.ProofState, expires int) core.Proof {
		return core.Proof{ID: id, Kind: k, UserID: user, State: state, ExpiresAt: at(expires)}
	}
	s.do(t, add(store.Tx.Proofs, made("a", core.DeviceProof, "", core.ProofPending, 10), made("b", core.DeviceProof, "", core.ProofPending, 20),
		made("c", core.DeviceProof, "", core.ProofDenied, 20), made("d", core.LinkProof, "ann", core.ProofPending, 20),
		made("e", core.LinkProof, "bob", core.ProofApproved, 30)))
	for now, want := range map[int]int{0: 2, 9: 2, 10: 1, 19: 1, 20: 0} {
		got := read(t, s, func(ctx context.Context, tx store.Tx) (int, error) {
			return tx.Proofs().Pending(ctx, core.DeviceProof, at(now))
		})
		if got != want {
			t.Errorf("at %d there are %d pending, want %d", now, got, want)
		}
	}
	for user, want := range map[string]int{"ann": 1, "bob": 0, "": 0} {
		got := read(t, s, func(ctx context.Context, tx store.Tx) (int, error) {
			return tx.Proofs().PendingOf(ctx, core.LinkProof, user, at(19))
		})
		if got != want {
			t.Errorf("of %q there are %d pending, want %d", user, got, want)
		}
	}
	left := func(ids string) {
		t.Helper()
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			err := s.View(t.Context(), func(tx store.Tx) error { _, err := tx.Proofs().Get(t.Context(), id); return err })
			if there := err == nil; there != strings.Contains(ids, id) {
				t.Fatalf("%s: %v, want %q to be left", id, err, ids)
			}
		}
	}
	for _, want := range []int{1, 0} {
		s.do(t, func(ctx context.Context, tx store.Tx) error {
			n, err := tx.Proofs().DeleteAll(ctx, "ann")
			if n != want {
				t.Errorf("%d were deleted, want %d", n, want)
			}
			return err
		})
		left("abce")
	}
	s.do(t, func(ctx context.Context, tx store.Tx) error { return tx.Proofs().Sweep(ctx, at(10)) })
	left("abce")
	s.do(t, func(ctx context.Context, tx store.Tx) error { return tx.Proofs().Sweep(ctx, at(21)) })
	left("e")
}

// Lists have those that are over and used, too: a user's by age, all by id.
func testProofLists(t *testing.T, s suite) {
	a, b, c, d := Proof("a"), Proof("b"), Proof("c"), Proof("d")
	a.CreatedAt, b.CreatedAt, b.State = at(3), at(1), core.ProofUsed
	c.UserID, d.UserID = "bob", ""
	s.do(t, add(store.Tx.Proofs, d, c, b, a))
	for user, want := range map[string][]core.Proof{"ann": {b, a}, "bob": {c}, "": {d}, "eve": nil} {
		same(t, want, read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Proof, error) { return tx.Proofs().List(ctx, user) }))
	}
	page := func(p store.Page) []core.Proof {
		t.Helper()
		return read(t, s, func(ctx context.Context, tx store.Tx) ([]core.Proof, error) { return tx.Proofs().Page(ctx, p) })
	}
	same(t, []core.Proof{a, b, c}, page(store.Page{Limit: 3}))
	same(t, []core.Proof{d}, page(store.Page{After: "c", Limit: 3}))
	s.fails(t, core.Invalid, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Proofs().Page(ctx, store.Page{})
		return err
	})
}

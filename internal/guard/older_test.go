package guard_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/seal"
	"keyfob/internal/store"
)

func sha(text string) string { return seal.Digest([]byte(text)) }

// older has done what a program of the first format did: it noted ciphertexts,
// and of workspaces that they were made and ended.
func older(t *testing.T) fixture {
	t.Helper()
	f := newFixture(t)
	do := func(act guard.Act, actor core.Actor, write func(context.Context, store.Tx) error, notes map[string]string) {
		t.Helper()
		if err := f.store.Update(t.Context(), func(tx store.Tx) error { return write(t.Context(), tx) }); err != nil {
			t.Fatal(err)
		}
		act.Detail = notes
		if err := f.Do(t.Context(), actor, act, func(context.Context, store.Tx, guard.Note) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	create := func(version int64, text string) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return put("a", version, text)(ctx, tx, nil) }
	}
	do(set("N_a"), core.LocalUser, create(1, "one"), map[string]string{"wrote secret/a": "v1 sha256:" + sha("one")})
	do(set("N_a"), core.LocalUser, create(2, "two"), map[string]string{"wrote secret/a": "v2 sha256:" + sha("two")})
	for _, id := range []string{"w1", "w2", "w3"} {
		w := core.Workspace{ID: id, Owner: core.Local, Namespace: "default", SessionDigest: []byte(id), Version: 1}
		do(guard.Act{Action: guard.WorkspaceCreate, Subject: guard.WorkspaceSubject(id)}, core.LocalUser,
			func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().Create(ctx, w) }, nil)
	}
	end := func(id string) func(context.Context, store.Tx) error {
		return func(ctx context.Context, tx store.Tx) error { return tx.Workspaces().End(ctx, id, time.Now()) }
	}
	do(guard.Act{Action: guard.WorkspaceEnd, Subject: guard.WorkspaceSubject("w1")}, core.LocalUser, end("w1"), nil)
	do(guard.Act{Action: guard.WorkspaceSweep, Subject: "workspaces"}, core.System("sweep", core.Local), end("w2"), map[string]string{"ended": guard.Names([]string{"w2"})})
	return f
}

// A vault that an older program wrote is sound, and it is said how little is known
// of its records. What is written anew is known whole.
func TestTrailOfAnOlderProgram(t *testing.T) {
	f := older(t)
	v := f.verify(t)
	if !v.OK() || v.Records != 2 || !slices.ContainsFunc(v.Unproven, func(s string) bool { return strings.HasPrefix(s, "2 records but for their values") }) {
		t.Fatalf("%+v", v)
	}
	for _, c := range []struct{ attack, back, subject string }{
		{`UPDATE secret SET ciphertext = x'00'`, fmt.Sprintf(`UPDATE secret SET ciphertext = x'%x'`, "two"), "secret:N_a"},
		{`UPDATE secret SET value_version = 1`, `UPDATE secret SET value_version = 2`, "secret:N_a"},
		{`UPDATE workspace SET ended_at = NULL WHERE id = 'w1'`, `UPDATE workspace SET ended_at = 1 WHERE id = 'w1'`, "workspace:w1"},
		{`UPDATE workspace SET ended_at = NULL WHERE id = 'w2'`, `UPDATE workspace SET ended_at = 1 WHERE id = 'w2'`, "workspace:w2"},
	} {
		f.tamper(t, c.attack)
		if v := f.verify(t); len(v.Problems) != 1 || v.Problems[0].Subject != c.subject {
			t.Errorf("%s: %+v", c.attack, v.Problems)
		}
		f.tamper(t, c.back)
	}
	err := f.Do(t.Context(), core.LocalUser, guard.Act{Action: guard.SecretUpdate, Subject: "secret:N_a"}, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		s, err := tx.Secrets().Get(ctx, core.Local, "N_a")
		if err != nil {
			return err
		}
		s.Env = "ENV"
		return tx.Secrets().Update(ctx, s, s.Version)
	})
	if err != nil {
		t.Fatal(err)
	}
	if v := f.verify(t); !v.OK() {
		t.Errorf("%+v", v.Problems)
	}
	f.tamper(t, `UPDATE secret SET env = ''`)
	if v := f.verify(t); !has(v, guard.Problem{Subject: "secret:N_a", Message: "is not as it was stored"}) {
		t.Errorf("%+v", v.Problems)
	}
}

// What one process made another one ends, before any checkpoint, whatever order
// their chains are walked in.
func TestEndsInAnotherChain(t *testing.T) {
	do := func(g *guard.Guard, fn func(context.Context, store.Tx, guard.Note) error) {
		t.Helper()
		if err := g.Do(t.Context(), core.LocalUser, set("x"), fn); err != nil {
			t.Fatal(err)
		}
	}
	for _, writers := range [][2]string{{"a", "b"}, {"b", "a"}} {
		f := newFixture(t)
		do(guard.New(f.store, writers[0]), writeRows)
		do(guard.New(f.store, writers[1]), func(ctx context.Context, tx store.Tx, _ guard.Note) error {
			u, err := tx.Users().Get(ctx, ann.ID)
			if err != nil {
				return err
			}
			u.Name, u.Email, u.Disabled = "former", "", false
			if err := tx.Users().Update(ctx, u, u.Version); err != nil {
				return err
			}
			_, err = tx.Proofs().DeleteAll(ctx, ann.ID)
			for _, err := range []error{
				err, tx.Secrets().Delete(ctx, "sec", 1), tx.Accounts().Delete(ctx, "acc", 1), tx.MCPServers().Delete(ctx, "mcp", 1), tx.Profiles().Delete(ctx, "prf", 1),
				tx.Tokens().Delete(ctx, "tok"), tx.Sessions().Delete(ctx, "ses"), tx.Workspaces().End(ctx, "wsp", soon),
			} {
				if err != nil {
					return err
				}
			}
			return nil
		})
		if v := f.verify(t); !v.OK() || v.Records != 2 {
			t.Errorf("%v: %+v", writers, v)
		}
	}
}

// Story: a token that expired is made good again. It was never revoked, so the
// trail has nothing of its end; and what is over is not missed once it is swept.
func TestExpiredProofs(t *testing.T) {
	f := newFixture(t)
	gone := time.Now().Add(-time.Hour)
	err := f.Do(t.Context(), core.LocalUser, set("x"), func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		if err := tx.Tokens().Create(ctx, core.Token{ID: "tok", UserID: "u", Digest: []byte("d"), ExpiresAt: gone}); err != nil {
			return err
		}
		return tx.Sessions().Create(ctx, core.BrowserSession{ID: "ses", UserID: "u", Digest: []byte("d"), ExpiresAt: gone})
	})
	if err != nil {
		t.Fatal(err)
	}
	if v := f.verify(t); !v.OK() {
		t.Errorf("%+v", v.Problems)
	}
	f.tamper(t, `UPDATE token SET expires_at = 0`)
	if v := f.verify(t); len(v.Problems) != 1 || v.Problems[0].Subject != "token:tok" || !strings.Contains(v.Problems[0].Message, "was over, and is good again") {
		t.Errorf("%+v", v.Problems)
	}
	f.tamper(t, `UPDATE token SET expires_at = 1`)
	if err := f.store.Update(t.Context(), func(tx store.Tx) error { return tx.Sessions().Sweep(t.Context(), time.Now()) }); err != nil {
		t.Fatal(err)
	}
	if v := f.verify(t); !v.OK() || v.Records != 0 {
		t.Errorf("%+v", v)
	}
}

// What changes outside of the trail, and an act that writes one record twice.
func TestWhatIsNoFinding(t *testing.T) {
	k := guardtest.New(t)
	if err := k.Guard.Do(t.Context(), core.LocalUser, set("x"), writeRows); err != nil {
		t.Fatal(err)
	}
	err := k.Store.Update(t.Context(), func(tx store.Tx) error {
		ctx := t.Context()
		for _, err := range []error{
			tx.Tokens().Used(ctx, map[string]time.Time{"tok": soon.Add(time.Hour)}), tx.Sessions().Used(ctx, map[string]time.Time{"ses": soon.Add(time.Hour)}),
			tx.Workspaces().Renew(ctx, "wsp", soon.Add(time.Hour)), tx.Health().Merge(ctx, []core.Health{{AccountID: "acc", Kind: "ok", Epoch: 9}}),
			tx.Usage().Add(ctx, []core.Usage{{UsageKey: core.UsageKey{Owner: ann, AccountID: "acc", Day: "2026-01-02"}, Requests: 1}}),
		} {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = k.Guard.Do(t.Context(), core.LocalUser, set("x"), func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		second := core.Profile{ID: "two", Owner: ann, Name: "two", Provider: "openai", Version: 1}
		if err := tx.Profiles().Create(ctx, second); err != nil {
			return err
		}
		if err := tx.Profiles().Activate(ctx, ann, "two"); err != nil { // writes both
			return err
		}
		w, err := tx.Workspaces().Get(ctx, "wsp")
		if err != nil {
			return err
		}
		w.Labels, w.Launcher = map[string]string{"a": "b"}, "not stored by an update"
		if err := tx.Workspaces().Update(ctx, w, 1); err != nil {
			return err
		}
		short := core.SealedSecret{Secret: core.Secret{ID: "short", Owner: ann, Name: "SHORT", Version: 1}}
		if err := tx.Secrets().Create(ctx, short); err != nil {
			return err
		}
		return tx.Secrets().Delete(ctx, "short", 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := k.Guard.Verify(t.Context(), core.LocalUser)
	if err != nil || !v.OK() || v.Records != len(rows)+1 {
		t.Errorf("%+v, %v", v, err)
	}
}

// What an older program wrote says nothing of what it found, so it is not linked,
// and said not to be. From the next write on it is.
func TestOlderNotesAreNotLinked(t *testing.T) {
	f := older(t)
	again := edited(func(ctx context.Context, tx store.Tx) (core.SealedSecret, error) { return tx.Secrets().ByID(ctx, "a") },
		func(ctx context.Context, tx store.Tx, s core.SealedSecret) error {
			s.File += "x"
			return tx.Secrets().Update(ctx, s, s.Version)
		})
	f.tamper(t, `UPDATE secret SET env = 'PATH'`)
	f.does(t, f.Guard, again)
	f.does(t, guard.New(f.store, "a"), again)
	f.does(t, f.Guard, again)
	v := f.verify(t)
	// Two values, two ends of workspaces, and the first write of this program.
	if !v.OK() || !slices.ContainsFunc(v.Unproven, func(s string) bool { return strings.Contains(s, "one of 5 writes") }) {
		t.Fatalf("%+v", v)
	}
	f.tamper(t, `UPDATE secret SET env = 'OTHER'`)
	f.does(t, f.Guard, again)
	if v := f.verify(t); len(v.Problems) != 1 || v.Problems[0].Subject != "secret:N_a" || !strings.Contains(v.Problems[0].Message, "was changed outside Keyfob between") {
		t.Errorf("%+v", v.Problems)
	}
}

// rowsOf is the note of a program that noted rows, and not what it found.
func rowsOf(t *testing.T, f fixture, seq int) map[string]string {
	t.Helper()
	out := map[string]string{}
	for k, v := range f.entries(t)[seq-1].Detail {
		if is, _, ok := strings.Cut(v, " was "); ok {
			out[k] = is
		}
	}
	return out
}

// Sign-ins that wait when Keyfob is brought up to date were made by a program that
// did not note them. They are no finding, and counted; one that is there later is.
func TestProofsOfAnOlderProgram(t *testing.T) { synctest.Test(t, proofsOfAnOlderProgram) }

func proofsOfAnOlderProgram(t *testing.T) {
	from := newFixture(t).made(t)
	notes := rowsOf(t, from, 1)
	delete(notes, "wrote proof/lnk")
	f := newFixture(t)
	if err := f.store.Update(t.Context(), func(tx store.Tx) error { return writeRows(t.Context(), tx, nil) }); err != nil {
		t.Fatal(err)
	}
	act := guard.Act{Action: guard.OrgApply, Subject: "x", Detail: notes}
	if err := f.Do(t.Context(), core.LocalUser.On(core.Org), act, func(context.Context, store.Tx, guard.Note) error { return nil }); err != nil {
		t.Fatal(err)
	}
	counts := func(v guard.Verification) bool {
		return slices.ContainsFunc(v.Unproven, func(s string) bool { return strings.Contains(s, "who made 1 sign-ins or approvals") })
	}
	if v := f.verify(t); !v.OK() || !counts(v) {
		t.Errorf("that waits: %+v", v)
	}
	f.does(t, f.Guard, rewrites["proof"])
	if v := f.verify(t); !v.OK() || !counts(v) {
		t.Errorf("that was used: %+v", v)
	}
	time.Sleep(2 * time.Hour)
	f.tamper(t, `UPDATE proof SET id = 'late', state = 'pending'`)
	f.does(t, f.Guard, func(ctx context.Context, tx store.Tx) error {
		p, err := tx.Proofs().Get(ctx, "late")
		p.State = core.ProofUsed
		return errors.Join(err, tx.Proofs().Decide(ctx, p, core.ProofPending))
	})
	if v := f.verify(t); !has(v, guard.Problem{Writer: "here", Seq: 4, Subject: "proof:late", Message: "does not know that it was made"}) {
		t.Errorf("that came later: %+v", v)
	}
}

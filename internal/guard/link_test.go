package guard_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
)

type write = func(context.Context, store.Tx) error

// edited reads a record, has edit change it, and stores it.
func edited[T any](get func(context.Context, store.Tx) (T, error), edit func(context.Context, store.Tx, T) error) write {
	return func(ctx context.Context, tx store.Tx) error {
		x, err := get(ctx, tx)
		if err != nil {
			return err
		}
		return edit(ctx, tx, x)
	}
}

// rewrites are what Keyfob does to each of rows; nil where it never writes one
// again. The versions are those that it reads.
var rewrites = map[string]write{
	"secret": edited(func(ctx context.Context, tx store.Tx) (core.SealedSecret, error) {
		return tx.Secrets().ByID(ctx, "sec")
	},
		func(ctx context.Context, tx store.Tx, s core.SealedSecret) error {
			s.File += "x"
			return tx.Secrets().Update(ctx, s, s.Version)
		}),
	"account": edited(func(ctx context.Context, tx store.Tx) (core.SealedAccount, error) {
		return tx.Accounts().ByID(ctx, "acc")
	},
		func(ctx context.Context, tx store.Tx, a core.SealedAccount) error {
			a.QuotaGroup += "x"
			return tx.Accounts().Update(ctx, a, a.Version)
		}),
	"mcp_server": edited(func(ctx context.Context, tx store.Tx) (core.SealedMCPServer, error) {
		return tx.MCPServers().ByID(ctx, "mcp")
	},
		func(ctx context.Context, tx store.Tx, m core.SealedMCPServer) error {
			m.Command += "x"
			return tx.MCPServers().Update(ctx, m, m.Version)
		}),
	"profile": edited(func(ctx context.Context, tx store.Tx) (core.Profile, error) { return tx.Profiles().ByID(ctx, "prf") },
		func(ctx context.Context, tx store.Tx, p core.Profile) error {
			p.Namespace += "x"
			return tx.Profiles().Update(ctx, p, p.Version)
		}),
	"pool": edited(func(ctx context.Context, tx store.Tx) (core.Pool, error) {
		return tx.Pools().Get(ctx, ann, "openai", "default")
	},
		func(ctx context.Context, tx store.Tx, p core.Pool) error {
			p.UpdatedAt = p.UpdatedAt.Add(time.Second)
			return tx.Pools().Put(ctx, p, p.Version)
		}),
	"user": edited(func(ctx context.Context, tx store.Tx) (core.User, error) { return tx.Users().Get(ctx, ann.ID) },
		func(ctx context.Context, tx store.Tx, u core.User) error {
			u.Disabled = !u.Disabled
			return tx.Users().Update(ctx, u, u.Version)
		}),
	"workspace": edited(func(ctx context.Context, tx store.Tx) (core.Workspace, error) { return tx.Workspaces().Get(ctx, "wsp") },
		func(ctx context.Context, tx store.Tx, w core.Workspace) error {
			w.Labels = map[string]string{"x": w.Labels["x"] + "x"}
			return tx.Workspaces().Update(ctx, w, w.Version)
		}),
	"proof": edited(func(ctx context.Context, tx store.Tx) (core.Proof, error) { return tx.Proofs().Get(ctx, "lnk") },
		func(ctx context.Context, tx store.Tx, p core.Proof) error {
			from := p.State
			p.State = core.ProofUsed
			return tx.Proofs().Decide(ctx, p, from)
		}),
}

// removals are how Keyfob ends each of rows at this version; a pool and a user
// stay.
var removals = map[string]func(ctx context.Context, tx store.Tx, version int64) error{
	"secret":     func(ctx context.Context, tx store.Tx, v int64) error { return tx.Secrets().Delete(ctx, "sec", v) },
	"account":    func(ctx context.Context, tx store.Tx, v int64) error { return tx.Accounts().Delete(ctx, "acc", v) },
	"mcp_server": func(ctx context.Context, tx store.Tx, v int64) error { return tx.MCPServers().Delete(ctx, "mcp", v) },
	"profile":    func(ctx context.Context, tx store.Tx, v int64) error { return tx.Profiles().Delete(ctx, "prf", v) },
	"token":      func(ctx context.Context, tx store.Tx, _ int64) error { return tx.Tokens().Delete(ctx, "tok") },
	"browser_session": func(ctx context.Context, tx store.Tx, _ int64) error {
		return errors.Join(counted(tx.Sessions().DeleteAll(ctx, ann.ID)))
	},
	"workspace": func(ctx context.Context, tx store.Tx, _ int64) error { return tx.Workspaces().End(ctx, "wsp", soon) },
	"proof": func(ctx context.Context, tx store.Tx, _ int64) error {
		return counted(tx.Proofs().DeleteAll(ctx, ann.ID))
	},
}

func counted(_ int, err error) error { return err }

func (f fixture) does(t *testing.T, g *guard.Guard, fn write) {
	t.Helper()
	err := g.Do(t.Context(), core.LocalUser, set("x"), func(ctx context.Context, tx store.Tx, _ guard.Note) error { return fn(ctx, tx) })
	if err != nil {
		t.Fatal(err)
	}
}

func (f fixture) made(t *testing.T) fixture {
	t.Helper()
	f.does(t, f.Guard, func(ctx context.Context, tx store.Tx) error { return writeRows(ctx, tx, nil) })
	return f
}

// one wants just this finding.
func one(t *testing.T, what string, v guard.Verification, subject, message string, seq int64) {
	t.Helper()
	if len(v.Problems) != 1 || v.Problems[0].Subject != subject || !strings.Contains(v.Problems[0].Message, message) || v.Problems[0].Seq != seq {
		t.Errorf("%s: %+v, want %s %s at entry %d", what, v.Problems, subject, message, seq)
	}
}

// tampered is one column that Keyfob's next write does not touch.
var tampered = map[string]string{
	"secret": "env = 'PATH'", "account": "limit_requests = 9", "mcp_server": "url = 'https://eve.example'", "profile": "model = 'other'",
	"pool": "strategy = 'spread'", "user": "role = 'admin'", "token": "scopes = scopes + 1", "browser_session": "digest = x'00'",
	"workspace": "launcher = 'eve'", "proof": "digest = x'00'",
}

// Story: somebody changes a row, and Keyfob writes or removes it before anybody
// verifies. The record is named, and between which entries it happened; it stays
// the one finding, however often Keyfob writes it again.
func TestWhatIsWrittenAgainIsFound(t *testing.T) {
	const between = "was changed outside Keyfob between entry 1 of here and entry 2 of here, which found another row"
	for _, r := range rows {
		edit := fmt.Sprintf(`UPDATE %s SET %s WHERE %s`, r.table, tampered[r.table], r.where)
		if again := rewrites[r.table]; again != nil {
			f := newFixture(t).made(t)
			f.tamper(t, edit)
			f.does(t, f.Guard, again)
			one(t, r.table+" written", f.verify(t), r.subject, between, 2)
			f.does(t, f.Guard, again)
			one(t, r.table+" written twice", f.verify(t), r.subject, between, 2)
		}
		if remove := removals[r.table]; remove != nil {
			f := newFixture(t).made(t)
			f.tamper(t, edit)
			f.does(t, f.Guard, func(ctx context.Context, tx store.Tx) error { return remove(ctx, tx, 1) })
			one(t, r.table+" removed", f.verify(t), r.subject, between, 2)
			acts(t, f.Guard, 100)
			one(t, r.table+" removed long ago", f.verify(t), r.subject, between, 2)
		}
	}
}

// Story: a row is put back to what it was, and Keyfob goes on from there.
func TestWhatIsPutBackAndWrittenAgainIsFound(t *testing.T) {
	for table, again := range rewrites {
		f := newFixture(t).made(t)
		f.trigger(t, `CREATE TABLE old AS SELECT * FROM `+table)
		f.does(t, f.Guard, again)
		f.trigger(t, `DELETE FROM `+table)
		f.tamper(t, `INSERT INTO `+table+` SELECT * FROM old`)
		f.does(t, f.Guard, again)
		subject := rows[slices.IndexFunc(rows, func(r recorded) bool { return r.table == table })].subject
		message := "was put back to an earlier state outside Keyfob between entry 2 of here and entry 3 of here, which found version 1 and not 2"
		if table == "proof" {
			message = "which found version 1 and not 3"
		}
		one(t, table, f.verify(t), subject, message, 3)
	}
}

// Story: what was removed is put back, used by Keyfob, and taken away again; soon,
// and when the walk has forgotten it.
func TestWhatIsRevivedAndWrittenAgainIsFound(t *testing.T) {
	for _, later := range []int{0, 100} {
		for table, remove := range removals {
			f := newFixture(t).made(t)
			f.trigger(t, `CREATE TABLE old AS SELECT * FROM `+table)
			gone := func(ctx context.Context, tx store.Tx) error { return remove(ctx, tx, 1) }
			f.does(t, f.Guard, gone)
			acts(t, f.Guard, later)
			f.trigger(t, `DELETE FROM `+table)
			f.tamper(t, `INSERT INTO `+table+` SELECT * FROM old`)
			f.does(t, f.Guard, gone)
			message := "was put back outside Keyfob between entry 2 of here and entry 3 of here"
			if later > 0 {
				message = "was removed and put back"
			}
			subject := rows[slices.IndexFunc(rows, func(r recorded) bool { return r.table == table })].subject
			one(t, table, f.verify(t), subject, message, int64(3+later))
		}
	}
}

// Story: a row is put in, written or removed by Keyfob, and looks since as if it
// had always been there, or is gone.
func TestWhatIsPutInAndWrittenIsFound(t *testing.T) {
	for _, r := range rows {
		for what, again := range map[string]write{
			"written": rewrites[r.table],
			"removed": func(ctx context.Context, tx store.Tx) error { return removals[r.table](ctx, tx, 1) },
		} {
			if what == "written" && again == nil || what == "removed" && removals[r.table] == nil {
				continue
			}
			f := newFixture(t)
			f.does(t, f.Guard, func(context.Context, store.Tx) error { return nil })
			err := f.store.Update(t.Context(), func(tx store.Tx) error { return writeRows(t.Context(), tx, nil) })
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range rows {
				if other.table != r.table {
					f.trigger(t, `DELETE FROM `+other.table)
				}
			}
			f.does(t, f.Guard, again)
			one(t, r.table+" "+what, f.verify(t), r.subject, "was there for entry 2 of here, and the trail does not know that it was made", 2)
		}
	}
}

// Story: a row is taken away, and Keyfob makes one in its place.
func TestWhatIsMadeAnewIsFound(t *testing.T) {
	f := newFixture(t).made(t)
	f.tamper(t, `DELETE FROM pool`)
	f.does(t, f.Guard, func(ctx context.Context, tx store.Tx) error {
		return tx.Pools().Put(ctx, core.Pool{Owner: ann, Provider: "openai", Namespace: "default", Strategy: core.Sticky}, 0)
	})
	one(t, "a pool", f.verify(t), "pool:openai/default", "was removed outside Keyfob between entry 1 of here and entry 2 of here, which found nothing", 2)
}

// Story: a row is damaged so that nothing reads it. It can be revoked all the
// same, and what was done to it stays known.
func TestWhatCannotBeReadCanBeRevoked(t *testing.T) {
	f := newFixture(t).made(t)
	f.trigger(t, `UPDATE account SET selector = '['`)
	f.does(t, f.Guard, func(ctx context.Context, tx store.Tx) error { return tx.Accounts().Delete(ctx, "acc", 1) })
	one(t, "an account", f.verify(t), "account:openai/work", "which could not read it", 2)
}

// A record that one change writes in several steps has one note, of what the
// change found at first; one that it makes and removes had none before.
func TestStepsOfOneChange(t *testing.T) {
	f := newFixture(t).made(t)
	twice := func(ctx context.Context, tx store.Tx) error {
		if err := rewrites["secret"](ctx, tx); err != nil {
			return err
		}
		return rewrites["secret"](ctx, tx)
	}
	f.does(t, f.Guard, twice)
	f.does(t, f.Guard, func(ctx context.Context, tx store.Tx) error {
		s := core.SealedSecret{Secret: core.Secret{ID: "short", Owner: ann, Name: "SHORT", Version: 1}}
		return errors.Join(rewrites["secret"](ctx, tx), tx.Secrets().Delete(ctx, "sec", 4), tx.Secrets().Create(ctx, s), tx.Secrets().Delete(ctx, "short", 1))
	})
	e := f.entries(t)
	if d := e[1].Detail["wrote secret/sec"]; !strings.Contains(d, " r3 ") || !strings.Contains(d, " was r1 ") {
		t.Errorf("written twice: %q", d)
	}
	if d := e[2].Detail; !strings.HasPrefix(d["removed secret/sec"], "was r3 ") || d["wrote secret/sec"] != "" || d["removed secret/short"] != "was nothing of secret:SHORT" {
		t.Errorf("removed: %v", d)
	}
	if v := f.verify(t); !v.OK() {
		t.Errorf("%+v", v.Problems)
	}
}

// What two processes write in turn stands in two chains, in whichever order those
// are walked. It links, and where it was tampered with both are named.
func TestLinksAcrossChains(t *testing.T) {
	for _, names := range [][2]string{{"a", "b"}, {"b", "a"}} {
		for _, tamper := range []int{-1, 1, 7} {
			f := newFixture(t)
			g := [2]*guard.Guard{guard.New(f.store, names[0], guard.Signed(f.signer)), guard.New(f.store, names[1], guard.Signed(f.signer))}
			f.does(t, g[0], func(ctx context.Context, tx store.Tx) error { return writeRows(ctx, tx, nil) })
			for i := range 10 {
				if i == tamper {
					f.tamper(t, `UPDATE secret SET env = 'PATH'`)
				}
				f.does(t, g[(i+1)%2], rewrites["secret"])
			}
			f.does(t, g[1], func(ctx context.Context, tx store.Tx) error { return tx.Secrets().Delete(ctx, "sec", 11) })
			v := f.verify(t)
			if tamper < 0 {
				if !v.OK() || len(v.Chains) != 2 {
					t.Errorf("%v: %+v", names, v)
				}
				continue
			}
			// The second process wrote the rows' 2nd, 4th, … state, the first one the others.
			where := fmt.Sprintf("between entry %d of %s and entry %d of %s", (tamper+1)/2, names[1], (tamper+3)/2, names[0])
			if len(v.Problems) != 1 || v.Problems[0].Subject != "secret:S" || !strings.Contains(v.Problems[0].Message, where) {
				t.Errorf("%v %d: %+v, want %s", names, tamper, v.Problems, where)
			}
		}
	}
}

// What had ended by itself when Keyfob removed it is no finding, however long ago
// it was made.
func TestExpiredLongAgo(t *testing.T) {
	f := newFixture(t)
	past := time.Now().Add(-10 * 24 * time.Hour)
	f.does(t, f.Guard, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.Tokens().Create(ctx, core.Token{ID: "tok", UserID: "u", Digest: []byte("d"), ExpiresAt: past}),
			tx.Proofs().Create(ctx, core.Proof{ID: "p", UserID: "u", State: core.ProofPending, ExpiresAt: past}))
	})
	f.does(t, f.Guard, func(ctx context.Context, tx store.Tx) error {
		for i := range 1000 { // enough for the walk to forget what is over
			id := fmt.Sprint("t", i)
			if err := tx.Tokens().Create(ctx, core.Token{ID: id, UserID: "v", Digest: []byte(id), ExpiresAt: past}); err != nil {
				return err
			}
		}
		return nil
	})
	acts(t, f.Guard, 100)
	f.does(t, f.Guard, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.Tokens().Delete(ctx, "tok"), counted(tx.Proofs().DeleteAll(ctx, "u")))
	})
	if v := f.verify(t); !v.OK() || v.Records != 0 {
		t.Errorf("%+v", v)
	}
}

// Behind a broken chain a missing forerunner is no finding of its own.
func TestBrokenChainLinksNothing(t *testing.T) {
	f := newFixture(t).made(t)
	f.does(t, f.Guard, rewrites["secret"])
	f.does(t, guard.New(f.store, "there"), rewrites["secret"])
	f.tamper(t, `UPDATE audit SET subject = 'y' WHERE seq = 2 AND writer = 'here'`)
	if v := f.verify(t); len(v.Problems) != 1 || v.Problems[0].Writer != "here" {
		t.Errorf("%+v", v.Problems)
	}
}

// What a backup holds goes on from where it was, whatever was written after it.
func TestRestoredBackupsLink(t *testing.T) {
	k := guardtest.New(t)
	do := func(g *guard.Guard, fn write) {
		t.Helper()
		if err := g.Do(t.Context(), core.LocalUser, set("x"), func(ctx context.Context, tx store.Tx, _ guard.Note) error { return fn(ctx, tx) }); err != nil {
			t.Fatal(err)
		}
	}
	do(k.Guard, func(ctx context.Context, tx store.Tx) error { return writeRows(ctx, tx, nil) })
	copied, path := filepath.Join(t.TempDir(), "copy.db"), filepath.Join(t.TempDir(), "restored.db")
	if _, err := k.Store.BackupTo(t.Context(), copied); err != nil {
		t.Fatal(err)
	}
	do(k.Guard, rewrites["secret"])
	if _, _, err := sqlite.Restore(t.Context(), copied, path, nil); err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	g := guard.New(st, guardtest.Writer, guard.Signed(k.Signer))
	for _, again := range rewrites {
		do(g, again)
	}
	for _, g := range []*guard.Guard{k.Guard, g} {
		if v, err := g.Verify(t.Context(), core.LocalUser); err != nil || !v.OK() || v.Records != len(rows) {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

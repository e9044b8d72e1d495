package guard_test

import (
	"context"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// chainOf makes five entries: two secrets, a new value of the first, and the
// second's end.
func chainOf(t *testing.T) fixture {
	t.Helper()
	f := newFixture(t)
	for _, fn := range []func(context.Context, store.Tx, guard.Note) error{
		put("a", 1, "one"), put("b", 1, "b"), put("a", 2, "two"), put("c", 1, "c"),
		func(ctx context.Context, tx store.Tx, note guard.Note) error {
			s, err := tx.Secrets().Get(ctx, core.Local, "N_b")
			if err != nil {
				return err
			}
			return tx.Secrets().Delete(ctx, s.ID, s.Version)
		},
	} {
		if err := f.Do(t.Context(), core.LocalUser, set("x"), fn); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestVerifySoundChain(t *testing.T) {
	v := chainOf(t).verify(t)
	if !v.OK() || v.Records != 2 || len(v.Chains) != 1 || v.Chains[0].Entries != 5 {
		t.Errorf("%+v", v)
	}
	if len(v.Unproven) == 0 || !strings.Contains(v.Unproven[0], "checkpoint") {
		t.Errorf("it does not say what it cannot prove: %q", v.Unproven)
	}
}

func TestVerifyFindsTampering(t *testing.T) {
	for name, c := range map[string]struct {
		sql, want string
		seq       int64
	}{
		"subject":       {`UPDATE audit SET subject = 'secret:y' WHERE seq = 3`, "content was changed", 3},
		"outcome":       {`UPDATE audit SET outcome = 'failed' WHERE seq = 2`, "content was changed", 2},
		"time":          {`UPDATE audit SET at = at + 1 WHERE seq = 1`, "content was changed", 1},
		"actor":         {`UPDATE audit SET actor_id = 'eve' WHERE seq = 1`, "content was changed", 1},
		"actor's owner": {`UPDATE audit SET actor_owner = 'user:eve' WHERE seq = 1`, "content was changed", 1},
		"owner":         {`UPDATE audit SET owner = 'user:eve' WHERE seq = 1`, "content was changed", 1},
		"detail":        {`UPDATE audit SET detail = replace(detail, 'v1', 'v7') WHERE seq = 1`, "content was changed", 1},
		"hash":          {`UPDATE audit SET hash = zeroblob(32) WHERE seq = 4`, "content was changed", 4},
		"previous hash": {`UPDATE audit SET prev_hash = zeroblob(32) WHERE seq = 4`, "does not follow", 4},
		"first gone":    {`DELETE FROM audit WHERE seq = 1`, "missing", 1},
		"middle gone":   {`DELETE FROM audit WHERE seq = 3`, "missing", 3},
		"renumbered":    {`UPDATE audit SET seq = 9 WHERE seq = 5`, "missing", 5},
	} {
		t.Run(name, func(t *testing.T) {
			f := chainOf(t)
			f.tamper(t, c.sql)
			v := f.verify(t)
			if len(v.Problems) == 0 || v.Problems[0].Seq != c.seq || v.Problems[0].Writer != "here" || !strings.Contains(v.Problems[0].Message, c.want) {
				t.Errorf("problems %+v, want entry %d: %s", v.Problems, c.seq, c.want)
			}
			if v.Chains[0].Entries != c.seq-1 {
				t.Errorf("%d entries hold together, want %d", v.Chains[0].Entries, c.seq-1)
			}
		})
	}
}

func TestVerifyFindsRolledBackRecords(t *testing.T) {
	for name, c := range map[string]struct{ sql, subject, want string }{
		"older row": {`UPDATE secret SET value_version = 1, version = 1, ciphertext = CAST('one' AS BLOB) WHERE id = 'a'`,
			"secret:N_a", "holds value version 1, the trail says 2: it was rolled back"},
		"other ciphertext": {`UPDATE secret SET ciphertext = CAST('one' AS BLOB) WHERE id = 'a'`, "secret:N_a", "does not hold the ciphertext"},
		"row removed":      {`DELETE FROM secret WHERE id = 'c'`, "secret:N_c", "(secret/c) is missing"},
		"row put back": {`INSERT INTO secret SELECT 'b', owner, 'N_b', description, enabled, env, file, lookup, selector, size, version,
			value_version, key_id, created_at, updated_at, ciphertext FROM secret WHERE id = 'c'`, "secret:N_b", "was deleted, and is there again"},
		"row added": {`INSERT INTO secret SELECT 'z', owner, 'N_z', description, enabled, env, file, lookup, selector, size, version,
			value_version, key_id, created_at, updated_at, ciphertext FROM secret WHERE id = 'c'`, "secret:N_z", "is not in the trail"},
		"tail cut": {`DELETE FROM audit WHERE seq >= 3`, "secret:N_a", "the trail knows 1: the end of the trail was cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			f := chainOf(t)
			f.tamper(t, c.sql)
			for _, p := range f.verify(t).Problems {
				if p.Subject == c.subject && strings.Contains(p.Message, c.want) {
					return
				}
			}
			t.Errorf("problems %+v, want %s %s", f.verify(t).Problems, c.subject, c.want)
		})
	}
}

// Behind a broken link the trail is not known, so a record that it does not
// know is no finding of its own.
func TestBrokenChainBlamesNoRecord(t *testing.T) {
	f := chainOf(t)
	f.tamper(t, `UPDATE audit SET subject = 'y' WHERE seq = 1`)
	if v := f.verify(t); len(v.Problems) != 1 {
		t.Errorf("%+v", v.Problems)
	}
}

// Any change of any field changes the hash, also one that moves text from one
// field to its neighbour.
func TestHashCoversEveryField(t *testing.T) {
	text := rapid.StringMatching(`[ab]{0,2}`)
	gen := rapid.Custom(func(t *rapid.T) core.AuditEntry {
		return core.AuditEntry{
			Writer: text.Draw(t, "writer"), Seq: rapid.Int64Range(0, 2).Draw(t, "seq"),
			Actor: core.Actor{Kind: core.ActorKind(text.Draw(t, "kind")), ID: text.Draw(t, "id"),
				Owner: core.Owner{Kind: core.OwnerKind(text.Draw(t, "okind")), ID: text.Draw(t, "oid")}},
			Action: text.Draw(t, "action"), Owner: core.Owner{Kind: core.OwnerKind(text.Draw(t, "k")), ID: text.Draw(t, "o")},
			Subject: text.Draw(t, "subject"), Outcome: text.Draw(t, "outcome"),
			Detail: rapid.MapOfN(text, text, 0, 2).Draw(t, "detail"), PrevHash: []byte(text.Draw(t, "prev")),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		if same(a, b) != (string(audit.Hash(a)) == string(audit.Hash(b))) {
			t.Fatalf("%+v and %+v", a, b)
		}
		if c := moved(a); !same(a, c) && string(audit.Hash(a)) == string(audit.Hash(c)) {
			t.Fatalf("%+v and %+v hash alike", a, c)
		}
	})
}

func same(a, b core.AuditEntry) bool {
	if a.Writer != b.Writer || a.Seq != b.Seq || a.Actor != b.Actor || a.Action != b.Action || a.Owner != b.Owner ||
		a.Subject != b.Subject || a.Outcome != b.Outcome || string(a.PrevHash) != string(b.PrevHash) || len(a.Detail) != len(b.Detail) {
		return false
	}
	for k, v := range a.Detail {
		if w, ok := b.Detail[k]; !ok || v != w {
			return false
		}
	}
	return true
}

// moved shifts the text of one field into the next.
func moved(e core.AuditEntry) core.AuditEntry {
	e.Subject, e.Outcome = "", e.Subject+e.Outcome
	return e
}

// The entries of one record may stand in several chains, which are walked in the
// order of their writers' names and not of time.
func TestVerifyKnowsTheNewestOverAllChains(t *testing.T) {
	f := newFixture(t)
	before, after := guard.New(f.store, "a"), guard.New(f.store, "b")
	remove := func(ctx context.Context, tx store.Tx, note guard.Note) error {
		s, err := tx.Secrets().Get(ctx, core.Local, "N_gone")
		if err != nil {
			return err
		}
		return tx.Secrets().Delete(ctx, s.ID, s.Version)
	}
	for _, step := range []struct {
		g  *guard.Guard
		fn func(context.Context, store.Tx, guard.Note) error
	}{
		{after, put("kept", 1, "one")}, {before, put("kept", 2, "two")},
		{after, put("gone", 1, "one")}, {before, remove},
	} {
		if err := step.g.Do(t.Context(), core.LocalUser, set("x"), step.fn); err != nil {
			t.Fatal(err)
		}
	}
	if v := f.verify(t); !v.OK() || len(v.Chains) != 2 {
		t.Errorf("%+v", v)
	}
	f.tamper(t, `UPDATE secret SET value_version = 1, version = 1, ciphertext = CAST('one' AS BLOB) WHERE id = 'kept'`)
	if v := f.verify(t); len(v.Problems) != 1 {
		t.Errorf("a rolled-back row gives %+v", v.Problems)
	}
}

package guard_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
)

// Story: somebody gets at the file of the store, but not at the root key. They
// know every format, can run any SQL and compute every hash. Whatever they do to
// what a checkpoint covers is found, and what they did it to is named.

// vaultFile is a closed store with two chains: "here" has 40 entries, "there" 36,
// with checkpoints at here 1 and 32 and there 32.
func vaultFile(t *testing.T) (path string, signer audit.Signer) {
	t.Helper()
	k := guardtest.New(t)
	there := guard.New(k.Store, "there", guard.Signed(k.Signer))
	do := func(g *guard.Guard, fn func(context.Context, store.Tx, guard.Note) error) {
		t.Helper()
		if err := g.Do(t.Context(), core.LocalUser, set("x"), fn); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(context.Context, store.Tx, guard.Note) error { return nil }
	do(k.Guard, put("a", 1, "one"))
	do(k.Guard, put("a", 2, "two"))
	do(k.Guard, put("b", 1, "b"))
	do(k.Guard, putMCP)
	do(k.Guard, putAccount)
	do(k.Guard, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		s, err := tx.Secrets().Get(ctx, core.Local, "N_b")
		if err != nil {
			return err
		}
		return tx.Secrets().Delete(ctx, s.ID, s.Version)
	})
	for range 34 {
		do(k.Guard, nothing)
	}
	for range 36 {
		do(there, nothing)
	}
	if err := k.Store.Close(); err != nil {
		t.Fatal(err)
	}
	return k.Path, k.Signer
}

// A record of another owner than the trail's usual one.
var ann = core.Owner{Kind: core.UserOwner, ID: "usr_ann"}

func putMCP(ctx context.Context, tx store.Tx, note guard.Note) error {
	m := core.SealedMCPServer{MCPServer: core.MCPServer{ID: "m", Owner: ann, Name: "search", Transport: core.MCPStdio, Command: "x", Version: 1, ValueVersion: 1},
		KeyID: "key", Ciphertext: []byte("values")}
	return tx.MCPServers().Create(ctx, m)
}

func putAccount(ctx context.Context, tx store.Tx, note guard.Note) error {
	a := core.SealedAccount{Account: core.Account{ID: "k", Owner: core.Org, Provider: "openai", Namespace: "default", Label: "work", Kind: core.APIKey,
		BaseURL: "https://api.openai.com/v1", Version: 1, ValueVersion: 1}, KeyID: "key", Ciphertext: []byte("credential")}
	return tx.Accounts().Create(ctx, a)
}

// attacked is the vault's file after an attack, verified.
func attacked(t *testing.T, file []byte, signer audit.Signer, attack func(t *testing.T, db *sql.DB)) guard.Verification {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyfob.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	attack(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	v, err := guard.New(st, "here", guard.Signed(signer)).Verify(t.Context(), core.LocalUser)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func run(queries ...string) func(*testing.T, *sql.DB) {
	return func(t *testing.T, db *sql.DB) {
		t.Helper()
		for _, q := range queries {
			res, err := db.ExecContext(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := res.RowsAffected(); n == 0 && !strings.HasPrefix(q, "CREATE") && !strings.HasPrefix(q, "ALTER") {
				t.Fatalf("%s changed nothing", q)
			}
		}
	}
}

func has(v guard.Verification, want guard.Problem) bool {
	for _, p := range v.Problems {
		if p.Writer == want.Writer && p.Seq == want.Seq && (want.Checkpoint == 0 || p.Checkpoint == want.Checkpoint) &&
			(want.Subject == "" || p.Subject == want.Subject) && strings.Contains(p.Message, want.Message) {
			return true
		}
	}
	return false
}

func TestStoreAsItIs(t *testing.T) {
	path, signer := vaultFile(t)
	v := attacked(t, read(t, path), signer, func(*testing.T, *sql.DB) {})
	if !v.OK() || v.Records != 3 || v.Checkpoints != 3 || v.Uncovered != 4 {
		t.Errorf("%+v", v)
	}
	for _, c := range v.Chains {
		if want := map[string][2]int64{"here": {40, 40}, "there": {36, 32}}[c.Writer]; c.Entries != want[0] || c.Covered != want[1] {
			t.Errorf("%+v", c)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTamperedEntries(t *testing.T) {
	path, signer := vaultFile(t)
	file := read(t, path)
	at := func(seq int64, message string) guard.Problem {
		return guard.Problem{Writer: "here", Seq: seq, Message: message}
	}
	try := func(name string, want guard.Problem, queries ...string) {
		t.Run(name, func(t *testing.T) {
			if v := attacked(t, file, signer, run(queries...)); !has(v, want) {
				t.Errorf("problems %+v, want %+v", v.Problems, want)
			}
		})
	}
	for _, n := range []int64{1, 17, 32, 33, 40} {
		where := fmt.Sprintf(` WHERE writer = 'here' AND seq = %d`, n)
		message := "is missing"
		if n == 40 {
			message = "was cut off at entry 40"
		}
		try(fmt.Sprintf("drop %d", n), at(n, message), `DELETE FROM audit`+where)
		for _, edit := range []string{
			"at = at + 1", "actor_kind = 'system'", "actor_id = 'eve'", "actor_owner = 'user:eve'", "action = 'x'", "owner = 'user:eve'",
			"subject = 'x'", "outcome = 'denied'", `detail = '{"x":"y"}'`, "hash = zeroblob(32)", "hash = NULL", "owner = 'no owner'", "detail = 'no JSON'",
		} {
			if n != 17 && n != 40 && edit != "hash = NULL" {
				continue
			}
			try(fmt.Sprintf("edit %d %s", n, edit), at(n, "broken at entry"), `UPDATE audit SET `+edit+where)
		}
		try(fmt.Sprintf("edit %d link", n), at(n, "does not follow"), `UPDATE audit SET prev_hash = zeroblob(31)`+where)
		if n < 40 {
			try(fmt.Sprintf("swap %d", n), at(n, fmt.Sprintf("broken at entry %d: it and entry %d are in the wrong order", n, n+1)),
				`UPDATE audit SET seq = -7`+where, fmt.Sprintf(`UPDATE audit SET seq = %d WHERE writer = 'here' AND seq = %d`, n, n+1),
				fmt.Sprintf(`UPDATE audit SET seq = %d WHERE seq = -7`, n+1))
		}
		try(fmt.Sprintf("renumber %d", n), at(n, ""), `UPDATE audit SET seq = 1000`+where)
		try(fmt.Sprintf("give %d to another", n), guard.Problem{Writer: "there", Seq: 37, Message: "broken"},
			`UPDATE audit SET writer = 'there', seq = 37`+where)
	}
	try("put one before the first", at(0, "out of its order"),
		`INSERT INTO audit SELECT writer, 0, at, actor_kind, actor_id, actor_owner, action, owner, subject, outcome, detail, prev_hash, hash
		FROM audit WHERE writer = 'here' AND seq = 1`)
	try("the same twice", at(3, "there again"), `ALTER TABLE audit RENAME TO old`, `CREATE TABLE audit AS SELECT * FROM old`,
		`INSERT INTO audit SELECT * FROM old WHERE writer = 'here' AND seq = 3`)
}

// Cut at every entry: below a checkpoint it is found and named. What no
// checkpoint covers can be cut off; that is what is said of it beforehand.
func TestTruncatedChains(t *testing.T) {
	path, signer := vaultFile(t)
	file := read(t, path)
	for _, c := range []struct {
		writer  string
		entries int64
		covered int64
	}{{"here", 40, 40}, {"there", 36, 32}} {
		for left := range c.entries {
			v := attacked(t, file, signer, run(fmt.Sprintf(`DELETE FROM audit WHERE writer = '%s' AND seq > %d`, c.writer, left)))
			want := guard.Problem{Writer: c.writer, Seq: left + 1, Message: fmt.Sprintf("was cut off at entry %d", left+1)}
			if left < c.covered && !has(v, want) {
				t.Errorf("%s cut behind %d: %+v", c.writer, left, v.Problems)
			}
			if left >= c.covered && (!v.OK() || v.Uncovered != left-c.covered) {
				t.Errorf("%s cut behind %d, which nothing covers: %+v", c.writer, left, v)
			}
		}
	}
}

// rewrite changes an entry and makes every hash behind it right again.
func rewrite(t *testing.T, db *sql.DB, writer string, seq int64) {
	t.Helper()
	st := openRaw(t, db)
	var all []core.AuditEntry
	err := st.View(t.Context(), func(tx store.Tx) (err error) {
		all, err = tx.Audit().After(t.Context(), writer, 0, 1000)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = st.Close()
	var prev []byte
	for _, e := range all {
		if e.Seq == seq {
			e.Subject = "secret:other"
		}
		if e.Seq >= seq {
			e.PrevHash = prev
			e.Hash = audit.Hash(e)
			if _, err := db.ExecContext(t.Context(), `UPDATE audit SET subject = ?, prev_hash = ?, hash = ? WHERE writer = ? AND seq = ?`,
				e.Subject, e.PrevHash, e.Hash, writer, e.Seq); err != nil {
				t.Fatal(err)
			}
		}
		prev = e.Hash
	}
}

func openRaw(t *testing.T, db *sql.DB) *sqlite.Store {
	t.Helper()
	var seq int
	var name, path string
	if err := db.QueryRowContext(t.Context(), `PRAGMA database_list`).Scan(&seq, &name, &path); err != nil {
		t.Fatal(err)
	}
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// A chain that was computed anew holds together by itself: what was signed shows
// it, and between which entries.
func TestRecomputedChain(t *testing.T) {
	path, signer := vaultFile(t)
	file := read(t, path)
	for _, c := range []struct {
		seq, first, checkpoint int64
	}{{1, 1, 1}, {2, 2, 2}, {17, 2, 2}, {32, 2, 2}, {33, 33, 3}, {40, 33, 3}} {
		v := attacked(t, file, signer, func(t *testing.T, db *sql.DB) { t.Helper(); rewrite(t, db, "here", c.seq) })
		want := guard.Problem{Writer: "here", Seq: c.first, Message: fmt.Sprintf("checkpoint %d was signed over: at least one was replaced", c.checkpoint)}
		if !has(v, want) {
			t.Errorf("entry %d: %+v, want %+v", c.seq, v.Problems, want)
		}
	}
	v := attacked(t, file, signer, func(t *testing.T, db *sql.DB) { t.Helper(); rewrite(t, db, "there", 34) })
	if !v.OK() || v.Uncovered != 4 || !strings.Contains(v.Unproven[0], "4 of them") {
		t.Errorf("behind the last checkpoint: %+v", v)
	}
}

// Entries that fit behind the end are counted as what nobody signed; a row of
// them that would have carried two checkpoints is found.
func TestForgedEntries(t *testing.T) {
	path, signer := vaultFile(t)
	file := read(t, path)
	for _, more := range []int64{1, 30, 59, 60, 90} {
		v := attacked(t, file, signer, func(t *testing.T, db *sql.DB) { t.Helper(); forgeEntries(t, db, more) })
		if want := (guard.Problem{Writer: "there", Seq: 64, Message: "carry no checkpoint"}); has(v, want) != (more >= 60) {
			t.Errorf("%d more: %+v", more, v.Problems)
		}
		if v.Uncovered != 4+more {
			t.Errorf("%d more: %d are uncovered", more, v.Uncovered)
		}
	}
}

func forgeEntries(t *testing.T, db *sql.DB, n int64) {
	t.Helper()
	st := openRaw(t, db)
	defer func() { _ = st.Close() }()
	err := st.Update(t.Context(), func(tx store.Tx) error {
		for range n {
			e, err := tx.Audit().Head(t.Context(), "there")
			if err != nil {
				return err
			}
			e.Seq, e.PrevHash = e.Seq+1, e.Hash
			audit.Unmention(&e)
			e.Hash = audit.Hash(e)
			if err := tx.Audit().Append(t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTamperedCheckpoints(t *testing.T) {
	path, signer := vaultFile(t)
	file := read(t, path)
	for n := int64(1); n <= 3; n++ {
		where := fmt.Sprintf(` WHERE number = %d`, n)
		t.Run(fmt.Sprintf("remove %d", n), func(t *testing.T) {
			if v := attacked(t, file, signer, run(`DELETE FROM checkpoint`+where)); !hasCheckpoint(v, n, "is missing") {
				t.Errorf("%+v", v.Problems)
			}
		})
		for _, edit := range []string{
			"at = at + 1", `heads = replace(heads, '"seq":32', '"seq":33')`, `heads = replace(heads, '"seq":1,', '"seq":2,')`, "heads = '[]'", "prev_hash = zeroblob(32)", "hash = zeroblob(32)", "key_id = 'other'",
			"signature = zeroblob(64)", "signature = NULL", "heads = 'no JSON'",
		} {
			if n == 1 && strings.Contains(edit, `:32`) || n > 1 && strings.Contains(edit, `:1,`) {
				continue
			}
			t.Run(fmt.Sprintf("edit %d %s", n, edit), func(t *testing.T) {
				if v := attacked(t, file, signer, run(`UPDATE checkpoint SET `+edit+where)); !hasCheckpoint(v, n, "") {
					t.Errorf("%+v", v.Problems)
				}
			})
		}
		t.Run(fmt.Sprintf("replace %d", n), func(t *testing.T) {
			v := attacked(t, file, signer, func(t *testing.T, db *sql.DB) { t.Helper(); ownCheckpoints(t, db, n, "") })
			if !hasCheckpoint(v, n, "") {
				t.Errorf("by another key: %+v", v.Problems)
			}
			v = attacked(t, file, signer, func(t *testing.T, db *sql.DB) { t.Helper(); ownCheckpoints(t, db, n, signer.KeyID()) })
			if !hasCheckpoint(v, n, "signature is not right") {
				t.Errorf("under the vault's id: %+v", v.Problems)
			}
		})
	}
	t.Run("remove all", func(t *testing.T) {
		if v := attacked(t, file, signer, run(`DELETE FROM checkpoint`)); !hasCheckpoint(v, 1, "is missing") || !hasCheckpoint(v, 3, "is missing") {
			t.Errorf("%+v", v.Problems)
		}
	})
}

func hasCheckpoint(v guard.Verification, n int64, message string) bool {
	for _, p := range v.Problems {
		if p.Checkpoint == n && strings.Contains(p.Message, message) {
			return true
		}
	}
	return false
}

// ownCheckpoints puts checkpoints over a changed chain in the place of those
// from number n on, signed by the attacker.
func ownCheckpoints(t *testing.T, db *sql.DB, n int64, id string) {
	t.Helper()
	rewrite(t, db, "here", 1)
	st := openRaw(t, db)
	defer func() { _ = st.Close() }()
	eve := audit.NewSigner(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{6}, 32)) })
	var c core.Checkpoint
	err := st.View(t.Context(), func(tx store.Tx) error {
		heads, err := tx.Audit().Heads(t.Context())
		if err != nil {
			return err
		}
		before, err := tx.Checkpoints().After(t.Context(), 0, int(n-1))
		var last core.Checkpoint
		if len(before) > 0 {
			last = before[len(before)-1]
		}
		c = eve.Checkpoint(last, heads, last.At)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if id != "" {
		c.KeyID = id
		c.Hash = audit.CheckpointHash(c)
	}
	if _, err := db.ExecContext(t.Context(), `DELETE FROM checkpoint WHERE number >= ?`, n); err != nil {
		t.Fatal(err)
	}
	if err := st.Update(t.Context(), func(tx store.Tx) error { return tx.Checkpoints().Append(t.Context(), c) }); err != nil {
		t.Fatal(err)
	}
}

// Rows of records that are put back, with or without what the trail said of
// them, of every kind and owner.
func TestRolledBackRecords(t *testing.T) {
	path, signer := vaultFile(t)
	file := read(t, path)
	older := `UPDATE secret SET value_version = 1, version = 1, ciphertext = CAST('one' AS BLOB) WHERE id = 'a'`
	for name, c := range map[string]struct {
		attack func(*testing.T, *sql.DB)
		want   guard.Problem
	}{
		"a secret":           {run(older), guard.Problem{Subject: "secret:N_a", Message: "holds value version 1, the trail says 2: it was rolled back"}},
		"another ciphertext": {run(`UPDATE secret SET ciphertext = CAST('one' AS BLOB) WHERE id = 'a'`), guard.Problem{Subject: "secret:N_a", Message: "does not hold the ciphertext"}},
		"an account": {run(`UPDATE account SET ciphertext = CAST('old' AS BLOB)`),
			guard.Problem{Subject: "account:openai/work", Message: "does not hold the ciphertext"}},
		"an MCP server":              {run(`UPDATE mcp_server SET value_version = 0`), guard.Problem{Subject: "mcp:search", Message: "it was rolled back"}},
		"an MCP server that is gone": {run(`DELETE FROM mcp_server`), guard.Problem{Subject: "mcp:search", Message: "(mcp/m) is missing"}},
		"a secret that was deleted": {run(`INSERT INTO secret SELECT 'b', owner, 'N_b', description, enabled, env, file, lookup, selector, size, version,
			value_version, key_id, created_at, updated_at, ciphertext FROM secret WHERE id = 'a'`), guard.Problem{Subject: "secret:N_b", Message: "was deleted, and is there again"}},
		"a secret of an owner that the trail does not know": {run(`INSERT INTO secret SELECT 'z', 'user:eve', 'N_z', description, enabled, env, file, lookup, selector, size, version,
			value_version, key_id, created_at, updated_at, ciphertext FROM secret WHERE id = 'a'`), guard.Problem{Subject: "secret:N_z", Message: "is not in the trail"}},
		"a row and its entry": {run(older, `DELETE FROM audit WHERE writer = 'here' AND seq = 2`), guard.Problem{Writer: "here", Seq: 2, Message: "is missing"}},
		"a row and all since": {run(older, `DELETE FROM audit WHERE writer = 'here' AND seq >= 2`), guard.Problem{Writer: "here", Seq: 2, Message: "was cut off at entry 2"}},
		"a row and a forged entry": {func(t *testing.T, db *sql.DB) {
			t.Helper()
			run(older)(t, db)
			rewrite(t, db, "here", 2)
		}, guard.Problem{Writer: "here", Seq: 2, Message: "at least one was replaced"}},
	} {
		t.Run(name, func(t *testing.T) {
			if v := attacked(t, file, signer, c.attack); !has(v, c.want) {
				t.Errorf("problems %+v, want %+v", v.Problems, c.want)
			}
		})
	}
}

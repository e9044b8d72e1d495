package guard_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
)

// recorded is a row of some kind as the trail knows it, and how to find it.
type recorded struct {
	table, where string // one row
	subject      string
	skip         string // columns that change outside of the trail
}

var soon = time.Date(2120, 1, 2, 3, 4, 5, 6000, time.UTC)

// rows are one of each kind, with every field set, of a user.
var rows = []recorded{
	{"secret", "id = 'sec'", "secret:S", ""},
	{"account", "id = 'acc'", "account:openai/work", "epoch"},
	{"mcp_server", "id = 'mcp'", "mcp:search", ""},
	{"profile", "id = 'prf'", "profile:fast", ""},
	{"pool", "provider = 'openai'", "pool:openai/default", ""},
	{"user", "id = 'usr_ann'", "user:ann", ""},
	{"token", "id = 'tok'", "token:tok", "used_at"},
	{"browser_session", "id = 'ses'", "session:ses", "used_at"},
	{"workspace", "id = 'wsp'", "workspace:wsp", "expires_at"},
	{"proof", "id = 'lnk'", "proof:lnk", ""},
}

func writeRows(ctx context.Context, tx store.Tx, _ guard.Note) error {
	sel := core.Selector{"team": "a", "odd \xff": "\xff"}
	return errors.Join(
		tx.Secrets().Create(ctx, core.SealedSecret{Secret: core.Secret{
			ID: "sec", Owner: ann, Name: "S", Description: "d", Enabled: true, Env: "E", File: "~/f", Lookup: true, Selector: sel,
			Size: 3, Version: 1, ValueVersion: 1, CreatedAt: soon, UpdatedAt: soon,
		}, KeyID: "key", Ciphertext: []byte("c")}),
		tx.Accounts().Create(ctx, core.SealedAccount{Account: core.Account{
			ID: "acc", Owner: ann, Provider: "openai", Namespace: "default", Label: "work", Kind: core.APIKey, BaseURL: "https://a.example",
			QuotaGroup: "q", Enabled: true, Position: 3, Epoch: 2, Selector: sel, Limit: core.Limit{Requests: 5, Tokens: 6}, Fingerprint: "wxyz",
			Version: 1, ValueVersion: 1, CreatedAt: soon, UpdatedAt: soon,
		}, KeyID: "key", Ciphertext: []byte("c")}),
		tx.MCPServers().Create(ctx, core.SealedMCPServer{MCPServer: core.MCPServer{
			ID: "mcp", Owner: ann, Name: "search", Transport: core.MCPHTTP, URL: "https://m.example", Command: "x", Args: []string{"a", ""}, HasToken: true,
			Headers: []string{"H"}, Env: []string{"E"}, Timeout: 7, Enabled: true, Version: 1, ValueVersion: 1, CreatedAt: soon, UpdatedAt: soon,
		}, KeyID: "key", Ciphertext: []byte("c")}),
		tx.Profiles().Create(ctx, core.Profile{
			ID: "prf", Owner: ann, Name: "fast", Model: "m", Provider: "openai", Namespace: "default", Parameters: []byte("{}"), Active: true,
			Version: 1, CreatedAt: soon, UpdatedAt: soon,
		}),
		tx.Pools().Put(ctx, core.Pool{Owner: ann, Provider: "openai", Namespace: "default", Strategy: core.Sticky, AllowAmbiguous: true, UpdatedAt: soon}, 0),
		tx.Users().Create(ctx, core.User{ID: ann.ID, Name: "ann", Email: "a@example.com", Role: core.RoleUser, Disabled: true, Version: 1, CreatedAt: soon, UpdatedAt: soon}),
		tx.Tokens().Create(ctx, core.Token{ID: "tok", UserID: ann.ID, Name: "laptop", Digest: []byte("d"), Scopes: core.SecretsRead, Maker: "tok_0", CreatedAt: soon, ExpiresAt: soon, UsedAt: soon}),
		tx.Sessions().Create(ctx, core.BrowserSession{ID: "ses", UserID: ann.ID, Digest: []byte("d"), Agent: "a", Address: "1.2.3.4", CreatedAt: soon, ExpiresAt: soon, UsedAt: soon}),
		tx.Workspaces().Create(ctx, core.Workspace{
			ID: "wsp", Owner: ann, Labels: sel, Namespace: "default", Only: []string{"A"}, Except: []string{"B"}, Providers: map[string]string{"p": "q"}, Gateway: true,
			Process: "1:2", Launcher: "l", SessionDigest: []byte("s"), GatewayDigest: []byte("g"), Version: 1, CreatedAt: soon, UpdatedAt: soon, ExpiresAt: soon,
		}),
		tx.Proofs().Create(ctx, core.Proof{
			ID: "lnk", Kind: core.LinkProof, Digest: []byte("d"), UserCode: []byte("c"), UserID: ann.ID, Requester: "r", Subject: "s", Version: 3,
			State: core.ProofPending, Approver: "a", CreatedAt: soon, DecidedAt: soon, ExpiresAt: soon,
		}),
	)
}

// rowsFile is a closed store with those, all in one entry.
func rowsFile(t *testing.T) ([]byte, audit.Signer) {
	t.Helper()
	k := guardtest.New(t)
	act := guard.Act{Action: guard.OrgApply, Subject: "org"}
	if err := k.Guard.Do(t.Context(), core.LocalUser.On(core.Org), act, writeRows); err != nil {
		t.Fatal(err)
	}
	if err := k.Store.Close(); err != nil {
		t.Fatal(err)
	}
	return read(t, k.Path), k.Signer
}

func columns(t *testing.T, db *sql.DB, table string) (names, types []string) {
	t.Helper()
	list, err := db.QueryContext(t.Context(), `SELECT name, type FROM pragma_table_info(?)`, table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = list.Close() }()
	for list.Next() {
		var n, typ string
		if err := list.Scan(&n, &typ); err != nil {
			t.Fatal(err)
		}
		names, types = append(names, n), append(types, typ)
	}
	if list.Err() != nil || len(names) < 7 {
		t.Fatal(names, list.Err())
	}
	return names, types
}

// changed is another value of a column, which it can have and can be read.
func changed(table, column, typ string) string {
	switch {
	case column == "owner":
		return "'user:eve'"
	case table == "workspace" && column == "ended_at":
		return "1"
	case column == "selector" || column == "labels" || column == "providers":
		return `'{"other":"x"}'`
	case strings.HasPrefix(column, "only") || strings.HasPrefix(column, "except") || table == "mcp_server" && (column == "args" || column == "headers" || column == "env"):
		return `'["other"]'`
	case typ == "BLOB":
		return "x'00'"
	case typ == "TEXT":
		return "'other'"
	case column == "expires_at":
		return column + " + 1000000"
	}
	return column + " + 1"
}

// Story: somebody changes one column of one row, of whatever kind, and makes
// nothing else of it: the version stays. The record is named.
func TestEveryColumnIsCovered(t *testing.T) {
	file, signer := rowsFile(t)
	if v := attacked(t, file, signer, func(*testing.T, *sql.DB) {}); !v.OK() || v.Records != len(rows) {
		t.Fatalf("as it was written: %+v", v)
	}
	for _, r := range rows {
		var names, types []string
		attacked(t, file, signer, func(t *testing.T, db *sql.DB) { t.Helper(); names, types = columns(t, db, r.table) })
		for i, column := range names {
			t.Run(r.table+" "+column, func(t *testing.T) {
				set := fmt.Sprintf(`UPDATE %s SET %s = %s WHERE %s`, r.table, column, changed(r.table, column, types[i]), r.where)
				v := attacked(t, file, signer, run(set))
				if strings.Contains(" "+r.skip+" ", " "+column+" ") {
					if !v.OK() {
						t.Errorf("what changes by itself is reported: %+v", v.Problems)
					}
					return
				}
				if !named(v, r.subject) {
					t.Errorf("%s: %+v", set, v.Problems)
				}
			})
		}
	}
}

// Story: a row is changed so that no program reads it any more. It is named all
// the same, and those beside it are not blamed.
func TestUnreadableRowsAreNamed(t *testing.T) {
	file, signer := rowsFile(t)
	for table, edit := range map[string]string{
		"secret": "selector = 'no JSON'", "account": "selector = '['", "mcp_server": "args = '{'", "profile": "active = 7", "pool": "allow_ambiguous = 7",
		"user": "disabled = 7", "token": "user_id = ''", "workspace": "labels = 'x'",
	} {
		v := attacked(t, file, signer, run(`UPDATE `+table+` SET `+edit))
		for _, r := range rows {
			if (r.table == table) != named(v, r.subject) {
				t.Errorf("%s: %+v", table, v.Problems)
			}
		}
	}
	v := attacked(t, file, signer, run(`UPDATE secret SET selector = 'no JSON', id = 'other'`))
	if len(v.Problems) != 1 || v.Problems[0].Subject != "secrets of user:usr_ann" {
		t.Errorf("renamed, too: %+v", v.Problems)
	}
}

// named says whether a finding names the record, by its own name or by the one
// that the trail knows.
func named(v guard.Verification, subject string) bool {
	for _, p := range v.Problems {
		if p.Subject == subject || strings.Contains(p.Message, "the trail knows it as "+subject) {
			return true
		}
	}
	return false
}

// Story: a row is taken away, or one is put in, of whatever kind.
func TestRowsThatComeAndGo(t *testing.T) {
	file, signer := rowsFile(t)
	for _, r := range rows {
		v := attacked(t, file, signer, run(fmt.Sprintf(`DELETE FROM %s WHERE %s`, r.table, r.where)))
		if len(v.Problems) != 1 || v.Problems[0].Subject != r.subject || !strings.Contains(v.Problems[0].Message, "is missing") {
			t.Errorf("%s removed: %+v", r.table, v.Problems)
		}
		v = attacked(t, file, signer, func(t *testing.T, db *sql.DB) {
			t.Helper()
			names, _ := columns(t, db, r.table)
			var values []string
			for _, n := range names {
				switch n {
				case "id", "name", "email", "provider", "label":
					values = append(values, "'added'")
				case "digest", "session_digest", "gateway_digest", "user_code":
					values = append(values, "x'0102'")
				case "active":
					values = append(values, "0")
				case "owner", "user_id":
					values = append(values, map[string]string{"owner": "'user:eve'", "user_id": "'usr_eve'"}[n])
				default:
					values = append(values, `"`+n+`"`)
				}
			}
			run(fmt.Sprintf(`INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM %[1]s WHERE %[4]s`, r.table, strings.Join(names, ", "), strings.Join(values, ", "), r.where))(t, db)
		})
		if len(v.Problems) != 1 || !strings.Contains(v.Problems[0].Subject, "added") || !strings.Contains(v.Problems[0].Message, "is not in the trail") {
			t.Errorf("%s added: %+v", r.table, v.Problems)
		}
	}
}

// Story: what was revoked is put back, when the trail has gone on for long.
func TestWhatIsOverIsPutBack(t *testing.T) {
	over := map[string]string{
		"token": "was revoked, and is good again", "browser_session": "was revoked, and is good again", "workspace": "was revoked, and is good again",
		"secret": "was deleted, and is there again", "account": "was deleted, and is there again", "mcp_server": "was deleted, and is there again",
		"profile": "was deleted, and is there again", "proof": "was revoked, and is good again",
	}
	f := newFixture(t)
	do := func(fn func(context.Context, store.Tx, guard.Note) error) {
		t.Helper()
		if err := f.Do(t.Context(), core.LocalUser, set("x"), fn); err != nil {
			t.Fatal(err)
		}
	}
	do(writeRows)
	for table := range over {
		f.trigger(t, `CREATE TABLE old_`+table+` AS SELECT * FROM `+table)
	}
	do(func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		_, tokens := tx.Tokens().DeleteAll(ctx, ann.ID)
		_, sessions := tx.Sessions().DeleteAll(ctx, ann.ID)
		_, proofs := tx.Proofs().DeleteAll(ctx, ann.ID)
		return errors.Join(tokens, sessions, proofs, tx.Workspaces().End(ctx, "wsp", soon), tx.Secrets().Delete(ctx, "sec", 1), tx.Accounts().Delete(ctx, "acc", 1),
			tx.MCPServers().Delete(ctx, "mcp", 1), tx.Profiles().Delete(ctx, "prf", 1))
	})
	acts(t, f.Guard, 100) // the walk forgets what is gone
	if v := f.verify(t); !v.OK() || v.Records != 2 {
		t.Fatalf("as it was left: %+v", v)
	}
	for _, r := range rows {
		if over[r.table] == "" {
			continue
		}
		f.trigger(t, `DELETE FROM `+r.table)
		f.tamper(t, fmt.Sprintf(`INSERT INTO %s SELECT * FROM old_%[1]s`, r.table))
		v := f.verify(t)
		if len(v.Problems) != 1 || v.Problems[0].Subject != r.subject || !strings.Contains(v.Problems[0].Message, over[r.table]) {
			t.Errorf("%s: %+v", r.table, v.Problems)
		}
		f.trigger(t, `DELETE FROM `+r.table)
	}
}

package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

// firstFormat is a database of format 1 with a record of each kind in it.
func firstFormat(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyfob.db")
	if err := sqlite.Make(t.Context(), path, 1); err != nil {
		t.Fatal(err)
	}
	_ = raw(t, path,
		`INSERT INTO vault VALUES (1, 'file', 'abc', 1)`,
		`INSERT INTO data_key VALUES ('user:local', 'key_1', 'abc', x'0102', 2)`,
		`INSERT INTO secret VALUES ('s', 'user:local', 'NAME', 'what', 1, 'ENV', '~/f', 1, '{"a":"b"}', 5, 3, 2, 'key_1', x'00ff', 10, 20)`,
		`INSERT INTO secret VALUES ('r', 'user:local', 'LONG', '', 0, '', '', 0, '', 0, 1, 1, 'key_1', zeroblob(100000), 11, 21)`,
		`INSERT INTO account VALUES ('a', 'user:local', 'openai', 'default', 'x', 'api_key', 'https://api.example.com', 'g', 1, 2, 4, 'wxyz', 5, 6, 'key_1', x'01', 12, 22)`,
		`INSERT INTO health VALUES ('a', 'm', 'limited', 30, 4, 'rate limit', 31)`,
		`INSERT INTO workspace VALUES ('w', 'user:local', '{"t":"w"}', 'default', '["A"]', '', '{"p":"q"}', 1, '1:2', x'aa', x'bb', 13, NULL)`,
		`INSERT INTO workspace VALUES ('v', 'user:local', '', 'default', '', '', '', 0, '', NULL, NULL, 14, 24)`,
		`INSERT INTO usage VALUES ('user:local', 'a', 'm', 'w', '2025-06-01', 1, 2, 3, 4, 5, 6)`,
		`INSERT INTO audit VALUES ('w', 1, 15, 'user', 'local', 'user:local', 'x', 'user:local', 's', 'ok', '{"k":"v"}', NULL, x'02')`,
		`INSERT INTO change (kind, owner, id) VALUES ('secret', 'user:local', 's')`).Close()
	return path
}

func micro(n int64) time.Time { return time.UnixMicro(n).UTC() }

// state is what is stored of the local user's, as the port gives it.
type state struct {
	Header     core.Header
	Key        core.WrappedKey
	Secrets    []core.SealedSecret
	Accounts   []core.SealedAccount
	Health     []core.Health
	Workspaces []core.Workspace
	Usage      []core.Usage
	Audit      []core.AuditEntry
	Changes    []core.Change
}

func stateOf(t testing.TB, s store.Store) (got state) {
	t.Helper()
	ctx := t.Context()
	err := s.View(ctx, func(tx store.Tx) (err error) {
		note := func(e error) {
			if err == nil {
				err = e
			}
		}
		var e error
		got.Header, e = tx.Vault().Header(ctx)
		note(e)
		got.Key, e = tx.Vault().Key(ctx, core.Local)
		note(e)
		got.Secrets, e = tx.Secrets().List(ctx, core.Local)
		note(e)
		got.Accounts, e = tx.Accounts().List(ctx, core.Local)
		note(e)
		got.Health, e = tx.Health().List(ctx, core.Local)
		note(e)
		got.Workspaces, e = tx.Workspaces().Page(ctx, core.Local, store.WorkspaceFilter{Ended: true}, store.Page{Limit: 9})
		note(e)
		got.Usage, e = tx.Usage().List(ctx, core.Local, time.Time{})
		note(e)
		got.Audit, e = tx.Audit().List(ctx, core.Local, time.Time{}, 9)
		note(e)
		got.Changes, e = tx.Changes().After(ctx, 0, 9)
		note(e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func upgraded() state {
	return state{
		Header: core.Header{Custody: "file", RootKeyID: "abc", CreatedAt: micro(1)},
		Key:    core.WrappedKey{ID: "key_1", Owner: core.Local, RootKeyID: "abc", Wrapped: []byte{1, 2}, CreatedAt: micro(2)},
		Secrets: []core.SealedSecret{
			{Secret: core.Secret{ID: "r", Owner: core.Local, Name: "LONG", Version: 1, ValueVersion: 1, CreatedAt: micro(11), UpdatedAt: micro(21)},
				KeyID: "key_1", Ciphertext: make([]byte, 100000)},
			{Secret: core.Secret{ID: "s", Owner: core.Local, Name: "NAME", Description: "what", Enabled: true, Env: "ENV", File: "~/f", Lookup: true,
				Selector: core.Selector{"a": "b"}, Size: 5, Version: 3, ValueVersion: 2, CreatedAt: micro(10), UpdatedAt: micro(20)},
				KeyID: "key_1", Ciphertext: []byte{0, 0xff}},
		},
		Accounts: []core.SealedAccount{{Account: core.Account{ID: "a", Owner: core.Local, Provider: "openai", Namespace: "default", Label: "x",
			Kind: core.APIKey, BaseURL: "https://api.example.com", QuotaGroup: "g", Enabled: true, Position: 2, Epoch: 4, Fingerprint: "wxyz",
			Version: 5, ValueVersion: 6, CreatedAt: micro(12), UpdatedAt: micro(22)}, KeyID: "key_1", Ciphertext: []byte{1}}},
		Health: []core.Health{{AccountID: "a", Model: "m", Kind: "limited", Until: micro(30), Epoch: 4, Reason: "rate limit", UpdatedAt: micro(31)}},
		Workspaces: []core.Workspace{
			{ID: "v", Owner: core.Local, Namespace: "default", Version: 1, CreatedAt: micro(14), UpdatedAt: micro(14), EndedAt: micro(24)},
			{ID: "w", Owner: core.Local, Labels: map[string]string{"t": "w"}, Namespace: "default", Only: []string{"A"},
				Providers: map[string]string{"p": "q"}, Gateway: true, Process: "1:2", SessionDigest: []byte{0xaa}, GatewayDigest: []byte{0xbb},
				Version: 1, CreatedAt: micro(13), UpdatedAt: micro(13)},
		},
		Usage: []core.Usage{{UsageKey: core.UsageKey{Owner: core.Local, AccountID: "a", Model: "m", Workspace: "w", Day: "2025-06-01"},
			Requests: 1, Rotations: 2, Errors: 3, InputTokens: 4, OutputTokens: 5, Unreported: 6}},
		Audit: []core.AuditEntry{{Writer: "w", Seq: 1, At: micro(15), Actor: core.Actor{Kind: core.UserActor, ID: "local", Owner: core.Local},
			Action: "x", Owner: core.Local, Subject: "s", Outcome: "ok", Detail: map[string]string{"k": "v"}, Hash: []byte{2}}},
		Changes: []core.Change{{Seq: 1, Kind: "secret", Owner: core.Local, ID: "s"}},
	}
}

func TestUpgrade(t *testing.T) {
	path := firstFormat(t)
	s := openStore(t, path)
	if d := cmp.Diff(upgraded(), stateOf(t, s)); d != "" {
		t.Fatalf("(-want +got)\n%s", d)
	}
	ctx := t.Context()
	err := s.Update(ctx, func(tx store.Tx) error {
		w, err := tx.Workspaces().BySession(ctx, []byte{0xaa})
		if err == nil {
			err = tx.Workspaces().Update(ctx, w, 1)
		}
		if err == nil {
			err = tx.Accounts().Delete(ctx, "a", 5) // its health goes with it still
		}
		if err == nil {
			err = tx.Secrets().Create(ctx, storetest.Secret("new"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var left, wrong int
	row := raw(t, path).QueryRowContext(ctx, `SELECT (SELECT count(*) FROM health), (SELECT count(*) FROM pragma_foreign_key_check)`)
	if err := row.Scan(&left, &wrong); err != nil || left != 0 || wrong != 0 {
		t.Fatalf("%d records of health are left, %d of a foreign key are wrong: %v", left, wrong, err)
	}
}

// The value that the old table held is not left in the file's free pages.
func TestUpgradeLeavesNoCopies(t *testing.T) {
	path := firstFormat(t)
	canary := []byte("canary-ciphertext-0123456789")
	_ = raw(t, path, fmt.Sprintf("UPDATE secret SET ciphertext = x'%x'", canary)).Close()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.Secrets().Delete(t.Context(), "s", 3); err != nil {
			return err
		}
		return tx.Secrets().Delete(t.Context(), "r", 1)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	nowhere(t, filepath.Dir(path), canary)
}

// Many processes find an old file at once: it is upgraded once, and each goes on.
func TestManyUpgradeTheFile(t *testing.T) {
	for range 2 {
		path := firstFormat(t)
		manyOpen(t, path)
		got := stateOf(t, openStore(t, path))
		if d := cmp.Diff(upgraded().Accounts, got.Accounts); d != "" || len(got.Secrets) < 2 {
			t.Fatalf("%d secrets (-want +got)\n%s", len(got.Secrets), d)
		}
	}
}

// A process is killed while it upgrades: the file is of the old format or the
// new one, and whole.
func TestKilledUpgrade(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	for round := range rounds {
		path := firstFormat(t)
		cmd, _ := writer(t, path)
		for range round * 600 { // further into its work each round
			_, _ = os.Stat(path + "-wal")
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		got := stateOf(t, openStore(t, path))
		if d := cmp.Diff(upgraded().Workspaces, got.Workspaces); d != "" || len(got.Secrets) < 2 {
			t.Fatalf("%d secrets (-want +got)\n%s", len(got.Secrets), d)
		}
	}
}

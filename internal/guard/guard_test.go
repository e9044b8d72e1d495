package guard_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
)

// fixture is a guard over a real store in a file.
type fixture struct {
	*guard.Guard
	store  store.Store
	path   string
	signer audit.Signer
}

func newFixture(t *testing.T) fixture {
	t.Helper()
	k := guardtest.New(t)
	return fixture{Guard: k.Guard, store: k.Store, path: k.Path, signer: k.Signer}
}

// tamper changes the file behind the store's back.
func (f fixture) tamper(t *testing.T, query string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+f.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	res, err := db.ExecContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := res.RowsAffected(); n == 0 {
		t.Fatalf("%s changed nothing", query)
	}
}

// trail is the entries, oldest first, as "actor action subject outcome".
func (f fixture) trail(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, e := range f.entries(t) {
		out = append(out, e.Actor.String()+" "+e.Action+" "+e.Subject+" "+e.Outcome)
	}
	return out
}

func (f fixture) entries(t *testing.T) []core.AuditEntry {
	t.Helper()
	var out []core.AuditEntry
	err := f.store.View(t.Context(), func(tx store.Tx) error {
		return tx.Audit().Walk(t.Context(), "here", func(e core.AuditEntry) error {
			out = append(out, e)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (f fixture) verify(t *testing.T) guard.Verification {
	t.Helper()
	v, err := f.Verify(t.Context(), core.LocalUser)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func set(name string) guard.Act {
	return guard.Act{Action: guard.SecretCreate, Subject: guard.SecretSubject(name)}
}

var errBoom = core.Errorf(core.Conflict, "the words of an error").WithReason("boom")

// put stores a secret and notes it, as the vault does.
func put(id string, version int64, ciphertext string) func(context.Context, store.Tx, guard.Note) error {
	return func(ctx context.Context, tx store.Tx, note guard.Note) error {
		s := core.SealedSecret{Secret: core.Secret{
			ID: id, Owner: core.Local, Name: "N_" + id, Version: version, ValueVersion: version,
		}, KeyID: "key", Ciphertext: []byte(ciphertext)}
		if version == 1 {
			return tx.Secrets().Create(ctx, s)
		}
		return tx.Secrets().Update(ctx, s, version-1)
	}
}

func TestDoWritesActAndEntryTogether(t *testing.T) {
	f := newFixture(t)
	act := set("a")
	act.Detail = map[string]string{"known": "before"}
	err := f.Do(t.Context(), core.LocalUser, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		note("noted", "inside")
		return put("a", 1, "c")(ctx, tx, note)
	})
	if err != nil {
		t.Fatal(err)
	}
	e := f.entries(t)[0]
	want := map[string]string{"via": "local", "checkpoint": "1", "known": "before", "noted": "inside", "wrote secret/a": e.Detail["wrote secret/a"]}
	if diff := cmp.Diff(want, e.Detail); diff != "" {
		t.Error(diff)
	}
	if e.Owner != core.Local || e.Actor.String() != "user:local" || e.Actor.Owner != core.Local || e.Seq != 1 || time.Since(e.At) > time.Hour {
		t.Errorf("entry %+v", e)
	}
	if len(act.Detail) != 1 {
		t.Error("the caller's detail was written to")
	}
}

func TestFailedActLeavesOneEntryByCode(t *testing.T) {
	f := newFixture(t)
	err := f.Do(t.Context(), core.LocalUser, set("a"), func(ctx context.Context, tx store.Tx, note guard.Note) error {
		if err := put("a", 1, "c")(ctx, tx, note); err != nil {
			return err
		}
		return errBoom
	})
	if !errors.Is(err, errBoom) {
		t.Fatalf("error %v", err)
	}
	e := f.entries(t)
	if len(e) != 1 || e[0].Outcome != guard.Failed {
		t.Fatalf("entries %+v", e)
	}
	if diff := cmp.Diff(map[string]string{"via": "local", "checkpoint": "1", "code": "conflict", "reason": "boom"}, e[0].Detail); diff != "" {
		t.Error(diff)
	}
	if v := f.verify(t); !v.OK() || v.Records != 0 {
		t.Errorf("the act was not rolled back: %+v", v)
	}
}

func TestExpose(t *testing.T) {
	f := newFixture(t)
	act := guard.Act{Action: guard.SecretReveal, Subject: "secret:a"}
	err := f.Expose(t.Context(), core.LocalUser, act, func(_ context.Context, _ store.Tx, note guard.Note) error {
		if got := f.trail(t); len(got) != 1 || !strings.HasSuffix(got[0], "secret.reveal secret:a attempt") {
			t.Errorf("before the value is taken the trail is %q", got)
		}
		note("version", "3")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.entries(t)[1]; got.Outcome != guard.OK || got.Detail["version"] != "3" || got.Detail["attempt"] != "1" {
		t.Errorf("outcome %+v", got)
	}
	if err := f.Expose(t.Context(), core.LocalUser, act, func(context.Context, store.Tx, guard.Note) error { return errBoom }); !errors.Is(err, errBoom) {
		t.Fatalf("error %v", err)
	}
	want := []string{
		"user:local secret.reveal secret:a attempt", "user:local secret.reveal secret:a ok",
		"user:local secret.reveal secret:a attempt", "user:local secret.reveal secret:a failed",
	}
	if diff := cmp.Diff(want, f.trail(t)); diff != "" {
		t.Error(diff)
	}
}

// An outcome is written down though nobody waits for it any more.
func TestExposeRecordsOutcomeOfCancelledRequest(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	act := guard.Act{Action: guard.SecretReveal, Subject: "secret:a"}
	_ = f.Expose(ctx, core.LocalUser, act, func(context.Context, store.Tx, guard.Note) error {
		cancel()
		return nil
	})
	if got := f.trail(t); len(got) != 2 || !strings.HasSuffix(got[1], guard.OK) {
		t.Errorf("trail %q", got)
	}
}

func TestExposeFailsClosed(t *testing.T) {
	const noAudit = `CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'no'); END`
	act := guard.Act{Action: guard.SecretReveal, Subject: "secret:a"}
	t.Run("before", func(t *testing.T) {
		f := newFixture(t)
		f.trigger(t, noAudit)
		err := f.Expose(t.Context(), core.LocalUser, act, func(context.Context, store.Tx, guard.Note) error {
			t.Error("the value was taken without a recorded attempt")
			return nil
		})
		if core.CodeOf(err) != core.Unavailable {
			t.Errorf("error %v", err)
		}
	})
	t.Run("after", func(t *testing.T) {
		f := newFixture(t)
		err := f.Expose(t.Context(), core.LocalUser, act, func(context.Context, store.Tx, guard.Note) error {
			f.trigger(t, noAudit)
			return nil
		})
		if core.CodeOf(err) != core.Unavailable {
			t.Errorf("error %v", err)
		}
	})
}

func (f fixture) trigger(t *testing.T, ddl string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+f.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), ddl); err != nil {
		t.Fatal(err)
	}
}

func TestReadLeavesNothing(t *testing.T) {
	f := newFixture(t)
	act := guard.Act{Action: guard.SecretList, Subject: "secrets"}
	for _, want := range []error{nil, errBoom} {
		err := f.Read(t.Context(), core.LocalUser, act, func(context.Context, store.Tx) error { return want })
		if !errors.Is(err, want) {
			t.Errorf("error %v", err)
		}
	}
	if got := f.trail(t); len(got) > 0 {
		t.Errorf("trail %q", got)
	}
}

func TestPolicy(t *testing.T) {
	other := core.Owner{Kind: core.UserOwner, ID: "other"}
	ws := core.Actor{Kind: core.WorkspaceActor, ID: "w1", Owner: core.Local}
	gateway := core.Actor{Kind: core.GatewayActor, ID: "w1", Owner: core.Local}
	system := core.System("sweep", core.Local)
	itself, lookup := guard.WorkspaceSubject("w1"), guard.SecretSubject("A")
	for _, c := range []struct {
		name    string
		actor   core.Actor
		act     guard.Act
		allowed bool
	}{
		{"user, own", core.LocalUser, guard.Act{Action: guard.SecretReveal, Owner: core.Local}, true},
		{"user, own by default", core.LocalUser, guard.Act{Action: guard.AccountAdd}, true},
		{"user, another's", core.LocalUser, guard.Act{Action: guard.SecretReveal, Owner: other}, false},
		{"user, a manifest", core.LocalUser, guard.Act{Action: guard.WorkspaceManifest, Subject: itself}, false},
		{"user, unknown action", core.LocalUser, guard.Act{Action: "secret.steal"}, false},
		{"nobody", core.Actor{}, guard.Act{Action: guard.SecretList}, false},
		{"user without an owner", core.Actor{Kind: core.UserActor, ID: "local"}, guard.Act{Action: guard.SecretList}, false},
		{"workspace, manifest", ws, guard.Act{Action: guard.WorkspaceManifest, Subject: itself}, true},
		{"workspace, lookups", ws, guard.Act{Action: guard.WorkspaceLookups, Subject: itself}, true},
		{"workspace, lookup", ws, guard.Act{Action: guard.WorkspaceLookup, Subject: lookup}, true},
		{"workspace, report", ws, guard.Act{Action: guard.WorkspaceReport, Subject: itself}, true},
		{"workspace, another's manifest", ws, guard.Act{Action: guard.WorkspaceManifest, Subject: guard.WorkspaceSubject("w2")}, false},
		{"workspace, another's report", ws, guard.Act{Action: guard.WorkspaceReport, Subject: guard.WorkspaceSubject("w2")}, false},
		{"workspace, another owner's secret", ws, guard.Act{Action: guard.WorkspaceLookup, Subject: lookup, Owner: other}, false},
		{"workspace, reveal", ws, guard.Act{Action: guard.SecretReveal, Subject: lookup}, false},
		{"workspace, list", ws, guard.Act{Action: guard.SecretList}, false},
		{"workspace, create", ws, guard.Act{Action: guard.WorkspaceCreate}, false},
		{"workspace, end", ws, guard.Act{Action: guard.WorkspaceEnd, Subject: itself}, false},
		{"workspace, audit", ws, guard.Act{Action: guard.AuditList}, false},
		{"gateway, manifest", gateway, guard.Act{Action: guard.WorkspaceManifest, Subject: itself}, false},
		{"gateway, lookup", gateway, guard.Act{Action: guard.WorkspaceLookup, Subject: lookup}, false},
		{"gateway, usage", gateway, guard.Act{Action: guard.UsageRead}, false},
		{"system, sweep", system, guard.Act{Action: guard.WorkspaceSweep}, true},
		{"system, reveal", system, guard.Act{Action: guard.SecretReveal}, false},
		{"system, end", system, guard.Act{Action: guard.WorkspaceEnd}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			ran := false
			err := f.Do(t.Context(), c.actor, c.act, func(context.Context, store.Tx, guard.Note) error { ran = true; return nil })
			if ran != c.allowed || (err == nil) != c.allowed {
				t.Errorf("ran %v, error %v", ran, err)
			}
			e := f.entries(t)
			if want := map[bool]string{true: guard.OK, false: guard.Denied}[c.allowed]; len(e) != 1 || e[0].Outcome != want {
				t.Errorf("entries %+v, want one %s", e, want)
			}
			if !c.allowed && core.CodeOf(err) != core.Forbidden {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Reading and exposing ask the same policy.
func TestDeniedEverywhere(t *testing.T) {
	f := newFixture(t)
	gateway := core.Actor{Kind: core.GatewayActor, ID: "w1", Owner: core.Local}
	act := guard.Act{Action: guard.SecretReveal, Subject: "secret:a"}
	if err := f.Read(t.Context(), gateway, act, nil); core.CodeOf(err) != core.Forbidden {
		t.Errorf("Read: %v", err)
	}
	if err := f.Expose(t.Context(), gateway, act, nil); core.CodeOf(err) != core.Forbidden {
		t.Errorf("Expose: %v", err)
	}
	if _, err := f.Entries(t.Context(), gateway, time.Time{}, 10); core.CodeOf(err) != core.Forbidden {
		t.Errorf("Entries: %v", err)
	}
	want := []string{"gateway:w1 secret.reveal secret:a denied", "gateway:w1 secret.reveal secret:a denied", "gateway:w1 audit.list audit denied"}
	if diff := cmp.Diff(want, f.trail(t)); diff != "" {
		t.Error(diff)
	}
}

func TestEntriesPages(t *testing.T) {
	f := newFixture(t)
	for _, n := range []string{"a", "b", "c"} {
		if err := f.Do(t.Context(), core.LocalUser, set(n), func(context.Context, store.Tx, guard.Note) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	got, err := f.Entries(t.Context(), core.LocalUser, time.Time{}, 2)
	if err != nil || len(got) != 2 || got[0].Subject != "secret:c" {
		t.Fatalf("%+v, %v", got, err)
	}
}

// Several guards, as in several processes, keep one chain whole.
func TestWritersShareAChain(t *testing.T) {
	f := newFixture(t)
	other, err := sqlite.Open(t.Context(), f.path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	var wg sync.WaitGroup
	for _, g := range []*guard.Guard{
		f.Guard, guard.New(other, "here", guard.Signed(f.signer)), guard.New(other, "there", guard.Signed(f.signer))} {
		wg.Go(func() {
			for range 20 {
				if err := g.Do(t.Context(), core.LocalUser, set("a"), func(context.Context, store.Tx, guard.Note) error { return nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	v := f.verify(t)
	if !v.OK() || len(v.Chains) != 2 || v.Chains[0].Entries != 40 || v.Chains[1].Entries != 20 {
		t.Errorf("%+v", v)
	}
}

func TestTextsOutsideUTF8KeepTheChainWhole(t *testing.T) {
	f := newFixture(t)
	act := guard.Act{Action: guard.SecretCreate, Subject: "secret:\xff", Detail: map[string]string{"k\xff": "v\xfe"}}
	if err := f.Do(t.Context(), core.LocalUser, act, func(context.Context, store.Tx, guard.Note) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if v := f.verify(t); !v.OK() {
		t.Errorf("%+v", v)
	}
}

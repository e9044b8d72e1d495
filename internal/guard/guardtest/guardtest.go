// Package guardtest opens what tests of use cases stand on: a real store in a
// file of the test's own, and a guard and keys over it.
package guardtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
)

// Writer is the audit chain of a Kit's guard.
const Writer = "here"

// Kit goes with the test that made it.
type Kit struct {
	Store *sqlite.Store
	Guard *guard.Guard
	Keys  *seal.Keys // of a random root key
	Path  string     // of the store's file
	// Signer is the guard's, of the same root key.
	Signer audit.Signer
}

// New opens an empty store.
func New(tb testing.TB) Kit {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "keyfob.db")
	st, err := sqlite.Open(context.Background(), path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = st.Close() })
	root := RootKey(tb)
	signer := audit.NewSigner(root.AuditKey)
	return Kit{Store: st, Guard: guard.New(st, Writer, guard.Signed(signer)), Keys: seal.NewKeys(root), Path: path, Signer: signer}
}

// Sound has the test fail at its end if the trail does not hold, or if some record
// is not as the trail says: whatever the use cases did, they are no finding. It is
// for fixtures whose tests do nothing past the guard.
func (k Kit) Sound(tb testing.TB) Kit {
	tb.Helper()
	tb.Cleanup(func() { k.Verify(tb) })
	return k
}

// Verify is what Sound does, now.
func (k Kit) Verify(tb testing.TB) {
	tb.Helper()
	v, err := k.Guard.Verify(context.Background(), core.LocalUser)
	if err != nil || !v.OK() {
		tb.Errorf("the trail and the store differ: %+v, %v", v.Problems, err)
	}
}

// Trail is the guard's entries of what keep takes, oldest first.
func (k Kit) Trail(tb testing.TB, keep func(core.AuditEntry) bool) (out []core.AuditEntry) {
	tb.Helper()
	err := k.Store.View(context.Background(), func(tx store.Tx) error {
		return tx.Audit().Walk(context.Background(), Writer, func(e core.AuditEntry) error {
			if keep(e) {
				out = append(out, e)
			}
			return nil
		})
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// Acts is the guard's entries as "action subject outcome", oldest first, without
// those that it makes by itself.
func (k Kit) Acts(tb testing.TB) []string {
	tb.Helper()
	var out []string
	for _, e := range k.Trail(tb, func(e core.AuditEntry) bool { return e.Actor.Kind != core.SystemActor }) {
		out = append(out, e.Action+" "+e.Subject+" "+e.Outcome)
	}
	return out
}

// Tamper changes the store's file behind its back.
func (k Kit) Tamper(tb testing.TB, query string) {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+k.Path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(context.Background(), query); err != nil {
		tb.Fatal(err)
	}
}

// WantCode wants an error for people of this code, with this in its message.
func WantCode(tb testing.TB, err error, code core.Code, text string) {
	tb.Helper()
	e, ok := err.(*core.Error) //nolint:errorlint // as it is given to a person
	if !ok || e.Code != code || !strings.Contains(e.Message, text) || e.Hint == "" {
		tb.Errorf("error %#v, want %s with %q and a hint", err, code, text)
	}
}

// Write changes the store as a use case would, in an entry of the server's own.
func (k Kit) Write(tb testing.TB, fn func(ctx context.Context, tx store.Tx) error) {
	tb.Helper()
	act := guard.Act{Action: guard.LoginGrant, Subject: "test"}
	err := k.Guard.Do(context.Background(), core.System("test", core.Org), act, func(ctx context.Context, tx store.Tx, _ guard.Note) error { return fn(ctx, tx) })
	if err != nil {
		tb.Fatal(err)
	}
}

// RootKey is a random one.
func RootKey(tb testing.TB) seal.RootKey {
	tb.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	root, err := seal.NewRootKey(secret.New(key))
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

// Join makes whoever acts a user of the store, so that acts of theirs that came
// over a network find them enabled.
func Join(tb testing.TB, st store.Store, a core.Actor) {
	tb.Helper()
	role := core.RoleUser
	if a.Admin {
		role = core.RoleAdmin
	}
	Add(tb, st, core.User{ID: a.Owner.ID, Name: "name-of-" + a.Owner.ID, Role: role, Version: 1})
}

// Add makes a user, with an entry in a chain of its own.
func Add(tb testing.TB, st store.Store, u core.User) {
	tb.Helper()
	act := guard.Act{Action: guard.UserSignUp, Subject: guard.UserSubject(u.Name)}
	err := guard.New(st, "joined").Do(context.Background(), core.System("test", u.Owner()), act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		return tx.Users().Create(ctx, u)
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// Many runs fn at the same moment in many goroutines, each with its number, and
// gives how many succeeded. The others must fail alike.
func Many(tb testing.TB, code core.Code, reason string, fn func(i int) error) int {
	tb.Helper()
	var won atomic.Int32
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 32 {
		wg.Go(func() {
			<-start
			err := fn(i)
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, &core.Error{Code: code, Reason: reason}):
				tb.Errorf("a loser is told %v, want %s/%s", err, code, reason)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(won.Load())
}

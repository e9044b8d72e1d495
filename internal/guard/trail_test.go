package guard_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
)

var someone = core.Actor{Kind: core.UserActor, ID: "usr_ann", Owner: ann, Scopes: core.AllScopes}

// acts does n changes that change nothing.
func acts(t *testing.T, g *guard.Guard, n int) {
	t.Helper()
	for range n {
		if err := g.Do(t.Context(), core.LocalUser, set("x"), func(context.Context, store.Tx, guard.Note) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
}

func (f fixture) export(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := f.Export(t.Context(), core.LocalUser, &out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func (f fixture) check(t *testing.T, text []byte) audit.Verification {
	t.Helper()
	v, err := audit.VerifyExport(bytes.NewReader(text), f.signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestExport(t *testing.T) {
	f := newFixture(t)
	acts(t, f.Guard, 40)
	acts(t, guard.New(f.store, "there", guard.Signed(f.signer)), 70)
	text := f.export(t)
	v := f.check(t, text)
	if !v.OK() || v.Uncovered != 0 || len(v.Chains) != 2 || v.Chains[0].Entries != 41 || v.Chains[1].Entries != 70 || v.Checkpoints != 5 {
		t.Errorf("%+v", v)
	}
	if !bytes.Contains(text, []byte(`"action":"audit.export"`)) {
		t.Error("that it was exported does not stand in it")
	}
	if v := f.verify(t); !v.OK() || v.Uncovered != 0 {
		t.Errorf("the store afterwards: %+v", v)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errBoom }

func TestExportThatCannotBeWritten(t *testing.T) {
	f := newFixture(t)
	acts(t, f.Guard, 3)
	if err := f.Export(t.Context(), core.LocalUser, brokenPipe{}); !errors.Is(err, errBoom) {
		t.Errorf("error %v", err)
	}
	if err := guard.New(f.store, "there").Export(t.Context(), core.LocalUser, &bytes.Buffer{}); core.CodeOf(err) != core.Unavailable {
		t.Errorf("without a key: %v", err)
	}
}

// The whole trail is for administrators; one's own is one's own.
func TestWhoSeesTheTrail(t *testing.T) {
	f := newFixture(t)
	acts(t, f.Guard, 1)
	limited := core.LocalUser
	limited.Scopes = core.AuditRead
	for name, who := range map[string]core.Actor{
		"a user": someone, "a user, on the organisation": someone.On(core.Org), "an administrator's small token": limited,
		"a workspace": {Kind: core.WorkspaceActor, ID: "w", Owner: core.Local}, "a launcher": {Kind: core.LauncherActor, ID: "l", Owner: core.Org},
		"nobody": {},
	} {
		var out bytes.Buffer
		_, verify := f.Verify(t.Context(), who)
		_, key := f.AuditKey(t.Context(), who)
		export := f.Export(t.Context(), who, &out)
		_, list := f.Entries(t.Context(), who.On(core.Org), time.Time{}, 10)
		for _, err := range []error{verify, key, export, list} {
			if core.CodeOf(err) != core.Forbidden {
				t.Errorf("%s: %v", name, err)
			}
		}
		if out.Len() > 0 {
			t.Errorf("%s got %d bytes", name, out.Len())
		}
	}
	own, err := f.Entries(t.Context(), someone, time.Time{}, 10)
	for _, e := range own {
		if e.Owner != ann {
			t.Errorf("one's own trail shows %+v", e)
		}
	}
	all, allErr := f.Entries(t.Context(), core.LocalUser.On(core.Org), time.Time{}, 1000)
	if err != nil || allErr != nil || len(all) <= len(own) || all[len(all)-1].Owner != core.Local {
		t.Errorf("%d own, %d of all, %v, %v", len(own), len(all), err, allErr)
	}
	if key, err := f.AuditKey(t.Context(), core.LocalUser); err != nil || !key.Equal(f.signer.Public()) {
		t.Errorf("key %x, %v", key, err)
	}
}

// An actor's way of proving itself stands in each entry.
func TestVia(t *testing.T) {
	f := newFixture(t)
	who := someone
	who.Via = core.Via{Kind: core.ViaToken, ID: "tok_1"}
	guardtest.Join(t, f.store, who)
	act := set("a")
	act.Detail = map[string]string{"via": "a lie", "checkpoint": "77"}
	if err := f.Do(t.Context(), who, act, func(_ context.Context, _ store.Tx, note guard.Note) error { note("via", "another"); return nil }); err != nil {
		t.Fatal(err)
	}
	if e := f.entries(t)[0]; e.Detail["via"] != "token:tok_1" || e.Detail["checkpoint"] != "1" {
		t.Errorf("%+v", e.Detail)
	}
	if v := f.verify(t); !v.OK() {
		t.Errorf("%+v", v.Problems)
	}
}

// What is verified and sound is signed, so that it stays proven.
func TestVerifySigns(t *testing.T) {
	f := newFixture(t)
	acts(t, f.Guard, 5)
	if v := f.verify(t); !v.OK() || v.Uncovered != 4 {
		t.Errorf("%+v", v)
	}
	if v := f.verify(t); !v.OK() || v.Uncovered != 0 || v.Checkpoints != 2 {
		t.Errorf("the second time: %+v", v)
	}
	if got := f.trail(t); len(got) != 6 || got[5] != "system:audit audit.checkpoint audit ok" {
		t.Errorf("trail %q", got)
	}
}

// A trail that is not sound is not signed.
func TestVerifySignsNothingBroken(t *testing.T) {
	f := newFixture(t)
	acts(t, f.Guard, 5)
	f.tamper(t, `UPDATE audit SET subject = 'x' WHERE seq = 3`)
	if v := f.verify(t); v.OK() {
		t.Error("it was not found")
	}
	if got := f.trail(t); len(got) != 5 {
		t.Errorf("trail %q", got)
	}
}

// A trail from before there were checkpoints is sound, and its older part said
// to be unproven.
func TestTrailFromBeforeCheckpoints(t *testing.T) {
	f := newFixture(t)
	acts(t, guard.New(f.store, "here"), 50)
	if v := f.verify(t); !v.OK() || v.Checkpoints != 0 || v.Uncovered != 50 {
		t.Errorf("%+v", v)
	}
	v := f.verify(t)
	if !v.OK() || v.Checkpoints != 1 || v.Uncovered != 0 || !strings.Contains(v.Unproven[0], "the first 51 entries as they were before") {
		t.Errorf("%+v", v)
	}
}

// A checkpoint by somebody else is never built upon: acts go on, and everything
// behind it stays unsigned.
func TestForeignCheckpointIsNotBuiltUpon(t *testing.T) {
	f := newFixture(t)
	acts(t, f.Guard, 3)
	eve := audit.NewSigner(func() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{6}, 32)) })
	err := f.store.Update(t.Context(), func(tx store.Tx) error {
		last, err := tx.Checkpoints().Last(t.Context())
		if err != nil {
			return err
		}
		heads, err := tx.Audit().Heads(t.Context())
		if err != nil {
			return err
		}
		return tx.Checkpoints().Append(t.Context(), eve.Checkpoint(last, heads, time.Now()))
	})
	if err != nil {
		t.Fatal(err)
	}
	acts(t, f.Guard, 40)
	if err := f.Checkpoint(t.Context()); core.CodeOf(err) != core.Unavailable || !errors.Is(err, &core.Error{Code: core.Unavailable, Reason: "foreign_checkpoint"}) {
		t.Errorf("error %v", err)
	}
	v := f.verify(t)
	if !hasCheckpoint(v, 2, "another key") || v.Checkpoints != 2 || v.Uncovered != 42 {
		t.Errorf("%+v", v)
	}
}

func TestRekeyHandsTheTrailOver(t *testing.T) {
	f := newFixture(t)
	acts(t, f.Guard, 40)
	next := audit.NewSigner(guardtest.RootKey(t).AuditKey)
	act := guard.Act{Subject: "vault"}
	fail := func(context.Context, store.Tx, guard.Note) error { return errBoom }
	if err := f.Rekey(t.Context(), core.LocalUser.On(core.Org), act, next, fail); !errors.Is(err, errBoom) {
		t.Fatalf("error %v", err)
	}
	if err := f.Rekey(t.Context(), someone, act, next, fail); core.CodeOf(err) != core.Forbidden {
		t.Fatalf("by a user: %v", err)
	}
	if v := f.verify(t); !v.OK() {
		t.Fatalf("a rekey that failed leaves %+v", v.Problems)
	}
	did := func(context.Context, store.Tx, guard.Note) error { return nil }
	if err := f.Rekey(t.Context(), core.LocalUser.On(core.Org), act, next, did); err != nil {
		t.Fatal(err)
	}
	acts(t, f.Guard, 70)
	if v := f.verify(t); !v.OK() {
		t.Errorf("the guard itself: %+v", v.Problems)
	}
	v, err := guard.New(f.store, "here", guard.Signed(next)).Verify(t.Context(), core.LocalUser)
	if err != nil || !v.OK() {
		t.Errorf("with the new key: %+v, %v", v.Problems, err)
	}
	v, err = guard.New(f.store, "here", guard.Signed(f.signer)).Verify(t.Context(), core.LocalUser)
	if err != nil || v.OK() {
		t.Errorf("the old key is still taken: %+v, %v", v, err)
	}
}

// A process that was running while the root key changed has the old key. Its
// entries are no finding, and what the new key signs covers them.
func TestProcessWithTheKeyBeforeARekey(t *testing.T) {
	f := newFixture(t)
	acts(t, f.Guard, 3)
	old := guard.New(f.store, "here", guard.Signed(f.signer))
	next := audit.NewSigner(guardtest.RootKey(t).AuditKey)
	err := f.Rekey(t.Context(), core.LocalUser.On(core.Org), guard.Act{Subject: "vault"}, next, func(context.Context, store.Tx, guard.Note) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	acts(t, old, 40)
	if v := f.verify(t); !v.OK() || v.Uncovered != 40 {
		t.Errorf("%+v", v)
	}
	if v := f.verify(t); !v.OK() || v.Uncovered != 0 {
		t.Errorf("once the new key has signed: %+v", v)
	}
}

// heapWatch notes the largest live heap that it sees while it is written to.
type heapWatch struct {
	bytes, next int
	most        uint64
}

func (h *heapWatch) Write(p []byte) (int, error) {
	if h.bytes += len(p); h.bytes >= h.next {
		h.next += 2 << 20
		h.most = max(h.most, liveHeap())
	}
	return len(p), nil
}

func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestExportKeepsLittleInMemory(t *testing.T) {
	f := newFixture(t)
	longTrail(t, f.store, 20_000)
	before, w := liveHeap(), &heapWatch{}
	if err := f.Export(t.Context(), core.LocalUser, w); err != nil {
		t.Fatal(err)
	}
	if w.bytes < 15<<20 || w.most > before+4<<20 {
		t.Errorf("an export of %d bytes took %d bytes of memory", w.bytes, int64(w.most)-int64(before))
	}
}

// longTrail makes n entries in one transaction.
func longTrail(tb testing.TB, st store.Store, n int) {
	tb.Helper()
	long := strings.Repeat("x", 500)
	err := st.Update(tb.Context(), func(tx store.Tx) error {
		var prev []byte
		for i := range n {
			e := core.AuditEntry{Writer: "here", Seq: int64(i + 1), At: time.Now().UTC().Truncate(time.Microsecond), Actor: core.LocalUser, Owner: core.Local,
				Subject: long, Detail: map[string]string{}, PrevHash: prev}
			e.Hash = audit.Hash(e)
			prev = e.Hash
			if err := tx.Audit().Append(tb.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
}

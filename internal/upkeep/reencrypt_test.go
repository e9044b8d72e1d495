package upkeep_test

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/store"
	"keyfob/internal/upkeep"
)

// edit puts another ciphertext into the row of one of bob's secrets, behind the
// store's back, and gives the one that was there.
func (w *world) edit(t testing.TB, name string, ciphertext []byte) (old []byte) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.Path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	where := ` WHERE owner = 'user:usr_bob' AND name = ?`
	if err := db.QueryRowContext(t.Context(), `SELECT ciphertext FROM secret`+where, name).Scan(&old); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `UPDATE secret SET ciphertext = ?`+where, ciphertext, name); err != nil {
		t.Fatal(err)
	}
	return old
}

// keysOf are the ids of the data keys by owner.
func (w *world) keysOf(t testing.TB) map[core.Owner]string {
	t.Helper()
	out := map[core.Owner]string{}
	err := w.Store.View(t.Context(), func(tx store.Tx) error {
		keys, err := tx.Vault().Keys(t.Context())
		for _, k := range keys {
			out[k.Owner] = k.ID
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestReencryptData(t *testing.T) {
	w := newWorld(t, 40)
	before := w.keysOf(t)
	var seen []upkeep.Reencrypted
	got, err := w.process(w.Store).ReencryptData(t.Context(), admin, func(r upkeep.Reencrypted) { seen = append(seen, r) })
	if err != nil || got.Resumed || got.Owners != 3 || got.Records != 3*42 || len(got.Problems) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	w.sound(t)
	after := w.keysOf(t)
	for _, o := range owners {
		if before[o] == after[o] || after[o] == "" {
			t.Errorf("the key of %s is %s still", o, after[o])
		}
	}
	if n := w.older(t); n != 0 {
		t.Errorf("%d owners have an older key", n)
	}
	for i, r := range seen {
		if i > 0 && (r.Records < seen[i-1].Records || r.Records > seen[i-1].Records+16 || r.Owners < seen[i-1].Owners) {
			t.Errorf("progress from %+v to %+v", seen[i-1], r)
		}
	}
	if len(seen) < 12 {
		t.Errorf("told of progress %d times", len(seen))
	}
	// Nothing that the old key sealed is left, and each value is a version on.
	err = w.Store.View(t.Context(), func(tx store.Tx) error {
		for _, o := range owners {
			list, err := tx.Secrets().List(t.Context(), o)
			if err != nil {
				return err
			}
			for _, s := range list {
				if s.KeyID != after[o] || s.ValueVersion != 2 || s.Version != 2 {
					t.Errorf("%+v by %s", s.Secret, s.KeyID)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err = w.process(w.Store).ReencryptData(t.Context(), admin, nil)
	if err != nil || got.Resumed || got.Records != 3*42 {
		t.Fatalf("a second time: %+v, %v", got, err)
	}
	w.sound(t)
}

// A process dies at each of its transactions in turn, in each way. Every value
// opens at each moment, and the run after the last death finishes the first's.
func TestReencryptDataDies(t *testing.T) {
	for way := range endOfWays {
		t.Run(fmt.Sprint("way ", way), func(t *testing.T) {
			w := newWorld(t, 18)
			first := w.keysOf(t)
			var second map[core.Owner]string
			for at := 0; ; at++ {
				got, err := w.process(&mortal{Store: w.Store, at: at, way: way}).ReencryptData(t.Context(), admin, nil)
				w.sound(t)
				if now := w.keysOf(t); now[bob] != first[bob] && second == nil {
					second = now
				}
				if at > 0 && second != nil && err == nil && !got.Resumed || err != nil && !errors.Is(err, errDead) {
					t.Fatalf("%+v, %v", got, err)
				}
				if second != nil && w.older(t) == 0 {
					break
				}
			}
			for o, k := range w.keysOf(t) {
				if k != second[o] {
					t.Errorf("%s has the key %s, was given %s", o, k, second[o])
				}
			}
		})
	}
}

// Whatever happens in whatever order, with processes that die anywhere: every
// value opens to what it was, and the trail is whole.
func TestUpkeepProperties(t *testing.T) {
	atMost(t, 25)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, 1)
		n := 0
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"reencrypt", "reencrypt", "rekey", "add", "remove"}), 1, 6).Draw(rt, "steps")
		for _, what := range steps {
			m := &mortal{Store: w.Store, at: rapid.IntRange(0, 14).Draw(rt, "dies at"), way: rapid.IntRange(0, endOfWays-1).Draw(rt, "way")}
			o := rapid.SampledFrom(owners).Draw(rt, "owner")
			switch what {
			case "reencrypt":
				_, err := w.process(m).ReencryptData(t.Context(), admin, nil)
				if (err != nil) != m.dead {
					rt.Fatal(err)
				}
			case "rekey":
				w.rekeyMaybe(t, m)
			case "add":
				n++
				w.Keys = seal.NewKeys(w.root)
				w.do(t, w.Guard, o, func(ctx context.Context, tx store.Tx, note guard.Note) error {
					return w.putSecret(ctx, tx, note, o, fmt.Sprint("N", n))
				})
			case "remove":
				w.removeFirst(t, o)
			}
			w.sound(t)
		}
		if _, err := w.process(w.Store).ReencryptData(t.Context(), admin, nil); err != nil || w.older(t) != 0 {
			rt.Fatalf("%d owners have an older key: %v", w.older(t), err)
		}
		w.sound(t)
	})
}

// atMost bounds the number of a property's checks where each flushes to the disk
// many times; -rapid.checks can ask for fewer.
func atMost(t *testing.T, checks int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	was := f.Value.String()
	if n, err := strconv.Atoi(was); err != nil || n <= checks {
		return
	}
	if err := f.Value.Set(strconv.Itoa(checks)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(was) })
}

func (w *world) removeFirst(t testing.TB, o core.Owner) {
	t.Helper()
	w.do(t, w.Guard, o, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		list, err := tx.Secrets().List(ctx, o)
		if err != nil || len(list) == 0 {
			return err
		}
		delete(w.want, list[0].ID)
		return tx.Secrets().Delete(ctx, list[0].ID, list[0].Version)
	})
}

// Others write while it runs; what they seal is never sealed with a key that is
// about to go.
func TestReencryptDataWhileOthersWrite(t *testing.T) {
	w := newWorld(t, 40)
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 60 {
			o := owners[i%3]
			w.do(t, w.Guard, o, func(ctx context.Context, tx store.Tx, note guard.Note) error {
				return w.putSecret(ctx, tx, note, o, fmt.Sprint("N", i))
			})
		}
	})
	for range 2 { // two at once, too
		wg.Go(func() {
			for range 2 {
				if _, err := w.process(w.Store).ReencryptData(t.Context(), admin, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.sound(t)
	if _, err := w.process(w.Store).ReencryptData(t.Context(), admin, nil); err != nil || w.older(t) != 0 {
		t.Fatal(err)
	}
	w.sound(t)
}

// What does not open keeps its owner's older key: should its row come back as it
// was, it opens again.
func TestReencryptDataLeavesWhatDoesNotOpen(t *testing.T) {
	w := newWorld(t, 20)
	good := w.edit(t, "S05", []byte("damaged"))
	for run := range 2 {
		got, err := w.process(w.Store).ReencryptData(t.Context(), admin, nil)
		if err != nil || got.Owners != 2-2*run || got.Resumed != (run > 0) || len(got.Problems) != 1 || w.older(t) != 1 {
			t.Fatalf("run %d: %+v, %v", run, got, err)
		}
		if p := got.Problems[0]; !strings.Contains(p, "secret S05 of user:usr_bob") {
			t.Error(p)
		}
	}
	w.edit(t, "S05", good)
	w.sound(t)
	got, err := w.process(w.Store).ReencryptData(t.Context(), admin, nil)
	if err != nil || !got.Resumed || got.Owners != 1 || got.Records != 1 || w.older(t) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	w.sound(t)
}

func TestReencryptDataStops(t *testing.T) {
	w := newWorld(t, 40)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := w.process(w.Store).ReencryptData(ctx, admin, func(r upkeep.Reencrypted) {
		if r.Records > 0 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	w.sound(t)
	if got, err := w.process(w.Store).ReencryptData(t.Context(), admin, nil); err != nil || !got.Resumed {
		t.Fatalf("%+v, %v", got, err)
	}
	w.sound(t)
}

func TestAnEmptyVaultHasNothingToReencrypt(t *testing.T) {
	w := newWorld(t, 0)
	for _, o := range owners {
		err := w.Store.Update(t.Context(), func(tx store.Tx) error {
			return errors.Join(tx.Accounts().Delete(t.Context(), id("account", o, "x"), 1), tx.MCPServers().Delete(t.Context(), id("mcp", o, "x"), 1))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := w.process(w.Store).ReencryptData(t.Context(), admin, nil)
	if err != nil || got.Records != 0 || got.Owners != 3 || w.older(t) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
}

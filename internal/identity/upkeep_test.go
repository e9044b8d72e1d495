package identity_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/identity"
	"keyfob/internal/store"
)

// running starts Run and gives what stops it.
func (f fixture) running(t *testing.T) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

func (f fixture) usedAt(t *testing.T, a core.Actor) (at time.Time) {
	t.Helper()
	err := f.Store.View(t.Context(), func(tx store.Tx) error {
		if a.Via.Kind == core.ViaToken {
			k, err := tx.Tokens().Get(t.Context(), a.Via.ID)
			at = k.UsedAt
			return err
		}
		s, err := tx.Sessions().Get(t.Context(), a.Via.ID)
		at = s.UsedAt
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestUsesAreStoredOnceAMinuteAndAtTheEnd(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.user(t, "anna", "")
		token, s := f.token(t, "anna", core.SecretsRead)
		browser, cookie := f.browser(t, "anna")
		stop := f.running(t)
		time.Sleep(30 * time.Second)
		if _, err := f.Bearer(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		used := time.Now().UTC()
		synctest.Wait()
		if at := f.usedAt(t, token); !at.IsZero() {
			t.Errorf("a request wrote %s", at)
		}
		time.Sleep(30*time.Second + time.Microsecond)
		synctest.Wait()
		if at := f.usedAt(t, token); !at.Equal(used) {
			t.Errorf("after a minute %s, want %s", at, used)
		}
		if list, _ := f.Tokens(t.Context(), token); len(list) != 0 {
			t.Errorf("a token without tokens:read lists %+v", list)
		}
		if _, _, err := f.Browser(t.Context(), cookie); err != nil {
			t.Fatal(err)
		}
		used = time.Now().UTC()
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if at := f.usedAt(t, browser); !at.Equal(used) {
			t.Errorf("at the end %s, want %s", at, used)
		}
	})
}

func TestUsesThatCouldNotBeStoredStay(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.user(t, "anna", "")
		a, s := f.token(t, "anna", core.SecretsRead)
		first := time.Now().UTC()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.Flush(gone); err == nil {
			t.Fatal("a store that is away took it")
		}
		if err := f.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if at := f.usedAt(t, a); !at.Equal(first) {
			t.Errorf("used %s, want %s", at, first)
		}
		time.Sleep(time.Second)
		if _, err := f.Bearer(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if err := f.Flush(gone); err == nil {
			t.Fatal("a store that is away took it")
		}
		time.Sleep(time.Second)
		if _, err := f.Bearer(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		if err := f.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if at := f.usedAt(t, a); !at.Equal(first.Add(2 * time.Second)) {
			t.Errorf("used %s, want the newest, %s", at, first.Add(2*time.Second))
		}
	})
}

func TestWhatIsOverIsSwept(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.user(t, "anna", "")
		old, _ := f.browser(t, "anna")
		if _, err := f.StartDevice(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		stop := f.running(t)
		time.Sleep(12*time.Hour + 7*day - time.Minute)
		fresh, _ := f.browser(t, "anna")
		if list, _ := f.Sessions(t.Context(), fresh); len(list) != 2 {
			t.Errorf("%d sessions before a week", len(list))
		}
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		list, _ := f.Sessions(t.Context(), fresh)
		if len(list) != 1 || list[0].ID == old.Via.ID {
			t.Errorf("sessions %+v after a week", list)
		}
		time.Sleep(time.Hour)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		err := f.Store.View(t.Context(), func(tx store.Tx) error {
			n, err := tx.Proofs().Pending(t.Context(), core.DeviceProof, time.Time{})
			if n != 0 {
				t.Errorf("%d proofs after an hour", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

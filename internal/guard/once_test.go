package guard_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
)

// make makes a profile by the request o.
func (k onceKit) make(t *testing.T, o guard.Once, name string) error {
	t.Helper()
	ctx := guard.WithOnce(t.Context(), o)
	act := guard.Act{Action: guard.ProfileCreate, Subject: guard.ProfileSubject(name)}
	return k.Guard.Do(ctx, core.LocalUser, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		if name == "fails" {
			return core.Errorf(core.Invalid, "it cannot be")
		}
		at := time.Now().UTC().Truncate(time.Microsecond)
		return tx.Profiles().Create(ctx, core.Profile{ID: core.NewID("prf"), Owner: core.Local, Name: name, Model: "m", Provider: "p", Version: 1, CreatedAt: at, UpdatedAt: at})
	})
}

type onceKit struct{ guardtest.Kit }

func reasonOf(err error) string {
	e, _ := errors.AsType[*core.Error](err)
	if e == nil {
		return ""
	}
	return e.Reason
}

// What makes a record for a request makes it once, and says afterwards what it
// was; a request that failed made nothing.
func TestOnce(t *testing.T) {
	k := onceKit{guardtest.New(t)}
	o := guard.Once{Action: guard.ProfileCreate, Key: "key", Request: []byte("request")}
	if err := k.make(t, o, "fails"); core.CodeOf(err) != core.Invalid {
		t.Fatal(err)
	}
	if subject, err := k.Guard.Made(t.Context(), core.LocalUser, o); subject != "" || err != nil {
		t.Errorf("after a failure: %q, %v", subject, err)
	}
	if err := k.make(t, o, "a"); err != nil {
		t.Fatal(err)
	}
	if err := k.make(t, o, "b"); reasonOf(err) != "already_made" {
		t.Errorf("again: %v", err)
	}
	if subject, err := k.Guard.Made(t.Context(), core.LocalUser, o); subject != "profile:a" || reasonOf(err) != "already_made" {
		t.Errorf("got %q, %v", subject, err)
	}
	other := guard.Once{Action: o.Action, Key: o.Key, Request: []byte("another")}
	if err := k.make(t, other, "b"); reasonOf(err) != "idempotency_mismatch" {
		t.Errorf("another request: %v", err)
	}
	if subject, err := k.Guard.Made(t.Context(), core.LocalUser.On(core.Org), o); subject != "profile:a" || err == nil {
		t.Errorf("the same actor elsewhere: %q, %v", subject, err)
	}
	if subject, err := k.Guard.Made(t.Context(), core.Actor{Kind: core.UserActor, ID: "else"}, o); subject != "" || err != nil {
		t.Errorf("another actor: %q, %v", subject, err)
	}
}

// Other changes of the same request are not what it is about.
func TestOnceIsOfOneAction(t *testing.T) {
	k := onceKit{guardtest.New(t)}
	o := guard.Once{Action: guard.SecretCreate, Key: "key", Request: []byte("request")}
	for _, name := range []string{"a", "b"} {
		if err := k.make(t, o, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A day later the key is free again.
func TestOnceIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := onceKit{guardtest.New(t)}
		o := guard.Once{Action: guard.ProfileCreate, Key: "key", Request: []byte("request")}
		if err := k.make(t, o, "a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(guard.OnceFor - time.Second)
		if err := k.make(t, o, "b"); reasonOf(err) != "already_made" {
			t.Errorf("just before: %v", err)
		}
		time.Sleep(2 * time.Second)
		if err := k.make(t, o, "c"); err != nil {
			t.Errorf("after: %v", err)
		}
	})
}

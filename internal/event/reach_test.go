package event_test

import (
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/event"
	"keyfob/internal/store"
)

// forUser makes a secret of the organisation's for one user's workspaces; version 2
// is one that was changed.
func (f fixture) forUser(t *testing.T, id, user string, version int64) {
	t.Helper()
	at := time.Now().UTC().Truncate(time.Microsecond)
	s := core.SealedSecret{KeyID: "key", Ciphertext: []byte("x"), Secret: core.Secret{
		ID: id, Owner: core.Org, Name: id, Version: 1, ValueVersion: 1, CreatedAt: at, UpdatedAt: at, Selector: core.Selector{core.UserLabel: user},
	}}
	err := f.Store.Update(t.Context(), func(tx store.Tx) error {
		err := tx.Secrets().Create(t.Context(), s)
		if err == nil && version == 2 {
			s.Version = 2
			err = tx.Secrets().Update(t.Context(), s, 1)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The organisation's secret for bob is none of what alice's lists show; the events
// told her its id. Of one that was changed she hears that there was one, since it
// may have been hers before; an administrator, and bob, hear of all that is theirs.
func TestEventsOfWhatIsForAnother(t *testing.T) {
	f := following(t)
	err := f.Store.Update(t.Context(), func(tx store.Tx) error {
		for _, name := range []string{"alice", "bob"} {
			if err := tx.Users().Create(t.Context(), core.User{ID: "usr_" + name, Name: name, Role: core.RoleUser, Version: 1}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	after := f.follow(t, alice, event.Newest)
	boss, narrow := as(core.Owner{Kind: core.UserOwner, ID: "usr_boss"}), as(core.Owner{Kind: core.UserOwner, ID: "usr_boss"})
	boss.Admin, narrow.Admin, narrow.Scopes = true, true, core.SecretsRead
	last := after.Last()
	f.forUser(t, "bobs", "bob", 1)
	f.forUser(t, "changed", "bob", 2)
	f.forUser(t, "alices", "alice", 1)
	f.secret(t, core.Org, "all")
	for name, c := range map[string]struct {
		actor core.Actor
		want  string
		n     int
	}{
		"alice":            {as(alice), "org: org:alices org:all", 3},
		"bob":              {as(bob), "org:bobs org:changed org:all", 3},
		"an administrator": {boss, "org:bobs org:changed org:alices org:all", 4},
		"an administrator's token without admin:read": {narrow, "org: org:all", 2},
	} {
		s, err := f.Follow(t.Context(), c.actor, last)
		if err != nil {
			t.Fatal(err)
		}
		got := records(next(t, s, c.n))
		s.Close()
		if got != c.want {
			t.Errorf("%s reads %q, want %q", name, got, c.want)
		}
	}
	if got := records(next(t, after, 3)); got != "org: org:alices org:all" {
		t.Errorf("alice, who follows, hears %q", got)
	}
}

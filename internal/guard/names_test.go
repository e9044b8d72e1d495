package guard_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
)

// Ids stand beside what they are called, but what a token is called is its own
// user's to see, and an administrator's who looks at everybody's entries.
func TestEntriesHaveNames(t *testing.T) {
	f := newFixture(t)
	k := guardtest.Kit{Guard: f.Guard}
	at := time.UnixMicro(1).UTC()
	k.Write(t, func(ctx context.Context, tx store.Tx) error {
		for _, u := range []core.User{{ID: "usr_ann", Name: "ann"}, {ID: "usr_boss", Name: "boss"}} {
			u.Role, u.Version, u.CreatedAt, u.UpdatedAt = core.RoleAdmin, 1, at, at
			if err := tx.Users().Create(ctx, u); err != nil {
				return err
			}
		}
		for _, tok := range []core.Token{{ID: "tok_ann", UserID: "usr_ann", Name: "ci"}, {ID: "tok_boss", UserID: "usr_boss", Name: "private"}} {
			tok.Digest, tok.Scopes, tok.CreatedAt, tok.ExpiresAt = []byte(tok.ID), core.AllScopes, at, at.AddDate(9000, 0, 0)
			if err := tx.Tokens().Create(ctx, tok); err != nil {
				return err
			}
		}
		return nil
	})
	do := func(who core.Actor, act guard.Act) {
		t.Helper()
		act.Owner = ann
		if err := f.Do(t.Context(), who, act, func(context.Context, store.Tx, guard.Note) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	do(someone, guard.Act{Action: guard.TokenDelete, Subject: "token:tok_gone", Detail: map[string]string{"name": "gone", "revoked with it": `["tok_ann"]`, "x": "tok_never usr_never"}})
	do(core.System("sign-in", ann), guard.Act{Action: guard.LoginGrant, Subject: "user:ann", Detail: map[string]string{"token": "tok_gone", "by": "tok_boss", "for": "usr_boss"}})
	for _, v := range []struct {
		who  core.Actor
		boss string
	}{{someone, ""}, {core.LocalUser.On(core.Org), " tok_boss:private"}} {
		list, err := f.Entries(t.Context(), v.who, time.Time{}, 2)
		if err != nil || len(list) != 2 {
			t.Fatalf("%+v, %v", list, err)
		}
		want := []string{
			"login.grant map[" + strings.TrimSpace(v.boss+" tok_gone:gone usr_ann:ann usr_boss:boss]"),
			"token.delete map[tok_ann:ci tok_gone:gone usr_ann:ann]",
		}
		var got []string
		for _, e := range list {
			got = append(got, fmt.Sprint(e.Action, " ", e.Names))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", v.who, diff)
		}
	}
}

// What an entry holds cannot make a listing read without end.
func TestNamesAreBounded(t *testing.T) {
	f := newFixture(t)
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "usr_%d ", i)
	}
	act := guard.Act{Action: guard.SecretUpdate, Subject: "secret:a", Detail: map[string]string{"fields": many.String()}}
	if err := f.Do(t.Context(), core.LocalUser, act, func(context.Context, store.Tx, guard.Note) error { return nil }); err != nil {
		t.Fatal(err)
	}
	list, err := f.Entries(t.Context(), core.LocalUser, time.Time{}, 1)
	if err != nil || len(list) != 1 || list[0].Names != nil {
		t.Errorf("%d, %v", len(list), err)
	}
}

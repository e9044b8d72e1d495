package identity_test

import (
	"slices"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/identity"
)

// makes makes a token with what the actor shows, and gives its actor and text.
func (f fixture) makes(t *testing.T, a core.Actor, life time.Duration) (core.Token, core.Actor, string) {
	t.Helper()
	made, s, err := f.CreateToken(t.Context(), a, identity.TokenSpec{Name: "made", Scopes: core.TokensWrite | core.TokensRead, Life: life})
	if err != nil {
		t.Fatal(err)
	}
	b, err := f.Bearer(t.Context(), text(s))
	if err != nil {
		t.Fatal(err)
	}
	return made, b, text(s)
}

// Somebody finds a token that is good for ten minutes more, and makes one of it
// that is good for a year.
func TestATokenMakesNoneThatOutlivesIt(t *testing.T) {
	timed(t, identity.Config{}, func(t *testing.T, f fixture) {
		f.user(t, "anna", "")
		browser, _ := f.browser(t, "anna")
		short, found, _ := f.makes(t, browser, 10*time.Minute)
		time.Sleep(time.Minute)
		made, second, _ := f.makes(t, found, 365*day)
		if !made.ExpiresAt.Equal(short.ExpiresAt) || made.Maker != short.ID || short.Maker != "" {
			t.Fatalf("of %+v it made %+v", short, made)
		}
		usual, _, _ := f.makes(t, second, 0)
		sooner, _, _ := f.makes(t, second, time.Minute)
		if !usual.ExpiresAt.Equal(short.ExpiresAt) || usual.Maker != made.ID || sooner.ExpiresAt.Sub(sooner.CreatedAt) != time.Minute {
			t.Errorf("of that it made %+v and %+v", usual, sooner)
		}
		for _, e := range f.trail(t) {
			if e.Action == guard.TokenCreate && e.Subject == "token:"+made.ID && e.Detail["expires"] != short.ExpiresAt.Format(time.RFC3339) {
				t.Errorf("the trail says %v", e.Detail)
			}
		}
		time.Sleep(9 * time.Minute)
		wantError(t, "after ten minutes", f.Still(t.Context(), second), core.Unauthenticated, "expired")
	})
}

// A token was copied; before its owner revokes it, whoever has it makes others
// of it, and others of those. None may be left.
func TestRevokingATokenRevokesWhatItMade(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "anna", "")
	browser, _ := f.browser(t, "anna")
	copied, thief, first := f.makes(t, browser, 0)
	child, second, two := f.makes(t, thief, 0)
	other, _, three := f.makes(t, thief, 0)
	grandchild, _, four := f.makes(t, second, 0)
	kept, _, mine := f.makes(t, browser, 0)
	if err := f.DeleteToken(t.Context(), browser, copied.ID); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{first, two, three, four} {
		_, err := f.Bearer(t.Context(), s)
		wantError(t, "a token that came of it", err, core.Unauthenticated, "bad_token")
	}
	if _, err := f.Bearer(t.Context(), mine); err != nil {
		t.Error(err)
	}
	if list, err := f.Tokens(t.Context(), browser); err != nil || len(list) != 1 || list[0].ID != kept.ID {
		t.Errorf("left are %+v, %v", list, err)
	}
	i := slices.IndexFunc(f.trail(t), func(e core.AuditEntry) bool { return e.Action == guard.TokenDelete })
	ids := []string{child.ID, other.ID, grandchild.ID}
	slices.Sort(ids[:2]) // made at one time, maybe
	got := f.trail(t)[i].Detail["revoked with it"]
	if want := guard.Names([]string{child.ID, other.ID, grandchild.ID}); got != want && got != guard.Names(ids) {
		t.Errorf("the trail names %s, want %s", got, want)
	}
}

// A token that was made with another revokes itself: its maker stays.
func TestATokenRevokesNotItsMaker(t *testing.T) {
	f := newFixture(t, identity.Config{})
	f.user(t, "anna", "")
	browser, _ := f.browser(t, "anna")
	_, maker, first := f.makes(t, browser, 0)
	made, b, _ := f.makes(t, maker, 0)
	if err := f.DeleteToken(t.Context(), b, made.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Bearer(t.Context(), first); err != nil {
		t.Error(err)
	}
}

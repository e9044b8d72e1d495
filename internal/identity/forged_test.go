package identity_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/identity"
	"keyfob/internal/store"
)

// Story: somebody who can write to the database, and has no key, puts in what
// signs them in or approves a reveal, uses it, and takes every row of it away
// again. The trail has that it was used, and not that it was made.
func TestForgedProofsThatWereUsedAreFound(t *testing.T) {
	f := fixtureOn(t, guardtest.New(t), identity.Config{})
	u, token, browser := f.revealing(t, "anna")
	link, device := core.NewToken(core.LinkPrefix), core.NewToken(core.DevicePrefix)
	end, s := time.Now().Add(time.Minute), secretOf(u.Owner(), 1)
	up, err := f.AskStepUp(t.Context(), token, s, "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	f.outside(t, func(ctx context.Context, tx store.Tx) error {
		approved := up.Proof
		approved.ID, approved.State, approved.Approver, approved.ExpiresAt = "stp_forged", core.ProofApproved, browser.Via.String(), end
		edited := up.Proof
		edited.State, edited.Approver, edited.DecidedAt, edited.ExpiresAt = core.ProofApproved, browser.Via.String(), end, end
		return errors.Join(
			tx.Proofs().Create(ctx, core.Proof{ID: "lnk_forged", Kind: core.LinkProof, Digest: core.TokenDigest(text(link)), UserID: u.ID, State: core.ProofPending, CreatedAt: time.Now(), ExpiresAt: end}),
			tx.Proofs().Create(ctx, core.Proof{ID: "dev_forged", Kind: core.DeviceProof, Digest: core.TokenDigest(text(device)), UserID: u.ID, State: core.ProofApproved,
				Approver: browser.Via.String(), CreatedAt: time.Now(), ExpiresAt: end}),
			tx.Proofs().Create(ctx, approved), tx.Proofs().Decide(ctx, edited, core.ProofPending))
	})
	_, _, _, signed := f.SignIn(t.Context(), text(link), "", "")
	_, login := f.Login(t.Context(), identity.LoginRequest{DeviceCode: text(device)})
	if err := errors.Join(signed, login, f.Take(t.Context(), token, "stp_forged", s), f.Take(t.Context(), token, up.ID, s)); err != nil {
		t.Fatal(err)
	}
	f.outside(t, func(ctx context.Context, tx store.Tx) error { _, err := tx.Proofs().DeleteAll(ctx, u.ID); return err })
	v, err := f.Guard.Verify(t.Context(), core.LocalUser)
	if err != nil {
		t.Fatal(err)
	}
	for subject, message := range map[string]string{
		"proof:lnk_forged": "does not know that it was made", "proof:dev_forged": "does not know that it was made",
		"proof:stp_forged": "does not know that it was made", "proof:" + up.ID: "was changed outside Keyfob between",
	} {
		found := false
		for _, p := range v.Problems {
			found = found || p.Subject == subject && strings.Contains(p.Message, message)
		}
		if !found {
			t.Errorf("%s is not found: %+v", subject, v.Problems)
		}
	}
}

// A backup that somebody had changed brought its own sign-in link, good for years.
func TestNoProofOutlivesItsKind(t *testing.T) {
	f := fixtureOn(t, guardtest.New(t), identity.Config{})
	u, token, browser := f.revealing(t, "anna")
	s, at := secretOf(u.Owner(), 1), time.Now()
	up, err := f.AskStepUp(t.Context(), token, s, "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	put := func(p core.Proof, prefix string, from, life time.Duration) string {
		text := core.NewToken(prefix)
		p.ID, p.UserID, p.Digest = core.NewID("prf"), u.ID, core.TokenDigest(string(text.Reveal()))
		p.CreatedAt, p.ExpiresAt = at.Add(from), at.Add(from+life)
		f.outside(t, func(ctx context.Context, tx store.Tx) error { return tx.Proofs().Create(ctx, p) })
		return string(text.Reveal())
	}
	link := core.Proof{Kind: core.LinkProof, State: core.ProofPending}
	code := core.Proof{Kind: core.CodeProof, State: core.ProofPending}
	device := core.Proof{Kind: core.DeviceProof, State: core.ProofApproved, Approver: browser.Via.String()}
	signIn := func(text string) error { _, _, _, err := f.SignIn(t.Context(), text, "", ""); return err }
	byCode := func(text string) error {
		_, err := f.Login(t.Context(), identity.LoginRequest{Code: text})
		return err
	}
	byDevice := func(text string) error {
		_, err := f.Login(t.Context(), identity.LoginRequest{DeviceCode: text})
		return err
	}
	for _, c := range []struct {
		what   string
		proof  core.Proof
		prefix string
		use    func(string) error
		life   time.Duration
	}{
		{"link", link, core.LinkPrefix, signIn, 15 * time.Minute},
		{"code", code, core.LinkPrefix, byCode, 15 * time.Minute},
		{"device", device, core.DevicePrefix, byDevice, 10 * time.Minute},
	} {
		if err := c.use(put(c.proof, c.prefix, -time.Minute, c.life)); err != nil {
			t.Errorf("%s that lasts as long as it may: %v", c.what, err)
		}
		if err := c.use(put(c.proof, c.prefix, -time.Minute, c.life+time.Second)); err == nil {
			t.Errorf("%s that lasts too long is good", c.what)
		}
		if err := c.use(put(c.proof, c.prefix, time.Hour, c.life)); err == nil {
			t.Errorf("%s of a time to come is good", c.what)
		}
	}
	f.outside(t, func(ctx context.Context, tx store.Tx) error {
		long := up.Proof
		long.State, long.Approver, long.DecidedAt, long.ExpiresAt = core.ProofApproved, browser.Via.String(), at, at.Add(time.Hour)
		return tx.Proofs().Decide(ctx, long, core.ProofPending)
	})
	if err := f.Take(t.Context(), token, up.ID, s); err == nil {
		t.Error("an approval that lasts too long is good")
	}
}

// outside writes as somebody does who can write to the database.
func (f fixture) outside(t *testing.T, fn func(context.Context, store.Tx) error) {
	t.Helper()
	if err := f.Store.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

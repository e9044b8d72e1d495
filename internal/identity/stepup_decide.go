package identity

import (
	"context"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// DecideStepUp approves one act, which then has 60 seconds, or denies it. Only a
// person at a browser can. The click is the fresh act where a command line asked;
// where the same browser did, it must have signed in within 5 minutes, which of a
// person whom a proxy vouches for nobody knows. Errors: not_found; conflict where
// it is decided already; forbidden with reason browser_required or sign_in_again.
func (i *Identity) DecideStepUp(ctx context.Context, a core.Actor, id string, approve bool) error {
	a = own(a)
	_, action := StepUpActs(id)
	act := guard.Act{Action: action, Subject: "step-up", Detail: map[string]string{"approved": strconv.FormatBool(approve)}}
	if err := i.byBrowser(ctx, a, act); err != nil {
		return err
	}
	w, ok := purposeOf(id)
	if !ok {
		return noStepUp(nil)
	}
	return i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		if _, err := living(ctx, tx, a); err != nil {
			return err
		}
		p, err := w.find(ctx, tx, a, id)
		if err != nil {
			return err
		}
		stepUp(p).noted(note)
		p = decided(p, a, approve)
		if approve {
			if p, err = approved(ctx, tx, a, p); err != nil {
				return err
			}
		}
		return decidedAlready(tx.Proofs().Decide(ctx, p, core.ProofPending))
	})
}

// noted says in the trail what somebody decided on.
func (s StepUp) noted(note guard.Note) {
	note("step_up", s.ID)
	note("asked_by", s.By)
	if s.Kind == core.StepUpProof {
		note("secret", s.Secret)
		return
	}
	for k, v := range s.detail() {
		note(k, v)
	}
}

// approved begins the short time for which an approval is good. It ends with what
// it is for.
func approved(ctx context.Context, tx store.Tx, a core.Actor, p core.Proof) (core.Proof, error) {
	s := stepUp(p)
	if err := fresh(ctx, tx, a, s); err != nil {
		return p, err
	}
	p.ExpiresAt = p.DecidedAt.Add(stepUpLife)
	if s.Kind == core.TokenProof && p.ExpiresAt.After(s.Until) {
		p.ExpiresAt = s.Until
	}
	return p, nil
}

func fresh(ctx context.Context, tx store.Tx, a core.Actor, s StepUp) error {
	if s.By != a.Via.String() {
		return nil
	}
	return justSignedIn(ctx, tx, a, "to approve what it asked for itself", "ask on a command line and approve it here")
}

// justSignedIn refuses a browser that signed in longer ago, and a person whom a
// proxy vouches for.
func justSignedIn(ctx context.Context, tx store.Tx, a core.Actor, what, instead string) error {
	if a.Via.Kind == core.ViaBrowser {
		b, err := tx.Sessions().Get(ctx, a.Via.ID)
		if err != nil || !over(b.CreatedAt.Add(freshSignIn)) {
			return err
		}
	}
	return core.Errorf(core.Forbidden, "this browser signed in too long ago %s", what).WithReason("sign_in_again").
		WithHint("sign in again, or %s", instead)
}

// take uses an approval up. Whatever it is bound to is compared by the caller,
// before, so that a wrong use does not use it up.
func take(ctx context.Context, tx store.Tx, p core.Proof) error {
	if err := takeable(p.State); err != nil {
		return err
	}
	_, err := spend(ctx, tx, p.ID, core.ProofApproved)
	return spent(err, notApproved)
}

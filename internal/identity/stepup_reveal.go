package identity

import (
	"context"
	"strconv"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// subject is what the step-up of a reveal is bound to; a name stands last, since
// it may hold spaces.
func subject(s core.Secret) string { return s.ID + " " + s.Owner.String() + " " + s.Name }

// ofSecret reads what subject wrote.
func ofSecret(subject string) (id string, of core.Owner, name string) {
	if parts := strings.SplitN(subject, " ", 3); len(parts) == 3 {
		id, name = parts[0], parts[2]
		of, _ = core.ParseOwner(parts[1]) // it was written by subject
	}
	return id, of, name
}

// AskStepUp asks for the approval of one reveal of this secret, which is the
// actor's owner's, at its version. It waits for 5 minutes; from is the address
// that asks, for the person who decides. Errors: forbidden, also where the actor
// needs none; not_found where the secret is another's; exhausted.
func (i *Identity) AskStepUp(ctx context.Context, a core.Actor, s core.Secret, from string) (StepUp, error) {
	w := reveals()
	p := w.asked(a, from, subject(s))
	p.Version = s.Version
	act := guard.Act{Action: w.ask, Subject: guard.SecretSubject(s.Name), Detail: stepUpDetail(p)}
	err := i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		if _, err := living(ctx, tx, a); err != nil {
			return err
		}
		if err := mayAsk(a, s); err != nil {
			return err
		}
		return w.keepAsked(ctx, tx, p)
	})
	if err != nil {
		return StepUp{}, err
	}
	return stepUp(p), nil
}

func mayAsk(a core.Actor, s core.Secret) error {
	if s.ID == "" || s.Owner != a.Owner {
		return core.Errorf(core.NotFound, "there is no such secret").WithField("secret").WithHint("keyfob secret list shows those there are")
	}
	if a.Via.Kind == core.ViaLocal {
		return core.Errorf(core.Forbidden, "on this machine a reveal takes a confirmation, not a browser").WithReason("confirm_required").
			WithHint("repeat the secret's name as the confirmation")
	}
	return nil
}

func stepUpDetail(p core.Proof) map[string]string {
	return map[string]string{"step_up": p.ID, "version": strconv.FormatInt(p.Version, 10)}
}

// Take uses a step-up up, for the one reveal that it approves. It is asked after
// the secret was found and before its value is opened. It writes in a transaction
// of its own, so never from inside another that writes. Errors: forbidden with reason step_up_pending, step_up_denied, or
// step_up_required for one that is over, used, or of something else.
func (i *Identity) Take(ctx context.Context, a core.Actor, id string, s core.Secret) error {
	w, ok := purposeOf(id)
	if !ok || w.kind != core.StepUpProof {
		return notApproved(nil)
	}
	act := guard.Act{Action: guard.StepUpUse, Subject: guard.SecretSubject(s.Name), Detail: map[string]string{"step_up": id, "version": strconv.FormatInt(s.Version, 10)}}
	return i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		if _, err := living(ctx, tx, a); err != nil {
			return err
		}
		p, err := w.find(ctx, tx, a, id)
		if err != nil {
			return spent(err, notApproved)
		}
		if s.Owner != a.Owner || stepUp(p).By != a.Via.String() || p.Subject != subject(s) || p.Version != s.Version {
			return notApproved(nil)
		}
		return take(ctx, tx, p)
	})
}

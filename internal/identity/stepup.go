package identity

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// maxStepUps is how many wait at once.
const maxStepUps = 10_000

// StepUp is the approval that one reveal takes: of this secret at Proof.Version,
// by what asked for it (Proof.Requester).
type StepUp struct {
	core.Proof
	SecretID string
	Secret   string     // its name
	Of       core.Owner // the secret's
	Code     string     // both sides show it, so that people approve what they asked for
}

// subject is what a step-up is bound to; a name stands last, since it may hold
// spaces.
func subject(s core.Secret) string { return s.ID + " " + s.Owner.String() + " " + s.Name }

func stepUp(p core.Proof) StepUp {
	s := StepUp{Proof: bareProof(p), Code: shownCode(p.ID)}
	if parts := strings.SplitN(p.Subject, " ", 3); len(parts) == 3 {
		s.SecretID, s.Secret = parts[0], parts[2]
		s.Of, _ = core.ParseOwner(parts[1]) // it was written by subject
	}
	return s
}

// shownCode is a short form of an id, for eyes to compare.
func shownCode(id string) string {
	sum := sha256.Sum256([]byte(id))
	out := make([]byte, userCodeLen)
	for n := range out {
		out[n] = userCodeLetters[int(sum[n])%len(userCodeLetters)]
	}
	return dashed(string(out))
}

// AskStepUp asks for the approval of one reveal of this secret, which is the
// actor's owner's, at its version. It waits for 5 minutes. Errors: forbidden, also
// where the actor needs none; not_found where the secret is another's; exhausted.
func (i *Identity) AskStepUp(ctx context.Context, a core.Actor, s core.Secret) (StepUp, error) {
	at := now()
	p := core.Proof{
		ID: core.NewID("stp"), Kind: core.StepUpProof, UserID: a.ID, Requester: a.Via.String(),
		Subject: subject(s), Version: s.Version, State: core.ProofPending, CreatedAt: at, ExpiresAt: at.Add(stepUpWait),
	}
	act := guard.Act{Action: guard.StepUpAsk, Subject: guard.SecretSubject(s.Name), Detail: stepUpDetail(p)}
	err := i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		if _, err := living(ctx, tx, a); err != nil {
			return err
		}
		if err := mayAsk(a, s); err != nil {
			return err
		}
		if n, err := tx.Proofs().Pending(ctx, core.StepUpProof, at); err != nil || n >= maxStepUps {
			return orFull(err, "reveals", stepUpWait)
		}
		return tx.Proofs().Create(ctx, p)
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

// StepUp finds one of the acting user's that is not over. Errors: not_found.
func (i *Identity) StepUp(ctx context.Context, a core.Actor, id string) (StepUp, error) {
	if !plainID(id) {
		return StepUp{}, noStepUp(nil)
	}
	a = own(a)
	var out StepUp
	err := i.guard.Read(ctx, a, guard.Act{Action: guard.StepUpAsk, Subject: "step-up"}, func(ctx context.Context, tx store.Tx) error {
		p, err := stepUpOf(ctx, tx, a, id)
		out = stepUp(p)
		return err
	})
	if err != nil {
		return StepUp{}, err
	}
	return out, nil
}

func stepUpOf(ctx context.Context, tx store.Tx, a core.Actor, id string) (core.Proof, error) {
	p, err := tx.Proofs().Get(ctx, id)
	if err == nil && (p.Kind != core.StepUpProof || p.UserID != a.ID || over(p.ExpiresAt)) {
		err = core.Errorf(core.NotFound, "it is over, or another's")
	}
	if err != nil {
		return core.Proof{}, when(err, noStepUp)
	}
	return p, nil
}

func noStepUp(cause error) error {
	return core.Errorf(core.NotFound, "there is no such request, or it is over").WithReason("expired").WithField("step_up").
		WithHint("ask for the value again").Wrap(cause)
}

// DecideStepUp approves one reveal, which then has 60 seconds, or denies it. Only
// a person at a browser can. The click is the fresh act where a command line
// asked; where the same browser did, it must have signed in within 5 minutes,
// which of a person whom a proxy vouches for nobody knows. Errors: not_found;
// conflict where it is decided already; forbidden with reason browser_required or
// sign_in_again.
func (i *Identity) DecideStepUp(ctx context.Context, a core.Actor, id string, approve bool) error {
	a = own(a)
	act := guard.Act{Action: guard.StepUpDecide, Subject: "step-up", Detail: map[string]string{"approved": strconv.FormatBool(approve)}}
	if err := i.byBrowser(ctx, a, act); err != nil {
		return err
	}
	if !plainID(id) {
		return noStepUp(nil)
	}
	return i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		if _, err := living(ctx, tx, a); err != nil {
			return err
		}
		p, err := stepUpOf(ctx, tx, a, id)
		if err != nil {
			return err
		}
		note("step_up", p.ID)
		note("secret", stepUp(p).Secret)
		p = decided(p, a, approve)
		if approve {
			if err := fresh(ctx, tx, a, p); err != nil {
				return err
			}
			p.ExpiresAt = p.DecidedAt.Add(stepUpLife)
		}
		return decidedAlready(tx.Proofs().Decide(ctx, p, core.ProofPending))
	})
}

func fresh(ctx context.Context, tx store.Tx, a core.Actor, p core.Proof) error {
	if p.Requester != a.Via.String() {
		return nil
	}
	if a.Via.Kind == core.ViaBrowser {
		s, err := tx.Sessions().Get(ctx, a.Via.ID)
		if err != nil || !over(s.CreatedAt.Add(freshSignIn)) {
			return err
		}
	}
	return core.Errorf(core.Forbidden, "this browser signed in too long ago to approve what it asked for itself").WithReason("sign_in_again").
		WithHint("sign in again, or ask on a command line and approve it here")
}

func decidedAlready(err error) error {
	if core.CodeOf(err) != core.Conflict {
		return err
	}
	return core.Errorf(core.Conflict, "this request is decided already").WithReason("decided").WithHint("ask for the value again").Wrap(err)
}

// Take uses a step-up up, for the one reveal that it approves. It is asked after
// the secret was found and before its value is opened. It writes in a transaction
// of its own, so never from inside another that writes. Errors: forbidden with reason step_up_pending, step_up_denied, or
// step_up_required for one that is over, used, or of something else.
func (i *Identity) Take(ctx context.Context, a core.Actor, id string, s core.Secret) error {
	if !plainID(id) {
		return notApproved(nil)
	}
	act := guard.Act{Action: guard.StepUpUse, Subject: guard.SecretSubject(s.Name), Detail: map[string]string{"step_up": id, "version": strconv.FormatInt(s.Version, 10)}}
	return i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		if _, err := living(ctx, tx, a); err != nil {
			return err
		}
		p, err := stepUpOf(ctx, tx, a, id)
		if err != nil {
			return spent(err, notApproved)
		}
		if s.Owner != a.Owner || p.Requester != a.Via.String() || p.Subject != subject(s) || p.Version != s.Version {
			return notApproved(nil)
		}
		if err := takeable(p.State); err != nil {
			return err
		}
		_, err = spend(ctx, tx, p.ID, core.ProofApproved)
		return spent(err, notApproved)
	})
}

func takeable(s core.ProofState) error {
	switch s {
	case core.ProofApproved:
		return nil
	case core.ProofPending:
		return core.Errorf(core.Forbidden, "nobody has approved this reveal yet").WithReason("step_up_pending").
			WithHint("approve it in a browser that is signed in")
	case core.ProofDenied:
		return core.Errorf(core.Forbidden, "this reveal was denied in the browser").WithReason("step_up_denied").WithHint("ask for the value again")
	}
	return notApproved(nil)
}

func notApproved(cause error) error {
	return core.Errorf(core.Forbidden, "this takes an approval in a browser that is not used up").WithReason("step_up_required").
		WithHint("ask for one, approve it, and reveal within %d seconds", int(stepUpLife.Seconds())).Wrap(cause)
}

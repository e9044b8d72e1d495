package identity

import (
	"context"
	"strings"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// subject is what the approval of a token is bound to: all that is asked for. The
// name stands last, since it may hold spaces.
func (s TokenSpec) subject() string {
	return s.Life.String() + " " + strings.Join(s.Scopes.Names(), ",") + " " + s.Name
}

// ofToken reads what TokenSpec.subject wrote.
func ofToken(subject string) TokenSpec {
	var s TokenSpec
	if parts := strings.SplitN(subject, " ", 3); len(parts) == 3 {
		s.Life, _ = time.ParseDuration(parts[0])
		s.Scopes, _ = core.ParseScopes(strings.Split(parts[1], ","))
		s.Name = parts[2]
	}
	return s
}

// AskToken asks for the approval of one token that ends with no other: just this
// name, these scopes and this life, which begins now. The scopes are no more than
// the actor's own, so that the most that a copied token can ask for is what it has.
// It waits for 5 minutes; from is as for AskStepUp. Errors: as of CreateToken;
// forbidden where the actor needs none; exhausted.
func (i *Identity) AskToken(ctx context.Context, a core.Actor, spec TokenSpec, from string) (StepUp, error) {
	if err := i.checkSpec(&spec); err != nil {
		return StepUp{}, err
	}
	a = own(a)
	w := lastingTokens()
	p := w.asked(a, from, spec.subject())
	s := stepUp(p)
	if p.ExpiresAt.After(s.Until) {
		p.ExpiresAt = s.Until
		s = stepUp(p)
	}
	act := guard.Act{Action: w.ask, Subject: "step-up", Detail: s.detail()}
	act.Detail["step_up"] = p.ID
	err := i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		u, err := living(ctx, tx, a)
		if err != nil {
			return err
		}
		if a.Via.Kind == core.ViaLocal {
			return core.Errorf(core.Forbidden, "on this machine a token needs no approval").WithReason("no_step_up").WithHint("make it without one")
		}
		if err := mayGive(a, u, spec.Scopes); err != nil {
			return err
		}
		return w.keepAsked(ctx, tx, p)
	})
	if err != nil {
		return StepUp{}, err
	}
	return s, nil
}

// detail is what the trail says of the token.
func (s StepUp) detail() map[string]string {
	return map[string]string{"name": s.Token.Name, "scopes": guard.Names(s.Token.Scopes.Names()), "expires": s.Until.Format(time.RFC3339)}
}

// standsAlone uses up the approval of just this token, which the same proof asked
// for. The token then ends with no other, and when the page said that it would.
func standsAlone(ctx context.Context, tx store.Tx, a core.Actor, t core.Token, spec TokenSpec, note guard.Note) (core.Token, error) {
	w := lastingTokens()
	p, err := w.find(ctx, tx, a, spec.StepUp)
	if err != nil {
		return t, spent(err, notApproved)
	}
	s := stepUp(p)
	if s.By != a.Via.String() || p.Subject != spec.subject() {
		return t, notApproved(nil)
	}
	if err := take(ctx, tx, p); err != nil {
		return t, err
	}
	note("approved_by", p.Approver)
	t.ExpiresAt = s.Until
	return t, nil
}

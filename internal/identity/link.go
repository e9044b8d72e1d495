package identity

import (
	"context"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// operator is whoever has the server's vault open on its own machine.
const operator = "operator"

// MakeLink makes what signs this user in once within 15 minutes: a browser
// (core.LinkProof, by SignIn) or a command line (core.CodeProof, by Login). It is
// for whoever operates the server, on its own machine: nothing may offer it over
// the network. Errors: not_found; conflict where the user is disabled.
func (i *Identity) MakeLink(ctx context.Context, user string, kind core.ProofKind) (core.Proof, secret.Secret, error) {
	if kind != core.LinkProof && kind != core.CodeProof {
		return core.Proof{}, secret.Secret{}, core.Errorf(core.Invalid, "that is not a kind of link").WithField("kind").WithHint("it is link or code")
	}
	var u core.User
	err := i.store.View(ctx, func(tx store.Tx) (err error) {
		u, err = userNamed(ctx, tx, user)
		return err
	})
	if err != nil {
		return core.Proof{}, secret.Secret{}, err
	}
	text, at := core.NewToken(core.LinkPrefix), now()
	p := core.Proof{
		ID: core.NewID("lnk"), Kind: kind, Digest: digest(text), UserID: u.ID, Requester: operator,
		State: core.ProofPending, CreatedAt: at, ExpiresAt: at.Add(linkLife),
	}
	act := guard.Act{Action: guard.LinkCreate, Subject: guard.UserSubject(u.Name), Detail: map[string]string{"kind": string(kind), "proof": p.ID}}
	err = i.guard.Do(ctx, core.System(operator, u.Owner()), act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		is, err := tx.Users().Get(ctx, u.ID)
		switch {
		case err != nil:
			return err
		case is.Disabled:
			return core.Errorf(core.Conflict, "user %s is disabled", u.Name).WithReason("user_disabled").
				WithHint("enable the user first")
		}
		return tx.Proofs().Create(ctx, p)
	})
	if err != nil {
		return core.Proof{}, secret.Secret{}, err
	}
	return bareProof(p), text, nil
}

// enabled finds a user who is not disabled, anew inside a transaction.
func enabled(ctx context.Context, tx store.Tx, id string) (core.User, error) {
	u, err := tx.Users().Get(ctx, id)
	if err == nil && u.Disabled {
		err = disabled()
	}
	return u, err
}

// SignIn uses a link up and signs a browser in: the session, the text for its
// cookie (once), and whose it is. agent and address are what is shown of the
// browser later. Of many who use one link at once just one is signed in. Errors:
// unauthenticated with reason bad_link, whatever is wrong with the link.
func (i *Identity) SignIn(ctx context.Context, link, agent, address string) (core.BrowserSession, secret.Secret, core.User, error) {
	none := secret.Secret{}
	p, u, err := i.shown(ctx, link, core.LinkProof)
	if err != nil {
		return core.BrowserSession{}, none, core.User{}, when(err, badLink)
	}
	s, cookie := i.newSession(u.ID, agent, address)
	act := guard.Act{Action: guard.LoginGrant, Subject: guard.SessionSubject(s.ID), Detail: map[string]string{
		"by": string(p.Kind), "proof": p.ID, "user": u.Name, "address": s.Address, "expires": s.ExpiresAt.Format(time.RFC3339),
	}}
	err = i.guard.Do(ctx, signIn(u), act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		if u, err = spend(ctx, tx, p.ID, core.ProofPending); err != nil {
			return spent(err, badLink)
		}
		return tx.Sessions().Create(ctx, s)
	})
	if err != nil {
		return core.BrowserSession{}, none, core.User{}, err
	}
	return bareSession(s), cookie, u, nil
}

// shown finds the proof whose text this is, and whose it is. That it is good is
// for spend to say. Errors: not_found.
func (i *Identity) shown(ctx context.Context, text string, kind core.ProofKind) (core.Proof, core.User, error) {
	var p core.Proof
	var u core.User
	if !core.IsToken(text, core.LinkPrefix) {
		return p, u, core.Errorf(core.NotFound, "it is no such text")
	}
	err := i.store.View(ctx, func(tx store.Tx) (err error) {
		if p, err = tx.Proofs().ByDigest(ctx, core.TokenDigest(text)); err != nil {
			return err
		}
		if p.Kind != kind {
			return core.Errorf(core.NotFound, "it is for something else")
		}
		u, err = tx.Users().Get(ctx, p.UserID)
		return err
	})
	return p, u, err
}

// spend uses a proof up that is in this state, and gives whose it is. The store
// changes the state of a proof only from the one that was seen, so of two who
// spend one at once the second gets a conflict. Errors: not_found where it is over
// or gone, conflict, and unauthenticated for a disabled user.
func spend(ctx context.Context, tx store.Tx, id string, from core.ProofState) (core.User, error) {
	p, err := tx.Proofs().Get(ctx, id)
	if err != nil {
		return core.User{}, err
	}
	if over(p.ExpiresAt) || !lasts(p) {
		return core.User{}, core.Errorf(core.NotFound, "it is over")
	}
	u, err := enabled(ctx, tx, p.UserID)
	if err != nil {
		return u, err
	}
	if from == core.ProofApproved {
		if err := approverLives(ctx, tx, u, p.Approver); err != nil {
			return u, err
		}
	}
	p.State = core.ProofUsed
	return u, tx.Proofs().Decide(ctx, p, from)
}

// lasts holds a proof to the longest that one of its kind is good, whatever its
// record says: who writes to a backup, or to the database, cannot put one in that
// waits for years.
func lasts(p core.Proof) bool {
	life := map[core.ProofKind]time.Duration{
		core.LinkProof: linkLife, core.CodeProof: linkLife, core.DeviceProof: deviceLife,
		core.StepUpProof: stepUpWait + stepUpLife, core.TokenProof: stepUpWait + stepUpLife,
	}[p.Kind]
	return !p.ExpiresAt.After(p.CreatedAt.Add(life)) && !p.CreatedAt.After(now().Add(clocksApart))
}

// spent makes one error of all that spend refuses, so that nobody learns why.
func spent(err error, as func(error) error) error {
	switch core.CodeOf(err) {
	case core.NotFound, core.Conflict, core.Unauthenticated:
		return as(err)
	}
	return err
}

func bareProof(p core.Proof) core.Proof {
	p.Digest, p.UserCode = nil, nil
	return p
}

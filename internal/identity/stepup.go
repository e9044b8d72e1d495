package identity

import (
	"context"
	"crypto/sha256"
	"strings"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// How many of one purpose wait at once.
const (
	maxStepUps    = 10_000
	maxOwnStepUps = 100 // of one user's, so that nobody takes the room of everybody
)

// StepUp is a browser's approval of one act: of one reveal, or of one token that
// ends with no other. Proof.Kind says of which.
type StepUp struct {
	core.Proof
	By   string // what asked for it: a Via's text
	From string // the address it asked from; empty: unknown
	Code string // both sides show it, so that people approve what they asked for

	// Of core.StepUpProof: the secret, at Proof.Version.
	SecretID string
	Secret   string     // its name
	Of       core.Owner // the secret's

	// Of core.TokenProof: the token, and when it expires.
	Token TokenSpec
	Until time.Time
}

// purpose is what a step-up is for. It can be told by the id alone, so that the
// guard judges an act before anything is read.
type purpose struct {
	kind        core.ProofKind
	prefix      string // of its ids
	ask, decide string // the guard's actions
	many        string // what waits, in words
}

func reveals() purpose {
	return purpose{core.StepUpProof, "stp", guard.StepUpAsk, guard.StepUpDecide, "reveals"}
}

func lastingTokens() purpose {
	return purpose{core.TokenProof, "tap", guard.TokenAsk, guard.TokenDecide, "tokens"}
}

// purposeOf tells what an id is for; whatever cannot be one is for nothing.
func purposeOf(id string) (purpose, bool) {
	for _, w := range []purpose{reveals(), lastingTokens()} {
		if strings.HasPrefix(id, w.prefix+"_") && plainID(id) {
			return w, true
		}
	}
	return purpose{}, false
}

// StepUpActs are the guard's actions of a step-up with this id: to look at it,
// and to decide it. An id that is none counts as a reveal's.
func StepUpActs(id string) (look, decide string) {
	w, ok := purposeOf(id)
	if !ok {
		w = reveals()
	}
	return w.ask, w.decide
}

// asked is a new step-up of the acting user's.
func (w purpose) asked(a core.Actor, from, subject string) core.Proof {
	at := now()
	return core.Proof{
		ID: core.NewID(w.prefix), Kind: w.kind, UserID: a.ID, Requester: strings.TrimSpace(a.Via.String() + " " + cleaned(from, maxName, "")),
		Subject: subject, State: core.ProofPending, CreatedAt: at, ExpiresAt: at.Add(stepUpWait),
	}
}

func stepUp(p core.Proof) StepUp {
	s := StepUp{Proof: bareProof(p), Code: shownCode(p.ID)}
	s.By, s.From, _ = strings.Cut(p.Requester, " ")
	switch p.Kind {
	case core.StepUpProof:
		s.SecretID, s.Of, s.Secret = ofSecret(p.Subject)
	case core.TokenProof:
		s.Token = ofToken(p.Subject)
		s.Until = p.CreatedAt.Add(s.Token.Life).Truncate(time.Microsecond)
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

// keepAsked stores a step-up that waits, within the bounds of its purpose.
func (w purpose) keepAsked(ctx context.Context, tx store.Tx, p core.Proof) error {
	if n, err := tx.Proofs().PendingOf(ctx, w.kind, p.UserID, p.CreatedAt); err != nil || n >= maxOwnStepUps {
		return orFull(err, w.many+" of yours", stepUpWait)
	}
	if n, err := tx.Proofs().Pending(ctx, w.kind, p.CreatedAt); err != nil || n >= maxStepUps {
		return orFull(err, w.many, stepUpWait)
	}
	return tx.Proofs().Create(ctx, p)
}

// StepUp finds one of the acting user's that is not over. Errors: not_found.
func (i *Identity) StepUp(ctx context.Context, a core.Actor, id string) (StepUp, error) {
	w, ok := purposeOf(id)
	if !ok {
		return StepUp{}, noStepUp(nil)
	}
	a = own(a)
	var out StepUp
	err := i.guard.Read(ctx, a, guard.Act{Action: w.ask, Subject: "step-up"}, func(ctx context.Context, tx store.Tx) error {
		p, err := w.find(ctx, tx, a, id)
		out = stepUp(p)
		return err
	})
	if err != nil {
		return StepUp{}, err
	}
	return out, nil
}

func (w purpose) find(ctx context.Context, tx store.Tx, a core.Actor, id string) (core.Proof, error) {
	p, err := tx.Proofs().Get(ctx, id)
	if err == nil && (p.Kind != w.kind || p.UserID != a.ID || over(p.ExpiresAt)) {
		err = core.Errorf(core.NotFound, "it is over, another's, or for something else")
	}
	if err != nil {
		return core.Proof{}, when(err, noStepUp)
	}
	return p, nil
}

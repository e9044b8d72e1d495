package identity

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// A command line's login in the manner of RFC 8628 (OAuth 2.0 Device
// Authorization Grant). The user code has 20^8 forms, 2.56e10. A wrong one is
// counted by user and altogether: after 100 within 15 minutes no user who guessed
// wrong among them has another try, while those who did not are let through. So U
// users have 100+U guesses at most, and the chance to hit one of the 1000 codes
// that can wait is (100+U) * 1000 / 2.56e10: with a thousand users who all guess,
// 1 in 23,000. What is hit is a command line that can be signed in as the guesser.
const (
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ" // no vowels: no words; RFC 8628, 6.1
	userCodeLen     = 8
	maxDevices      = 1000 // that wait at once
	maxGuesses      = 100  // of user codes, of all users within 15 minutes, until each has but one more
	pollEvery       = 5 * time.Second
	aCommandLine    = "a command line"
)

// DeviceGrant is what a command line is told that wants to be signed in.
type DeviceGrant struct {
	DeviceCode secret.Secret // for Login
	UserCode   string        // for people, such as BCDF-GHJK
	ExpiresIn  time.Duration
	Interval   time.Duration // between two questions
}

// StartDevice begins the login of a command line that calls itself client.
// Nobody is known yet, so it is bounded how many wait; what is refused for that
// leaves no entry in the audit trail. Errors: exhausted with reason
// too_many_pending.
func (i *Identity) StartDevice(ctx context.Context, client string) (DeviceGrant, error) {
	text, at := core.NewToken(core.DevicePrefix), now()
	p := core.Proof{
		ID: core.NewID("dev"), Kind: core.DeviceProof, Digest: digest(text), Requester: cleaned(client, maxLabel, aCommandLine),
		State: core.ProofPending, CreatedAt: at, ExpiresAt: at.Add(deviceLife),
	}
	mayWait := func(tx store.Tx) error {
		if n, err := tx.Proofs().Pending(ctx, core.DeviceProof, at); err != nil || n >= maxDevices {
			return orFull(err, "logins", time.Minute)
		}
		return nil
	}
	if err := i.store.View(ctx, mayWait); err != nil {
		return DeviceGrant{}, err
	}
	act := guard.Act{Action: guard.LoginStart, Subject: "login", Detail: map[string]string{"proof": p.ID, "client": p.Requester}}
	code, err := "", error(nil)
	for range 3 { // a code that another one waits with is a conflict
		code = newUserCode()
		p.UserCode = core.TokenDigest(code)
		err = i.guard.Do(ctx, core.System("login", core.Org), act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
			if err := mayWait(tx); err != nil {
				return err
			}
			return tx.Proofs().Create(ctx, p)
		})
		if core.CodeOf(err) != core.Conflict {
			break
		}
	}
	if err != nil {
		return DeviceGrant{}, err
	}
	return DeviceGrant{DeviceCode: text, UserCode: dashed(code), ExpiresIn: deviceLife, Interval: pollEvery}, nil
}

func orFull(err error, what string, wait time.Duration) error {
	if err != nil {
		return err
	}
	return tooMany(what, wait)
}

// newUserCode draws each letter with the same chance.
func newUserCode() string {
	const fair = 256 - 256%len(userCodeLetters)
	out := make([]byte, 0, userCodeLen)
	for b := make([]byte, 16); len(out) < userCodeLen; {
		_, _ = rand.Read(b) // never fails
		for _, c := range b {
			if int(c) < fair && len(out) < userCodeLen {
				out = append(out, userCodeLetters[int(c)%len(userCodeLetters)])
			}
		}
	}
	return string(out)
}

func dashed(code string) string { return code[:userCodeLen/2] + "-" + code[userCodeLen/2:] }

// ParseUserCode reads a user code as people type it: small letters, spaces and
// hyphens do not matter.
func ParseUserCode(text string) (string, bool) {
	if len(text) > 4*userCodeLen {
		return "", false
	}
	code := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return -1
		case r >= 'a' && r <= 'z': // no other letter has one of ours as its capital, or should
			return r - 'a' + 'A'
		}
		return r
	}, text)
	if len(code) != userCodeLen || strings.Trim(code, userCodeLetters) != "" {
		return "", false
	}
	return code, true
}

// Device shows the login that waits with this user code, to a person in a
// browser: Requester is what the command line calls itself. Errors: forbidden
// with reason browser_required; not_found with reason bad_code for a code that is
// unknown, over or decided; exhausted after too many of those.
func (i *Identity) Device(ctx context.Context, a core.Actor, userCode string) (core.Proof, error) {
	a = own(a)
	act := guard.Act{Action: guard.LoginDecide, Subject: "login"}
	if err := i.byBrowser(ctx, a, act); err != nil {
		return core.Proof{}, err
	}
	var p core.Proof
	err := i.guess(a, userCode, func(code string) error {
		return i.guard.Read(ctx, a, act, func(ctx context.Context, tx store.Tx) (err error) {
			p, err = device(ctx, tx, a, code)
			return err
		})
	})
	return bareProof(p), err
}

// DecideDevice approves the login that waits with this user code, for the acting
// user, or denies it. The errors are those of Device.
func (i *Identity) DecideDevice(ctx context.Context, a core.Actor, userCode string, approve bool) error {
	a = own(a)
	act := guard.Act{Action: guard.LoginDecide, Subject: "login", Detail: map[string]string{"approved": strconv.FormatBool(approve)}}
	if err := i.byBrowser(ctx, a, act); err != nil {
		return err
	}
	return i.guess(a, userCode, func(code string) error {
		return i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
			p, err := device(ctx, tx, a, code)
			if err != nil {
				return err
			}
			note("proof", p.ID)
			note("client", p.Requester)
			p = decided(p, a, approve)
			p.UserID = a.ID
			return spent(tx.Proofs().Decide(ctx, p, core.ProofPending), badCode)
		})
	})
}

// guess runs fn with a code, and counts it where no login waits with it.
func (i *Identity) guess(a core.Actor, text string, fn func(code string) error) error {
	code, ok := ParseUserCode(text)
	if !ok {
		return badCode(nil)
	}
	if err := i.guesses.Allow(a.ID); err != nil {
		return err
	}
	err := fn(code)
	if core.CodeOf(err) == core.NotFound {
		i.guesses.Failed(a.ID)
	}
	return err
}

func device(ctx context.Context, tx store.Tx, a core.Actor, code string) (core.Proof, error) {
	if _, err := living(ctx, tx, a); err != nil {
		return core.Proof{}, err
	}
	p, err := tx.Proofs().ByUserCode(ctx, core.TokenDigest(code))
	if err == nil && (p.Kind != core.DeviceProof || p.State != core.ProofPending || over(p.ExpiresAt)) {
		err = core.Errorf(core.NotFound, "it does not wait")
	}
	if err != nil {
		return core.Proof{}, when(err, badCode)
	}
	return p, nil
}

// byBrowser refuses whoever is not a person at a browser, and writes it down. A
// token must never bring forth another proof: whoever copied it could outlive its
// revocation.
func (i *Identity) byBrowser(ctx context.Context, a core.Actor, act guard.Act) error {
	if a.Kind == core.UserActor && (a.Via.Kind == core.ViaBrowser || a.Via.Kind == core.ViaProxy) {
		return nil
	}
	err := i.guard.Do(ctx, a, act, func(context.Context, store.Tx, guard.Note) error { return noBrowser() })
	if core.CodeOf(err) == core.Forbidden {
		return noBrowser() // the policy's own reasons would send people for another token
	}
	return err
}

func decided(p core.Proof, a core.Actor, approve bool) core.Proof {
	p.State, p.Approver, p.DecidedAt = core.ProofDenied, a.Via.String(), now()
	if approve {
		p.State = core.ProofApproved
	}
	return p
}

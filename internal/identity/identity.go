// Package identity holds the use cases of people and of what they show to be
// known: users, personal tokens, browser sessions, launchers, signing in, and the
// step-up that a reveal takes, or a token that ends with no other. It knows no
// HTTP.
//
// What proves somebody is random text of 256 bits, stored as its digest and
// given out once. It is found by that digest, so the time a search takes tells
// nothing of what there is: who can choose digests byte by byte still lacks the
// text behind one. What somebody shows that is unknown, over or used up is one
// and the same error.
//
// A token can make tokens of no more scopes than its own, which end with it, and
// nothing else that proves anything: what approves a command line's login, a
// token that does not end with its maker, or a reveal is a browser session, or a
// person whom a proxy vouches for. Each act that gives something out looks again, inside its transaction, at the user and at what they showed,
// so that nothing is given to somebody who was disabled meanwhile.
//
// Entries in the audit trail: one for each act. None for finding out who asks,
// for a login that has only been begun (it is nobody's yet), for noting when
// something was last used, and for sweeping away what is over.
package identity

import (
	"crypto/sha256"
	"log/slog"
	"strings"
	"sync"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/throttle"
)

// How long things are good.
const (
	defaultTokenLife   = 30 * 24 * time.Hour
	defaultSessionLife = 12 * time.Hour
	maxTokenLife       = 365 * 24 * time.Hour
	maxSessionLife     = 30 * 24 * time.Hour
	linkLife           = 15 * time.Minute
	deviceLife         = 10 * time.Minute
	stepUpWait         = 5 * time.Minute  // until somebody approves
	stepUpLife         = 60 * time.Second // once approved
	freshSignIn        = 5 * time.Minute  // of a browser that approves what it asked for itself
	clocksApart        = time.Minute      // of two servers' at most
)

// Config is what an Identity is made of.
type Config struct {
	Guard *guard.Guard
	// Store is for finding out who asks, before there is an actor that the guard
	// could judge.
	Store store.Store
	// AdminEmail makes whom a proxy vouches for with this address an
	// administrator; empty: nobody.
	AdminEmail string
	Launchers  []Launcher
	// TokenLife is that of a login's tokens and of a token for which none is
	// given; 0: 30 days. At most 365 days.
	TokenLife time.Duration
	// SessionLife is that of a browser session; 0: 12 hours. At most 30 days.
	SessionLife time.Duration
	// Log takes faults of the store in the background; nil drops them.
	Log *slog.Logger
}

// Identity says who asks. It is safe for concurrent use.
type Identity struct {
	guard       *guard.Guard
	store       store.Store
	adminEmail  string
	launchers   []Launcher
	byKey       map[[sha256.Size]byte]int // into launchers
	tokenLife   time.Duration
	sessionLife time.Duration
	log         *slog.Logger
	guesses     *throttle.Throttle // of user codes, by user

	mu       sync.Mutex           // guards what is below
	tokens   map[string]time.Time // last use that is not stored yet, by id
	sessions map[string]time.Time
	polls    map[string]time.Time // last question after a login, by id of its proof
}

// New makes an Identity; it does no I/O. Errors: invalid, for a configuration
// that cannot be.
func New(c Config) (*Identity, error) {
	i := &Identity{
		guard: c.Guard, store: c.Store, launchers: c.Launchers, log: c.Log,
		tokenLife: c.TokenLife, sessionLife: c.SessionLife,
		guesses: throttle.New(throttle.Config{Total: maxGuesses}),
		tokens:  map[string]time.Time{}, sessions: map[string]time.Time{}, polls: map[string]time.Time{},
	}
	if i.log == nil {
		i.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if i.adminEmail, err = optionalEmail(c.AdminEmail); err != nil {
		return nil, err
	}
	if i.tokenLife, err = lifetime("token life", c.TokenLife, defaultTokenLife, maxTokenLife); err != nil {
		return nil, err
	}
	if i.sessionLife, err = lifetime("session life", c.SessionLife, defaultSessionLife, maxSessionLife); err != nil {
		return nil, err
	}
	i.byKey, err = indexLaunchers(c.Launchers)
	return i, err
}

func lifetime(what string, given, usual, longest time.Duration) (time.Duration, error) {
	if given == 0 {
		return usual, nil
	}
	if given < time.Second || given > longest {
		return 0, core.Errorf(core.Invalid, "the %s cannot be %s", what, given).WithField(strings.ReplaceAll(what, " ", "_")).
			WithHint("it is 1 second to %d days", longest/(24*time.Hour))
	}
	return given, nil
}

// signIn acts for a user who is only being found out.
func signIn(u core.User) core.Actor { return core.System("sign-in", u.Owner()) }

// own is the acting user on their own records, also where they act on the
// organisation's: tokens and browser sessions are always a person's.
func own(a core.Actor) core.Actor {
	if a.Kind != core.UserActor {
		return a // the guard refuses it
	}
	return a.On(core.Owner{Kind: core.UserOwner, ID: a.ID})
}

func digest(s secret.Secret) []byte { return core.TokenDigest(string(s.Reveal())) }

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// over says whether something with this end is over; what has none always is.
func over(end time.Time) bool { return !time.Now().Before(end) }

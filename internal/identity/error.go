package identity

import (
	"time"

	"keyfob/internal/core"
)

func badToken(cause error) error {
	return core.Errorf(core.Unauthenticated, "the token is not known here").WithReason("bad_token").
		WithHint("it may have been revoked, or belong to another server; sign in again with: keyfob login").Wrap(cause)
}

func badSession(cause error) error {
	return core.Errorf(core.Unauthenticated, "the browser is not signed in").WithReason("bad_session").
		WithHint("sign in again").Wrap(cause)
}

func expired(what string) error {
	return core.Errorf(core.Unauthenticated, "the %s has expired", what).WithReason("expired").WithHint("sign in again")
}

func disabled() error {
	return core.Errorf(core.Unauthenticated, "this user is disabled").WithReason("user_disabled").
		WithHint("ask one of your administrators")
}

// badLink is the one error of a link that is unknown, over or used up.
func badLink(cause error) error {
	return core.Errorf(core.Unauthenticated, "the link is not good, or not any more").WithReason("bad_link").
		WithHint("a link is good once and for 15 minutes; keyfob user link makes another, on the server's machine").Wrap(cause)
}

// badCode is the one error of a code that is unknown, over, decided or used up.
func badCode(cause error) error {
	return core.Errorf(core.NotFound, "no command line waits with this code").WithReason("bad_code").WithField("code").
		WithHint("look at the code again; it is good for 10 minutes").Wrap(cause)
}

// badLogin is the one error of what a command line shows that is unknown, over
// or used up.
func badLogin(cause error) error {
	return core.Errorf(core.Unauthenticated, "this login is over, or was never begun").WithReason("expired_token").
		WithHint("begin again with: keyfob login; a code is good once and for 15 minutes, and keyfob user link makes another, on the server's machine").Wrap(cause)
}

func pending() error {
	return core.Errorf(core.Forbidden, "nobody has approved this login yet").WithReason("authorization_pending").
		WithHint("approve it in a browser that is signed in")
}

func slowDown() error {
	e := core.Errorf(core.Exhausted, "this login is asked after too often").WithReason("slow_down").
		WithHint("wait %s between two questions", pollEvery)
	e.RetryAfter = pollEvery
	return e
}

func loginDenied() error {
	return core.Errorf(core.Forbidden, "the login was denied in the browser").WithReason("access_denied").
		WithHint("begin again with: keyfob login")
}

func tooMany(what string, wait time.Duration) error {
	e := core.Errorf(core.Exhausted, "too many %s wait for an approval", what).WithReason("too_many_pending").
		WithHint("try again in a while")
	e.RetryAfter = wait
	return e
}

func noBrowser() error {
	return core.Errorf(core.Forbidden, "only a browser that is signed in can approve or deny").WithReason("browser_required").
		WithHint("open the link in a browser; no token can do this")
}

func noUser(name string, cause error) error {
	return core.Errorf(core.NotFound, "there is no user %q", cleaned(name, maxName, "")).WithField("user").
		WithHint("keyfob user list shows those there are").Wrap(cause)
}

// when gives the mapped error for a missing record, and any other as it is.
func when(err error, missing func(error) error) error {
	if core.CodeOf(err) == core.NotFound {
		return missing(err)
	}
	return err
}

func noStepUp(cause error) error {
	return core.Errorf(core.NotFound, "there is no such request, or it is over").WithReason("expired").WithField("step_up").
		WithHint("ask for another").Wrap(cause)
}

func decidedAlready(err error) error {
	if core.CodeOf(err) != core.Conflict {
		return err
	}
	return core.Errorf(core.Conflict, "this request is decided already").WithReason("decided").WithHint("ask for another").Wrap(err)
}

func takeable(s core.ProofState) error {
	switch s {
	case core.ProofApproved:
		return nil
	case core.ProofPending:
		return core.Errorf(core.Forbidden, "nobody has approved this yet").WithReason("step_up_pending").
			WithHint("approve it in a browser that is signed in")
	case core.ProofDenied:
		return core.Errorf(core.Forbidden, "this was denied in the browser").WithReason("step_up_denied").WithHint("ask for another approval")
	}
	return notApproved(nil)
}

func notApproved(cause error) error {
	return core.Errorf(core.Forbidden, "this takes an approval in a browser that is not used up").WithReason("step_up_required").
		WithHint("ask for one, approve it, and use it within %d seconds for just what was approved", int(stepUpLife.Seconds())).Wrap(cause)
}

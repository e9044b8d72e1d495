package cli

import (
	"context"
	"errors"
	"time"

	"keyfob/api"
	"keyfob/client"
)

// revealed asks for the value. At a server that takes an approval in a browser,
// which is only asked for once the name was confirmed.
func (e *Env) revealed(ctx context.Context, s api.Secret, confirm string) (api.Reveal, error) {
	cl, err := e.revealer(ctx)
	if err != nil {
		return api.Reveal{}, err
	}
	in := api.RevealRequest{Confirm: confirm}
	switch {
	case e.srv == nil:
		return cl.RevealSecret(ctx, s.Name, in)
	case confirm != s.Name:
		_, _ = cl.RevealSecret(ctx, s.Name, in) // refused, which stands in the audit trail
		return api.Reveal{}, notTheName()
	}
	in.StepUp, err = e.stepUp(ctx, cl, "see "+s.Name, "revealed", func(ctx context.Context) (api.StepUp, error) {
		return cl.AskStepUp(ctx, api.StepUpAsk{Secret: s.Name, Org: e.Org})
	})
	if err != nil {
		return api.Reveal{}, err
	}
	return cl.RevealSecret(ctx, s.Name, in)
}

func notTheName() error {
	return &api.Error{
		Code: api.CodeForbidden, Reason: "confirm_required", Field: "confirm", Message: "revealing a value has to be confirmed",
		Hint: "repeat the secret's name as the confirmation",
	}
}

// stepUp asks for an approval, waits until a browser has given it, and gives its
// id. to and done say in words what it is for: "to see TOKEN", "nothing was
// revealed".
func (e *Env) stepUp(ctx context.Context, cl *client.Client, to, done string, ask func(context.Context) (api.StepUp, error)) (string, error) {
	ctx, stop := untilInterrupt(ctx)
	defer stop()
	asked, err := ask(ctx)
	if err != nil {
		return "", err
	}
	e.Notef("to %s, open %s in a browser", to, asked.ApproveURL)
	e.Notef("and approve the code %s, if that is what it shows", asked.Code)
	limit, cancel := context.WithDeadline(ctx, asked.ExpiresAt)
	defer cancel()
	state := asked.State
	err = poll(limit, time.Second, func() (bool, time.Duration, error) {
		now, err := cl.GetStepUp(limit, asked.ID)
		state = now.State
		return err != nil || state != "pending", 0, err
	})
	switch {
	case err != nil && ctx.Err() == nil && errors.Is(limit.Err(), context.DeadlineExceeded):
		return "", notApproved("nobody approved it in time", done)
	case err != nil:
		return "", err
	case state != "approved":
		return "", notApproved("it was refused in the browser", done)
	}
	return asked.ID, nil
}

func notApproved(why, done string) error {
	return &api.Error{Code: api.CodeForbidden, Reason: "not_approved", Message: why + ": nothing was " + done, Hint: "run the command again, and approve the code that it shows"}
}

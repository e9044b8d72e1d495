package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"keyfob/api"
)

const (
	tries      = 3                      // of one request at most
	firstPause = 100 * time.Millisecond // before the second; it doubles, and half of it is chance
	longest    = 10 * time.Second       // that a Retry-After is waited for
)

// send sends r, again where that is safe. Whoever is over ctx gets its error.
func (w *wire) send(ctx context.Context, r request) (answer, error) {
	for n := 1; ; n++ {
		a, fresh, err := w.try(ctx, r)
		if err != nil && ctx.Err() != nil {
			return a, ctx.Err()
		}
		wait, again := again(r, n, fresh, err)
		if !again {
			return a, err
		}
		if sleep(ctx, wait) != nil {
			return a, ctx.Err()
		}
	}
}

// again says whether to send r once more after its nth try, and when.
func again(r request, n int, fresh bool, err error) (time.Duration, bool) {
	e, ok := errors.AsType[*api.Error](err)
	switch {
	case !ok || n >= tries:
		return 0, false
	case isUnreachable(err):
		return pause(n), r.safe || fresh
	case e.Code == api.CodeUnavailable && e.RetryAfter > 0:
		wait := e.RetryAfter.Duration()
		return wait, r.safe && wait <= longest
	}
	return 0, false
}

// pause grows, and differs between clients that failed together.
func pause(n int) time.Duration {
	d := firstPause << (n - 1)
	return d/2 + rand.N(d/2)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

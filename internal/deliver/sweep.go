package deliver

import (
	"context"
	"slices"
	"time"

	"keyfob/api"
)

// sweepLimit bounds how long Sweep waits for disks.
const sweepLimit = 2 * time.Second

// Sweep takes back what processes that are gone left behind, as after a kill
// -9. state is Keyfob's own directory. What it had to keep is noted for Notes. A
// disk that does not answer is left for the next time.
//
// Errors: unavailable where the ledger cannot be read, with the hint what to do.
func Sweep(ctx context.Context, state string) error { return sweep(ctx, state, Alive) }

func sweep(ctx context.Context, state string, alive func(string) bool) error {
	b := bookIn(state)
	l, err := b.read()
	if err != nil || l == nil {
		return err
	}
	var paths []string
	for path, e := range l.Entries {
		if len(e.living(alive)) < len(e.Holders) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 && !slices.ContainsFunc(l.Dirs, l.idle) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	out := b.takeBackAll(ctx, paths, func(p string) bool { return !alive(p) })
	return b.change(func(l *ledger) {
		l.removeDirs()
		for _, o := range out {
			if o.State != removed {
				l.Notes = append(l.Notes, o)
			}
		}
		l.Notes = l.Notes[max(0, len(l.Notes)-100):]
	})
}

// Notes gives, once, what earlier Sweeps had to keep or could not remove.
func Notes(state string) ([]api.Outcome, error) {
	b := bookIn(state)
	l, err := b.read()
	if err != nil || l == nil || len(l.Notes) == 0 {
		return nil, err
	}
	var out []api.Outcome
	err = b.change(func(l *ledger) { out, l.Notes = slices.Clone(l.Notes), nil })
	return out, err
}

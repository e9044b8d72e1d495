package broker

import (
	"context"
	"log/slog"
	"time"

	"keyfob/internal/core"
)

// checkFor is how long the store may take to say whether one grant holds.
const checkFor = 5 * time.Second

// run asks the store about what is doubtful, and ends what has no grant any more,
// until ctx ends. While the store does not answer, everything goes on, and is
// asked for again.
func (fs *flights) run(ctx context.Context, log *slog.Logger) {
	var again <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-fs.wake:
			if again != nil {
				continue // it is looked at with the rest
			}
		case <-again:
		}
		again = nil
		if err := fs.check(ctx); err != nil && ctx.Err() == nil {
			log.LogAttrs(ctx, slog.LevelWarn, "running requests not checked", slog.String("cause", err.Error()))
			again = time.After(retryEvery)
		}
	}
}

// check looks at each doubtful workspace, until one cannot be looked at.
func (fs *flights) check(ctx context.Context) error {
	for {
		workspace, keys := fs.next()
		if workspace == "" {
			return nil
		}
		for _, d := range keys {
			if err := fs.ask(ctx, workspace, d); err != nil {
				fs.doubt(workspace)
				return err
			}
		}
	}
}

// next takes one doubtful workspace, and the keys that its flights came with.
func (fs *flights) next() (workspace string, keys []digest) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for w := range fs.doubtful {
		delete(fs.doubtful, w)
		seen := map[digest]bool{}
		for f := range fs.of[w].all {
			if !seen[f.digest] {
				seen[f.digest] = true
				keys = append(keys, f.digest)
			}
		}
		return w, keys
	}
	return "", nil
}

// ask ends the flights of one key, unless it still opens its workspace.
func (fs *flights) ask(ctx context.Context, workspace string, d digest) error {
	ctx, cancel := context.WithTimeout(ctx, checkFor)
	defer cancel()
	made, err := readGrant(ctx, fs.store, d)
	switch {
	case core.CodeOf(err) == core.Unauthenticated:
		fs.revoke(workspace, d)
		return nil
	case err != nil:
		return err
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if g := fs.of[workspace]; g != nil {
		fs.expireLocked(workspace, g, made.ExpiresAt)
	}
	return nil
}

func (fs *flights) revoke(workspace string, d digest) {
	for _, f := range fs.take(workspace, d) {
		f.over.Store(true)
		f.cancel()
	}
}

// take takes the flights of one key out.
func (fs *flights) take(workspace string, d digest) []*Flight {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	g := fs.of[workspace]
	if g == nil {
		return nil
	}
	var out []*Flight
	for f := range g.all {
		if f.digest == d {
			out = append(out, f)
			fs.removeLocked(g, f)
		}
	}
	return out
}

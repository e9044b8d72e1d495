package identity

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"keyfob/internal/store"
)

const (
	flushEvery = time.Minute
	sweepEvery = 10 // flushes
	lastFlush  = 5 * time.Second
	keepOver   = 7 * 24 * time.Hour // tokens and browser sessions, for people to see that they expired
)

// Run stores once a minute when tokens and browser sessions were last used, and
// removes what is over, until ctx ends; then it stores what is left. Its only
// error is that of the last.
func (i *Identity) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		if n%sweepEvery == 0 {
			i.report(ctx, "sweep", i.Sweep(ctx))
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
			defer cancel()
			return i.Flush(last)
		case <-tick.C:
			i.report(ctx, "flush", i.Flush(ctx))
		}
	}
}

func (i *Identity) report(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		i.log.LogAttrs(ctx, slog.LevelWarn, "identity upkeep failed", slog.String("step", what), slog.String("cause", err.Error()))
	}
}

// Flush stores the uses that are noted in memory. Where it fails they stay noted.
func (i *Identity) Flush(ctx context.Context) error {
	i.mu.Lock()
	tokens, sessions := i.tokens, i.sessions
	i.tokens, i.sessions = map[string]time.Time{}, map[string]time.Time{}
	i.mu.Unlock()
	if len(tokens)+len(sessions) == 0 {
		return nil
	}
	err := i.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.Tokens().Used(ctx, tokens); err != nil {
			return err
		}
		return tx.Sessions().Used(ctx, sessions)
	})
	if err != nil {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.tokens, i.sessions = later(tokens, i.tokens), later(sessions, i.sessions)
	}
	return err
}

// later is both maps as one, where the newer uses win.
func later(older, newer map[string]time.Time) map[string]time.Time {
	maps.Copy(older, newer)
	return older
}

// Sweep removes what is over: proofs at once, tokens and browser sessions after a
// week.
func (i *Identity) Sweep(ctx context.Context) error {
	at := now()
	i.mu.Lock()
	maps.DeleteFunc(i.polls, func(_ string, last time.Time) bool { return at.Sub(last) > deviceLife })
	i.mu.Unlock()
	return i.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.Proofs().Sweep(ctx, at); err != nil {
			return err
		}
		return tx.Sessions().Sweep(ctx, at.Add(-keepOver))
	})
}

// Package guard is the one way to the records: it authorizes an act, writes it
// down and runs it, so that no use case can forget any of the three.
//
// What the trail holds:
//
//   - a change (Do): one entry "ok" in the transaction of the change itself;
//   - an exposure of a value (Expose): "attempt" before, then "ok" or "failed";
//   - a reading of metadata (Read): nothing;
//   - whatever is denied: one entry "denied"; a change that failed: one "failed"
//     with the error's code, never its text.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

// recordFor is how long the entry of an act that is over may take to write, even
// where whoever asked for the act has gone.
const recordFor = 5 * time.Second

// Act is what somebody wants to do.
type Act struct {
	Action  string            // one of this package's constants
	Subject string            // such as "secret:NPM_TOKEN"
	Owner   core.Owner        // of the record; the zero value is the actor's own
	Detail  map[string]string // names and versions that are known beforehand; never values
}

// Note adds to the Detail of an act's entry: names, versions and digests, never
// values. What is noted by an act that then fails is dropped.
type Note func(key, value string)

// Guard authorizes and records. It is safe for concurrent use.
type Guard struct {
	store  store.Store
	writer string
	signer atomic.Pointer[audit.Signer] // never nil
	sink   Sink                         // nil: none
	log    *slog.Logger

	mu    sync.Mutex // guards trail
	trail TrailStatus
}

// Option adds to what a Guard does.
type Option func(*Guard)

// Signed has the trail signed: a checkpoint over all chains' heads stands in the
// transaction of each writer's audit.Every-th entry. Without it there are no
// checkpoints and no export.
func Signed(s audit.Signer) Option { return func(g *Guard) { g.signer.Store(&s) } }

// CopiedTo has Run copy the trail to a sink.
func CopiedTo(s Sink) Option { return func(g *Guard) { g.sink = s } }

// Logged has Run say in the log when signing or copying the trail begins to fail,
// why, and when it works again. Without it Run says nothing.
func Logged(l *slog.Logger) Option { return func(g *Guard) { g.log = l } }

// New makes a Guard whose entries form the chain of this writer. Several
// processes on one store may share a writer; it does no I/O.
func New(st store.Store, writer string, options ...Option) *Guard {
	g := &Guard{store: st, writer: writer, log: slog.New(slog.DiscardHandler)}
	g.signer.Store(&audit.Signer{})
	for _, o := range options {
		o(g)
	}
	return g
}

// Do runs a change. fn and its entry are one transaction: both are durable when
// Do returns nil, neither otherwise. The entry says of each record that fn wrote
// through tx what it was and what is stored now, for Verify. Errors: forbidden, or whatever fn or
// the store gave.
func (g *Guard) Do(ctx context.Context, actor core.Actor, act Act, fn func(ctx context.Context, tx store.Tx, note Note) error) error {
	act = act.of(actor)
	if err := g.allow(ctx, actor, act); err != nil {
		return err
	}
	err := g.store.Update(ctx, func(tx store.Tx) error { return g.change(ctx, tx, actor, act, fn) })
	if err != nil {
		return g.failed(ctx, actor, act, err)
	}
	return nil
}

// change is fn with its entry, in one transaction.
func (g *Guard) change(ctx context.Context, tx store.Tx, actor core.Actor, act Act, fn change) error {
	if err := standing(ctx, tx, actor, act); err != nil {
		return err
	}
	notes := maps.Clone(act.Detail)
	if err := onceOnly(ctx, actor, act, fn)(ctx, newNoting(tx, act, &notes), noteInto(&notes)); err != nil {
		return err
	}
	_, err := g.add(ctx, tx, entry(actor, act, OK, notes))
	return err
}

// Read runs fn over one consistent state. It is for metadata: fn opens no value
// that anybody gets to see.
func (g *Guard) Read(ctx context.Context, actor core.Actor, act Act, fn func(ctx context.Context, tx store.Tx) error) error {
	if err := g.allow(ctx, actor, act.of(actor)); err != nil {
		return err
	}
	return g.store.View(ctx, func(tx store.Tx) error { return fn(ctx, tx) })
}

// Expose runs fn, which takes values out of the vault. The attempt is durable
// before fn starts and the outcome before Expose returns; where either cannot be
// written the error is of code unavailable, and the caller must drop what fn
// gave: on any error no value goes out.
func (g *Guard) Expose(ctx context.Context, actor core.Actor, act Act, fn func(ctx context.Context, tx store.Tx, note Note) error) error {
	act = act.of(actor)
	if err := g.allow(ctx, actor, act); err != nil {
		return err
	}
	seq, err := g.record(ctx, entry(actor, act, Attempt, act.Detail))
	if err != nil {
		return unrecorded(err)
	}
	return g.exposed(ctx, actor, act, seq, fn)
}

// exposed is what follows the attempt, which is entry seq.
func (g *Guard) exposed(ctx context.Context, actor core.Actor, act Act, seq int64, fn change) error {
	act.Detail = with(act.Detail, "attempt", strconv.FormatInt(seq, 10))
	notes := maps.Clone(act.Detail)
	err := g.store.View(ctx, func(tx store.Tx) error {
		if err := standing(ctx, tx, actor, act); err != nil {
			return err
		}
		return fn(ctx, tx, noteInto(&notes))
	})
	if err != nil {
		return g.failed(ctx, actor, act, err)
	}
	if _, err := g.record(ctx, entry(actor, act, OK, notes)); err != nil {
		return unrecorded(err)
	}
	return nil
}

// Entries lists the trail of the actor's owner, and of core.Org that of every
// owner, newest first: at most limit entries older than before, where a zero
// before starts at the newest.
func (g *Guard) Entries(ctx context.Context, actor core.Actor, before time.Time, limit int) ([]Listed, error) {
	var out []Listed
	err := g.Read(ctx, actor, Act{Action: AuditList, Subject: "audit"}, func(ctx context.Context, tx store.Tx) error {
		list := func() ([]core.AuditEntry, error) { return tx.Audit().List(ctx, actor.Owner, before, limit) }
		if actor.Owner == core.Org {
			list = func() ([]core.AuditEntry, error) { return tx.Audit().ListAll(ctx, before, limit) }
		}
		entries, err := list()
		if err == nil {
			out, err = named(ctx, tx, actor, entries)
		}
		return err
	})
	return out, err
}

func (a Act) of(actor core.Actor) Act {
	if a.Owner == (core.Owner{}) {
		a.Owner = actor.Owner
	}
	return a
}

// allow authorizes, and records a denial.
func (g *Guard) allow(ctx context.Context, actor core.Actor, act Act) error {
	err := authorize(actor, act)
	if err == nil {
		return nil
	}
	_, rec := g.record(ctx, entry(actor, act, Denied, act.Detail))
	return both(err, rec)
}

// failed records that an act failed, by the error's code.
func (g *Guard) failed(ctx context.Context, actor core.Actor, act Act, err error) error {
	detail := with(act.Detail, "code", string(core.CodeOf(err)))
	if e, ok := errors.AsType[*core.Error](err); ok && e.Reason != "" {
		detail["reason"] = e.Reason
	}
	_, rec := g.record(ctx, entry(actor, act, Failed, detail))
	return both(err, rec)
}

// record writes one entry in a transaction of its own, also when ctx has ended
// meanwhile: what happened is written down whether anybody waits for it or not.
func (g *Guard) record(ctx context.Context, e core.AuditEntry) (seq int64, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordFor)
	defer cancel()
	err = g.store.Update(ctx, func(tx store.Tx) error {
		seq, err = g.add(ctx, tx, e)
		return err
	})
	return seq, err
}

func entry(actor core.Actor, act Act, outcome string, detail map[string]string) core.AuditEntry {
	return core.AuditEntry{
		Actor: actor, Action: act.Action, Owner: act.Owner, Subject: act.Subject,
		Outcome: outcome, Detail: detail,
	}
}

func noteInto(m *map[string]string) Note {
	return func(key, value string) {
		if *m == nil {
			*m = map[string]string{}
		}
		(*m)[key] = value
	}
}

func with(m map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range m {
		if k != key {
			out[k] = v
		}
	}
	return out
}

// both keeps the act's own error first: it is the one that people see.
func both(err, rec error) error {
	if rec == nil {
		return err
	}
	return errors.Join(err, fmt.Errorf("and it could not be recorded: %w", rec))
}

func unrecorded(err error) error {
	return core.Errorf(core.Unavailable, "nothing was handed out, since the audit trail could not be written").
		WithHint("keyfob doctor says what is wrong with the vault's files").Wrap(err)
}

package guard

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// noting is the state that a change sees. Whatever it writes is noted for the
// change's entry, with what the change found there, so that no use case can forget
// it. What legitimately changes outside of the trail passes through: health, usage,
// renewals, when a token was used, and that what is over is swept away.
type noting struct {
	store.Tx
	subject string // of the entry
	notes   *map[string]string
	first   map[string]row // what the change found of each record that it wrote
}

func newNoting(tx store.Tx, act Act, notes *map[string]string) noting {
	return noting{tx, act.Subject, notes, map[string]row{}}
}

// wrote notes a record as it is stored now, and what was in its place.
func (n noting) wrote(r record, was row) {
	delete(*n.notes, removedKey+r.key)
	n.note(wroteKey+r.key, r.text()+" was "+n.found(r.key, was).text(), r.subject)
}

// removed notes the end of a record. What the change wrote of it before that does
// not count.
func (n noting) removed(key, subject string, was row) {
	delete(*n.notes, wroteKey+key)
	n.note(removedKey+key, "was "+n.found(key, was).text(), subject)
}

// found is what the change found of the record at first, in however many steps it
// wrote it.
func (n noting) found(key string, was row) row {
	if first, ok := n.first[key]; ok {
		return first
	}
	n.first[key] = was
	return was
}

func (n noting) note(key, text, subject string) {
	if subject != "" && subject != n.subject {
		text += " of " + subject
	}
	noteInto(n.notes)(key, text)
}

// ledger notes the writes of one kind of record, where they do not fail.
type ledger[T any] struct {
	n noting
	kind[T]
}

// in is the kind's ledger of one change.
func (k kind[T]) in(n noting) ledger[T] { return ledger[T]{n, k} }

func (l ledger[T]) made(x T, err error) error {
	if err == nil {
		l.n.wrote(l.of(x).summed(), nothing)
	}
	return err
}

// changed runs what writes the record with this id; now is the record then.
func (l ledger[T]) changed(ctx context.Context, id string, write func() error, now func() (record, error)) error {
	was, err := l.before(ctx, id)
	if err != nil {
		return err
	}
	if err := write(); err != nil {
		return err
	}
	r, err := now()
	if err == nil {
		l.n.wrote(r.summed(), was.row)
	}
	return err
}

// edited is changed, where the write replaces a part of the record: the whole is
// read again.
func (l ledger[T]) edited(ctx context.Context, id string, write func() error) error {
	return l.changed(ctx, id, write, func() (record, error) { return l.stored(ctx, l.n.Tx, id) })
}

func (l ledger[T]) ended(ctx context.Context, id string, write func() error) error {
	was, err := l.before(ctx, id)
	if err == nil {
		err = write()
	}
	if err == nil {
		l.n.removed(keyOf(l.name, id), was.subject, was.row)
	}
	return err
}

// before is the record as the change finds it. One that cannot be read is no
// obstacle, such as to its removal, and a finding.
func (l ledger[T]) before(ctx context.Context, id string) (record, error) {
	r, err := l.stored(ctx, l.n.Tx, id)
	switch core.CodeOf(err) {
	case core.NotFound: // the write says so, too
		return record{row: nothing}, nil
	case core.Internal:
		return record{row: unreadable}, nil
	}
	return r.summed(), err
}

// versioned is a port of records with versions of their own.
type versioned[T any] interface {
	Create(ctx context.Context, x T) error
	Update(ctx context.Context, x T, expect int64) error
	Delete(ctx context.Context, id string, expect int64) error
}

type edits[T any] struct {
	ledger[T]
	to versioned[T]
}

func (e edits[T]) Create(ctx context.Context, x T) error { return e.made(x, e.to.Create(ctx, x)) }

func (e edits[T]) Update(ctx context.Context, x T, expect int64) error {
	return e.updated(ctx, x, expect+1, func() error { return e.to.Update(ctx, x, expect) })
}

func (e edits[T]) Delete(ctx context.Context, id string, expect int64) error {
	return e.ended(ctx, id, func() error { return e.to.Delete(ctx, id, expect) })
}

// updated is changed, where the write makes the record x at this version.
func (l ledger[T]) updated(ctx context.Context, x T, version int64, write func() error) error {
	r := l.of(x)
	r.version = version
	return l.changed(ctx, idOf(r.key), write, func() (record, error) { return r, nil })
}

// issued notes tokens and browser sessions.
type issued[T any] struct {
	store.Bearers[T]
	l ledger[T]
}

func (i issued[T]) Create(ctx context.Context, x T) error {
	return i.l.made(x, i.Bearers.Create(ctx, x))
}

func (i issued[T]) Delete(ctx context.Context, id string) error {
	return i.l.ended(ctx, id, func() error { return i.Bearers.Delete(ctx, id) })
}

func (i issued[T]) DeleteAll(ctx context.Context, userID string) (int, error) {
	return i.l.endedAll(ctx, userID, i.List, i.Bearers.DeleteAll)
}

// endedAll runs what removes all of a user's records.
func (l ledger[T]) endedAll(ctx context.Context, userID string, list func(context.Context, string) ([]T, error), write func(context.Context, string) (int, error)) (int, error) {
	all, err := list(ctx, userID)
	if err != nil {
		return 0, err
	}
	count, err := write(ctx, userID)
	if err != nil {
		return 0, err
	}
	for _, x := range all {
		r := l.of(x).summed()
		l.n.removed(r.key, r.subject, r.row)
	}
	return count, nil
}

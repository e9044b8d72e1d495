package sqlite

import (
	"context"
	"errors"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

type audit struct{ *tx }

const auditColumns = `writer, seq, at, actor_kind, actor_id, actor_owner, action, owner, subject, outcome, detail, prev_hash, hash`

func scanEntry(row scanner) (core.AuditEntry, error) {
	var e core.AuditEntry
	err := row.Scan(&e.Writer, &e.Seq, instant{&e.At}, &e.Actor.Kind, &e.Actor.ID, owner{&e.Actor.Owner}, &e.Action,
		owner{&e.Owner}, &e.Subject, &e.Outcome, object{&e.Detail}, &e.PrevHash, &e.Hash)
	return e, err
}

func (r audit) Head(ctx context.Context, writer string) (core.AuditEntry, error) {
	return one(ctx, r.tx, "the writer has no entry yet", scanEntry,
		`SELECT `+auditColumns+` FROM audit WHERE writer = ? ORDER BY seq DESC LIMIT 1`, writer)
}

func (r audit) Append(ctx context.Context, e core.AuditEntry) error {
	if !textual(e.Detail) {
		return core.Errorf(core.Invalid, "an audit entry's detail is not UTF-8").WithHint("use names that are text")
	}
	head, err := one(ctx, r.tx, "", scanValue[int64], `SELECT coalesce(max(seq), 0) FROM audit WHERE writer = ?`, e.Writer)
	if err != nil {
		return err
	}
	if e.Seq != head+1 {
		return core.Errorf(core.Conflict, "the audit chain of %s is at entry %d, not %d", e.Writer, head, e.Seq-1).
			WithReason("stale_version").WithHint("read the head again and retry")
	}
	err = r.insert(ctx, "audit", auditColumns,
		e.Writer, e.Seq, micros(e.At), e.Actor.Kind, e.Actor.ID, ownerText(e.Actor.Owner), e.Action,
		ownerText(e.Owner), e.Subject, e.Outcome, jsonText(e.Detail), e.PrevHash, e.Hash)
	return r.s.fault(err)
}

func (r audit) List(ctx context.Context, o core.Owner, before time.Time, limit int) ([]core.AuditEntry, error) {
	return r.newest(ctx, before, limit, `owner = ? AND `, ownerText(o))
}

func (r audit) ListAll(ctx context.Context, before time.Time, limit int) ([]core.AuditEntry, error) {
	return r.newest(ctx, before, limit, "")
}

// newest is a page. It never ends between entries of one microsecond, or the
// next page, which begins below it, would miss some.
func (r audit) newest(ctx context.Context, before time.Time, limit int, where string, args ...any) ([]core.AuditEntry, error) {
	if limit <= 0 {
		return nil, nil
	}
	until := micros(before)
	if before.IsZero() {
		until = micros(core.Forever)
	}
	var out []core.AuditEntry
	size := 0
	err := r.each(ctx, func(row scanner) error {
		e, err := scanEntry(row)
		if err != nil {
			return r.s.fault(err)
		}
		if size > store.MaxAuditPage && !e.At.Equal(out[len(out)-1].At) {
			return errFull
		}
		for k, v := range e.Detail {
			size += len(k) + len(v)
		}
		out = append(out, e)
		return nil
	}, `SELECT `+auditColumns+` FROM audit WHERE `+where+`at < ? ORDER BY at DESC, seq DESC, writer LIMIT ?`,
		append(args, until, limit+1)...)
	if errors.Is(err, errFull) {
		err = nil
	}
	return page(out, limit), err
}

func page(entries []core.AuditEntry, limit int) []core.AuditEntry {
	if len(entries) <= limit {
		return entries
	}
	for n := limit; n > 0; n-- {
		if !entries[n].At.Equal(entries[n-1].At) {
			return entries[:n]
		}
	}
	return entries[:limit]
}

func (r audit) Walk(ctx context.Context, writer string, fn func(core.AuditEntry) error) error {
	return r.each(ctx, func(row scanner) error {
		e, err := scanEntry(row)
		if err != nil {
			return r.s.fault(err)
		}
		return fn(e)
	}, `SELECT `+auditColumns+` FROM audit WHERE writer = ? ORDER BY seq`, writer)
}

func (r audit) After(ctx context.Context, writer string, seq int64, limit int) ([]core.AuditEntry, error) {
	return all(ctx, r.tx, scanEntry,
		`SELECT `+auditColumns+` FROM audit WHERE writer = ? AND seq > ? ORDER BY seq LIMIT ?`, writer, seq, max(limit, 0))
}

// writers finds each writer by one step in the index, however long its chain is.
const writers = `WITH RECURSIVE w (writer) AS (SELECT min(writer) FROM audit
	UNION ALL SELECT (SELECT min(writer) FROM audit WHERE writer > w.writer) FROM w WHERE w.writer IS NOT NULL) `

func (r audit) Heads(ctx context.Context) ([]core.Head, error) {
	return all(ctx, r.tx, func(row scanner) (h core.Head, err error) {
		err = row.Scan(&h.Writer, &h.Seq, &h.Hash)
		return h, err
	}, writers+`SELECT a.writer, a.seq, a.hash FROM w JOIN audit a
		ON a.writer = w.writer AND a.seq = (SELECT max(seq) FROM audit WHERE writer = w.writer) ORDER BY a.writer`)
}

func (r audit) Writers(ctx context.Context) ([]string, error) {
	return all(ctx, r.tx, scanValue[string], writers+`SELECT writer FROM w WHERE writer IS NOT NULL ORDER BY writer`)
}

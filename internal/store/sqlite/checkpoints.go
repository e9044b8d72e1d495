package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"unicode/utf8"

	"keyfob/internal/core"
)

type checkpoints struct{ *tx }

const checkpointColumns = `number, at, heads, prev_hash, hash, key_id, signature`

// storedHead is a head as it stands in a checkpoint's row.
type storedHead struct {
	Writer string `json:"writer"`
	Seq    int64  `json:"seq"`
	Hash   []byte `json:"hash"`
}

// heads scans the heads of a checkpoint.
type heads struct{ to *[]core.Head }

// Scan implements sql.Scanner.
func (h heads) Scan(src any) error {
	var s sql.NullString
	var stored []storedHead
	if err := s.Scan(src); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(s.String), &stored); err != nil {
		return err
	}
	*h.to = nil
	for _, x := range stored {
		*h.to = append(*h.to, core.Head(x))
	}
	return nil
}

func headsText(list []core.Head) (string, error) {
	stored := make([]storedHead, 0, len(list))
	for _, h := range list {
		if !utf8.ValidString(h.Writer) {
			return "", core.Errorf(core.Invalid, "a writer's name is not UTF-8").WithHint("use names that are text")
		}
		stored = append(stored, storedHead(h))
	}
	b, _ := json.Marshal(stored) // text, numbers and bytes always marshal
	return string(b), nil
}

func scanCheckpoint(row scanner) (core.Checkpoint, error) {
	var c core.Checkpoint
	err := row.Scan(&c.Number, instant{&c.At}, heads{&c.Heads}, &c.PrevHash, &c.Hash, &c.KeyID, &c.Signature)
	return c, err
}

func (r checkpoints) Last(ctx context.Context) (core.Checkpoint, error) {
	return one(ctx, r.tx, "there is no checkpoint yet", scanCheckpoint,
		`SELECT `+checkpointColumns+` FROM checkpoint ORDER BY number DESC LIMIT 1`)
}

func (r checkpoints) Append(ctx context.Context, c core.Checkpoint) error {
	text, err := headsText(c.Heads)
	if err != nil {
		return err
	}
	last, err := one(ctx, r.tx, "", scanValue[int64], `SELECT coalesce(max(number), 0) FROM checkpoint`)
	if err != nil {
		return err
	}
	if c.Number != last+1 {
		return core.Errorf(core.Conflict, "the newest checkpoint is %d, not %d", last, c.Number-1).
			WithReason("stale_version").WithHint("read the newest one again and retry")
	}
	err = r.insert(ctx, "checkpoint", checkpointColumns,
		c.Number, micros(c.At), text, c.PrevHash, c.Hash, c.KeyID, c.Signature)
	return r.s.fault(err)
}

func (r checkpoints) After(ctx context.Context, number int64, limit int) ([]core.Checkpoint, error) {
	return all(ctx, r.tx, scanCheckpoint,
		`SELECT `+checkpointColumns+` FROM checkpoint WHERE number > ? ORDER BY number LIMIT ?`, number, max(limit, 0))
}

func (r checkpoints) Walk(ctx context.Context, fn func(core.Checkpoint) error) error {
	return r.each(ctx, func(row scanner) error {
		c, err := scanCheckpoint(row)
		if err != nil {
			return r.s.fault(err)
		}
		return fn(c)
	}, `SELECT `+checkpointColumns+` FROM checkpoint ORDER BY number`)
}

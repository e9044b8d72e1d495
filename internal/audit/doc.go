// Package audit is the form of the audit trail: how an entry is hashed into its
// writer's chain, what a checkpoint signs, how both stand in a file, and what
// can be shown from them without any store. docs/formats.md describes the file.
package audit

import (
	"bytes"
	"errors"
	"maps"
	"strconv"

	"keyfob/internal/core"
)

// Every is how many entries of one writer may follow each other without a
// checkpoint: one whose number is a multiple of it carries one with it.
const Every = 32

// checkpointKey is the key of an entry's Detail that names the checkpoint which
// was signed in the same transaction and covers the entry. So a checkpoint
// cannot be taken away without a trace in the chain.
const checkpointKey = "checkpoint"

// Mention writes into an entry which checkpoint is signed with it.
func Mention(e *core.AuditEntry, number int64) {
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail[checkpointKey] = strconv.FormatInt(number, 10)
}

// Unmention takes away what looks like a mention, for entries without one.
func Unmention(e *core.AuditEntry) { delete(e.Detail, checkpointKey) }

// Mentions says whether a checkpoint is signed with the entry.
func Mentions(e core.AuditEntry) bool {
	_, ok := mentioned(e)
	return ok
}

func mentioned(e core.AuditEntry) (number int64, ok bool) {
	n, err := strconv.ParseInt(e.Detail[checkpointKey], 10, 64)
	return n, err == nil
}

// Position says how far a copy of the trail reaches: the newest entry of each
// writer, by writer, and the newest checkpoint. The zero value is before all.
type Position struct {
	Heads          map[string]core.Head
	Checkpoint     int64
	CheckpointHash []byte
}

// Clone is a copy that shares nothing.
func (p Position) Clone() Position {
	p.Heads = maps.Clone(p.Heads)
	return p
}

// Entry moves the position past an entry.
func (p *Position) Entry(e core.AuditEntry) {
	if p.Heads == nil {
		p.Heads = map[string]core.Head{}
	}
	p.Heads[e.Writer] = core.Head{Writer: e.Writer, Seq: e.Seq, Hash: e.Hash}
}

// Took moves the position past a checkpoint.
func (p *Position) Took(c core.Checkpoint) { p.Checkpoint, p.CheckpointHash = c.Number, c.Hash }

// Line moves the position past a line of a file. A header and a checkpoint say
// by themselves where they stand; a trailer is an error.
func (p *Position) Line(line []byte) error {
	l, err := ParseLine(line)
	switch {
	case err != nil:
		return err
	case l.Entry != nil:
		p.Entry(*l.Entry)
	case l.Checkpoint != nil:
		p.Heads = map[string]core.Head{}
		for _, h := range l.Checkpoint.Heads {
			p.Heads[h.Writer] = h
		}
		p.Took(*l.Checkpoint)
	case l.Header != nil:
		*p = l.Header.After.Clone()
	default:
		return errors.New("it closes the file")
	}
	return nil
}

// Equal says whether both are the same place of the same trail.
func (p Position) Equal(o Position) bool {
	same := func(a, b core.Head) bool { return a.Seq == b.Seq && bytes.Equal(a.Hash, b.Hash) }
	return p.Checkpoint == o.Checkpoint && bytes.Equal(p.CheckpointHash, o.CheckpointHash) && maps.EqualFunc(p.Heads, o.Heads, same)
}

package guard

import (
	"context"
	"math"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

// feedPage is how many entries are read at once: they are small but for those of
// manifests and imports, which name up to some thousand secrets.
const feedPage = 64

// feed reads the whole trail, from a position on, in the order of its files:
// each checkpoint behind the entries that it names as heads, and the entries
// that none covers last. It keeps one page per writer.
type feed struct {
	tx          store.Tx
	at          audit.Position
	entry       func(core.AuditEntry) error
	checkpoint  func(core.Checkpoint) error
	damaged     func(writer string) error // the next entry cannot be read; nil: an error
	damagedNext func() error              // the next checkpoint cannot be read; nil: an error

	writers map[string]*cursor
}

type cursor struct {
	seq  int64 // of the newest that was read
	at   int64 // of the newest that was handed on
	page []core.AuditEntry
	over bool
}

func (f *feed) run(ctx context.Context) error {
	f.writers = map[string]*cursor{}
	number := f.at.Checkpoint
	for {
		list, err := f.tx.Checkpoints().After(ctx, number, feedPage)
		if err != nil && core.CodeOf(err) == core.Internal && f.damagedNext != nil {
			if err := f.damagedNext(); err != nil {
				return err
			}
			break
		}
		if err != nil {
			return err
		}
		for _, c := range list {
			number = c.Number
			if err := f.upTo(ctx, c); err != nil {
				return err
			}
		}
		if len(list) < feedPage {
			break
		}
	}
	return f.rest(ctx)
}

func (f *feed) upTo(ctx context.Context, c core.Checkpoint) error {
	for _, h := range c.Heads {
		if err := f.drain(ctx, h.Writer, h.Seq); err != nil {
			return err
		}
	}
	return f.checkpoint(c)
}

func (f *feed) rest(ctx context.Context) error {
	names, err := f.tx.Audit().Writers(ctx)
	if err != nil {
		return err
	}
	for _, w := range names {
		if err := f.drain(ctx, w, math.MaxInt64); err != nil {
			return err
		}
	}
	return nil
}

// drain hands on a writer's entries up to the one numbered seq.
func (f *feed) drain(ctx context.Context, writer string, seq int64) error {
	c := f.writers[writer]
	if c == nil {
		// From the lowest number there is: what somebody put before the first
		// entry is to be seen too.
		c = &cursor{seq: math.MinInt64, at: math.MinInt64}
		if h, ok := f.at.Heads[writer]; ok {
			c.seq, c.at = h.Seq, h.Seq
		}
		f.writers[writer] = c
	}
	for {
		if len(c.page) == 0 {
			if err := f.fill(ctx, writer, c); err != nil || len(c.page) == 0 {
				return err
			}
		}
		// Where the one numbered seq is missing, the one behind it shows that.
		if c.page[0].Seq > seq && c.at >= seq {
			return nil
		}
		e := c.page[0]
		c.page, c.at = c.page[1:], e.Seq
		if err := f.entry(e); err != nil {
			return err
		}
	}
}

// fill reads the next page. Where that cannot be read, entries are read one by
// one up to the damaged one, which then ends the writer's.
func (f *feed) fill(ctx context.Context, writer string, c *cursor) error {
	if c.over {
		return nil
	}
	list, err := f.tx.Audit().After(ctx, writer, c.seq, feedPage)
	if core.CodeOf(err) == core.Internal && f.damaged != nil {
		if list, err = f.tx.Audit().After(ctx, writer, c.seq, 1); core.CodeOf(err) == core.Internal {
			c.over = true
			return f.damaged(writer)
		}
		if err != nil {
			return err
		}
	} else if err == nil {
		c.over = len(list) < feedPage
	}
	if err != nil {
		return err
	}
	if len(list) == 0 {
		c.over = true
		return nil
	}
	c.page, c.seq = list, list[len(list)-1].Seq
	return nil
}

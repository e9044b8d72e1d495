package audit

import (
	"bytes"
	"fmt"

	"keyfob/internal/core"
)

// gap is a place where an entry is missing, until it comes too late.
type gap struct {
	problem int    // which one reports it, from 1; 0: there is no gap
	next    string // what came in its place
}

// gap is that of the problem reported last.
func (c *Checker) gap(next string) gap {
	n := len(c.found.Problems)
	if n > MaxProblems {
		return gap{}
	}
	return gap{problem: n, next: next}
}

// late looks at an entry behind a gap: where it is the very one that was missing
// there, nothing was taken away, and the order was changed.
func (c *Checker) late(s *chain, e core.AuditEntry) {
	if s.gap.problem == 0 || e.Seq != s.seq+1 || !bytes.Equal(e.PrevHash, s.hash) || !bytes.Equal(e.Hash, Hash(e)) {
		return
	}
	p := &c.found.Problems[s.gap.problem-1]
	p.Message = fmt.Sprintf("the chain of %s is broken at entry %d: it and %s are in the wrong order", e.Writer, e.Seq, s.gap.next)
	p.locate()
	s.gap = gap{}
}

// An entry is looked for under this many numbers on either side of its own, and
// not at all where it is so long that this would take a while.
const (
	nearby   = 64
	longText = 64 << 10
)

// numbered is the number under which an entry was written that stands in the
// place of the next one: its hash covers that. 0: it was not moved, but changed.
func (c *Checker) numbered(s *chain, e core.AuditEntry) int64 {
	size := len(e.Subject)
	for k, v := range e.Detail {
		size += len(k) + len(v)
	}
	if e.Seq != s.seq+1 || size > longText || len(c.found.Problems) >= MaxProblems || bytes.Equal(e.Hash, Hash(e)) {
		return 0
	}
	at := e.Seq
	for n := max(1, at-nearby); n <= at+nearby; n++ {
		if e.Seq = n; bytes.Equal(e.Hash, Hash(e)) {
			return n
		}
	}
	return 0
}

package audit

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"maps"
	"slices"

	"keyfob/internal/core"
)

// Checker holds entries and checkpoints against each other as they come: each
// writer's entries in order, and each checkpoint behind the entries that it
// names as heads. It keeps one state per writer, however long the chains are.
type Checker struct {
	found Verification
	key   ed25519.PublicKey
	line  int64 // of the file; 0: of a store

	chains    map[string]*chain
	last      core.Checkpoint // the newest that came, sound or not; of an unsound one its number and hash alone
	foreign   int64           // the first of the newest run of checkpoints by another key; 0: none
	own       int64           // the newest by the key to verify with; 0: none
	started   int64           // entries that the first checkpoint covers
	mentioned map[int64]mention
}

type chain struct {
	seq, covered int64
	hash         []byte
	coveredLine  int64
	broken       bool // behind a broken link nothing is known
	signing      bool // one of its entries carried a checkpoint

	// bare is the first entry since the last checkpoint that carries none and
	// should; 0: none. One is no finding: a process that still has the key from
	// before a change of the root key cannot sign, and the next one covers it.
	bare, bareLine int64

	gap gap // where it is broken by what is not there
}

type mention struct {
	writer string
	seq    int64
}

// NewChecker starts before all entries. key is the one whose signatures count;
// without one no checkpoint does.
func NewChecker(key ed25519.PublicKey) *Checker {
	return &Checker{key: key, chains: map[string]*chain{}, mentioned: map[int64]mention{}}
}

func (c *Checker) chain(writer string) *chain {
	s := c.chains[writer]
	if s == nil {
		s = &chain{}
		c.chains[writer] = s
	}
	return s
}

// Entry takes the next entry of its writer, and says whether it belongs to what
// holds together.
func (c *Checker) Entry(e core.AuditEntry) bool {
	s := c.chain(e.Writer)
	if s.broken {
		c.late(s, e)
		return false
	}
	if seq, why := s.misfit(e); why != "" {
		if n := c.numbered(s, e); n > 0 {
			why = fmt.Sprintf("it and entry %d are in the wrong order", n)
		}
		c.breakAt(e.Writer, s, seq, fmt.Sprintf("the chain of %s is broken at entry %d: %s", e.Writer, seq, why))
		if e.Seq > s.seq+1 {
			s.gap = c.gap(fmt.Sprintf("entry %d", e.Seq))
		}
		return false
	}
	s.seq, s.hash = e.Seq, e.Hash
	c.mention(s, e)
	return true
}

// Unreadable says that the writer's next entry is there and cannot be read.
func (c *Checker) Unreadable(writer string) {
	if s := c.chain(writer); !s.broken {
		c.breakAt(writer, s, s.seq+1, fmt.Sprintf("the chain of %s is broken at entry %d: it cannot be read", writer, s.seq+1))
	}
}

// UnreadableCheckpoint says that the next checkpoint is there and cannot be read.
func (c *Checker) UnreadableCheckpoint() {
	c.problem(c.last.Number+1, "it cannot be read, nor is any behind it looked at")
	clear(c.mentioned)
}

func (c *Checker) breakAt(writer string, s *chain, seq int64, message string) {
	s.broken = true
	c.found.Report(Problem{Writer: writer, Seq: seq, Line: c.line, Message: message})
}

// misfit says why e cannot follow what the chain has, and which entry is at
// fault; "" where it follows.
func (s *chain) misfit(e core.AuditEntry) (seq int64, why string) {
	switch {
	case e.Seq <= s.seq:
		return e.Seq, "it stands there again, out of its order"
	case e.Seq != s.seq+1:
		return s.seq + 1, fmt.Sprintf("it is missing, entry %d comes next", e.Seq)
	case !bytes.Equal(e.PrevHash, s.hash):
		return e.Seq, "it does not follow the entry before it"
	case !bytes.Equal(e.Hash, Hash(e)):
		return e.Seq, "its content was changed after it was written"
	}
	return 0, ""
}

// mention takes down which checkpoint must follow the entry.
func (c *Checker) mention(s *chain, e core.AuditEntry) {
	n, ok := mentioned(e)
	switch {
	case ok:
		s.signing = true
		if n > c.last.Number {
			c.mentioned[n] = mention{e.Writer, e.Seq}
			return
		}
		c.found.Report(Problem{Writer: e.Writer, Seq: e.Seq, Checkpoint: n, Line: c.line, Message: fmt.Sprintf(
			"entry %d of %s was signed with checkpoint %d, which stands before it: a checkpoint was replaced", e.Seq, e.Writer, n)})
	case s.signing && s.bare == 0 && e.Seq%Every == 0:
		s.bare, s.bareLine = e.Seq, c.line
	}
}

// Checkpoint takes the next checkpoint, and says whether it is sound itself.
func (c *Checker) Checkpoint(p core.Checkpoint) bool {
	last := c.last
	if !bytes.Equal(p.Hash, CheckpointHash(p)) {
		// Its number may be a part of what was changed: it stands for the next.
		delete(c.mentioned, last.Number+1)
		c.last = core.Checkpoint{Number: last.Number + 1, Hash: p.Hash}
		c.problem(p.Number, "its content was changed after it was signed")
		return false
	}
	if p.Number <= last.Number {
		c.problem(p.Number, fmt.Sprintf("it stands behind checkpoint %d", last.Number))
		return false
	}
	if p.Number > last.Number+1 {
		c.missing(p.Number)
	}
	why := c.unsound(p)
	delete(c.mentioned, p.Number)
	c.last = p
	if why != "" {
		c.problem(p.Number, why)
		return false
	}
	c.found.Checkpoints++
	c.compare(p, last.Number == 0)
	return true
}

func (c *Checker) problem(number int64, why string) {
	c.found.Report(Problem{Checkpoint: number, Line: c.line, Message: fmt.Sprintf("checkpoint %d is not sound: %s", number, why)})
}

func (c *Checker) missing(next int64) {
	c.found.Report(Problem{Checkpoint: c.last.Number + 1, Line: c.line, Message: fmt.Sprintf(
		"checkpoint %d is missing, checkpoint %d comes next", c.last.Number+1, next)})
	maps.DeleteFunc(c.mentioned, func(n int64, _ mention) bool { return n < next })
}

// unsound says what is wrong with a checkpoint behind the one before it, or "".
func (c *Checker) unsound(p core.Checkpoint) string {
	m, named := c.mentioned[p.Number]
	switch {
	case p.Number == c.last.Number+1 && !bytes.Equal(p.PrevHash, c.last.Hash):
		return "it does not follow the checkpoint before it"
	case c.key != nil && p.KeyID == KeyID(c.key) && !signed(c.key, p):
		return "its signature is not right: somebody without the key made or changed it"
	case named && !slices.ContainsFunc(p.Heads, func(h core.Head) bool { return h.Writer == m.writer && h.Seq == m.seq }):
		return fmt.Sprintf("it is not the one that entry %d of %s was signed with", m.seq, m.writer)
	}
	return ""
}

// compare holds a sound checkpoint against the chains. One by another key counts
// only once one by the known key follows it, since each covers those before it.
func (c *Checker) compare(p core.Checkpoint, first bool) {
	known := c.key != nil && p.KeyID == KeyID(c.key)
	if known {
		c.foreign, c.own = 0, p.Number
	} else if c.foreign == 0 {
		c.foreign = p.Number
	}
	for _, h := range p.Heads {
		if first {
			c.started += h.Seq
		}
		c.head(p, h, known)
	}
}

func (c *Checker) head(p core.Checkpoint, h core.Head, known bool) {
	s := c.chain(h.Writer)
	switch {
	case s.broken:
	case s.seq < h.Seq:
		c.breakAt(h.Writer, s, s.seq+1, fmt.Sprintf("the chain of %s was cut off at entry %d: checkpoint %d was signed when it had %d entries",
			h.Writer, s.seq+1, p.Number, h.Seq))
		s.gap = c.gap(fmt.Sprintf("checkpoint %d", p.Number))
	case s.seq > h.Seq:
		c.found.Report(Problem{Writer: h.Writer, Seq: h.Seq, Checkpoint: p.Number, Line: c.line, Message: fmt.Sprintf(
			"checkpoint %d is not in its place: it was signed at entry %d of %s and stands behind entry %d", p.Number, h.Seq, h.Writer, s.seq)})
	case !bytes.Equal(s.hash, h.Hash):
		c.breakAt(h.Writer, s, s.covered+1, fmt.Sprintf("entries %d to %d of %s%s are not those that checkpoint %d was signed over: at least one was replaced",
			s.covered+1, s.seq, h.Writer, c.lines(s), p.Number))
	case known:
		s.covered, s.coveredLine, s.bare = s.seq, c.line, 0
	}
}

// lines says between which lines of a file the entries stand that no checkpoint
// has covered so far.
func (c *Checker) lines(s *chain) string {
	if c.line == 0 {
		return ""
	}
	return fmt.Sprintf(" (between lines %d and %d)", s.coveredLine, c.line)
}

// start puts the state to where a file's header says that the file goes on.
func (c *Checker) start(after Position) {
	c.chains = map[string]*chain{}
	for _, h := range after.Heads {
		c.chains[h.Writer] = &chain{seq: h.Seq, hash: h.Hash, covered: h.Seq, coveredLine: c.line}
	}
	c.last = core.Checkpoint{Number: after.Checkpoint, Hash: after.CheckpointHash}
	clear(c.mentioned)
}

// position is where the state is.
func (c *Checker) position() Position {
	p := Position{Checkpoint: c.last.Number, CheckpointHash: c.last.Hash}
	for w, s := range c.chains {
		p.Entry(core.AuditEntry{Writer: w, Seq: s.seq, Hash: s.hash})
	}
	return p
}

// Finish says what was found, once everything came.
func (c *Checker) Finish() Verification {
	c.line = 0
	for _, n := range slices.Sorted(maps.Keys(c.mentioned)) {
		m := c.mentioned[n]
		c.found.Report(Problem{Writer: m.writer, Seq: m.seq, Checkpoint: n, Message: fmt.Sprintf(
			"checkpoint %d is missing: entry %d of %s was signed with it", n, m.seq, m.writer)})
	}
	if c.foreign > 0 {
		c.found.Report(Problem{Checkpoint: c.foreign, Message: c.handedOver()})
	}
	for _, w := range slices.Sorted(maps.Keys(c.chains)) {
		s := c.chains[w]
		if s.bare > 0 && s.seq-s.bare >= Every {
			c.found.Report(Problem{Writer: w, Seq: s.bare, Line: s.bareLine, Message: fmt.Sprintf(
				"the entries of %s from %d on carry no checkpoint, as one of %d does: they were added outside Keyfob, or by a process that has not the vault's key",
				w, s.bare, Every)})
		}
		c.found.Chains = append(c.found.Chains, Chain{Writer: w, Entries: s.seq, Head: s.hash, Covered: s.covered})
		c.found.Uncovered += s.seq - s.covered
	}
	c.found.Unproven = c.unproven()
	return c.found
}

// handedOver says what it means that another key signed last. Where the key to
// verify with signed before, the root key may just have been changed.
func (c *Checker) handedOver() string {
	other := fmt.Sprintf("the checkpoints from %d on are by another key (%s) than the one to verify with", c.foreign, c.last.KeyID)
	if c.own == 0 {
		return other
	}
	return fmt.Sprintf("%s, which signed until checkpoint %d: if that other key is the vault's own now, its root key was changed then, and that key proves the whole trail; if not, somebody else signed",
		other, c.own)
}

func (c *Checker) unproven() []string {
	var out []string
	if c.found.Uncovered > 0 {
		out = append(out, fmt.Sprintf("the last entries, %d of them: no signed checkpoint covers them yet", c.found.Uncovered))
	}
	if c.started > Every {
		out = append(out, fmt.Sprintf("the first %d entries as they were before the first checkpoint was signed over them", c.started))
	}
	return append(out, "a trail that was put back, as a whole, to an earlier state of itself: a copy kept elsewhere shows it")
}

// Broken says whether some chain is: what its rest said is not known.
func (c *Checker) Broken() bool {
	for _, s := range c.chains {
		if s.broken {
			return true
		}
	}
	return false
}

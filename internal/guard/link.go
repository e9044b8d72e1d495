package guard

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"keyfob/internal/audit"
)

// links holds what the entries say of one record against each other: what a
// change found is what the one before it wrote. The entries of a record may stand
// in several chains, and come in the order of the chains; so one whose forerunner
// has not come waits for it, at most until a checkpoint, behind which nothing older
// comes.
type links struct {
	waits  map[step][]said
	mixed  map[string]bool // records that an older program wrote, since the last checkpoint
	breaks []Problem
	crowd  int // how many known records are worth a look for those that are over

	since    time.Time // of the first entry that says what its change found
	older    bool      // there are entries that do not
	oldest   bool      // there are entries that know values alone, of a program that noted few kinds
	unlinked int       // notes that were not held against the one before
	unmade   int       // proofs that were made by a program that did not note them
}

// step is a version of a record.
type step struct {
	key     string
	version int64
}

func newLinks() links {
	return links{waits: map[step][]said{}, mixed: map[string]bool{}, crowd: 1000}
}

// say takes what an entry says of a record: at once where it goes on from what is
// known, and then what waited for it.
func (w *walker) say(s said) {
	if s.was.digest == "" {
		w.sayAlone(s)
	} else {
		if w.links.since.IsZero() || s.by.at.Before(w.links.since) {
			w.links.since = s.by.at
		}
		old, ok := w.known[s.key]
		if !s.follows(old, ok) {
			at := step{s.key, s.was.version}
			w.links.waits[at] = append(w.links.waits[at], s)
			return
		}
		w.know(s)
	}
	for next, ok := w.links.next(w.known[s.key]); ok; next, ok = w.links.next(next.known) {
		w.know(next)
	}
}

// follows says whether s found what is known, the row that the entry before it
// wrote.
func (s said) follows(old known, ok bool) bool {
	if !ok {
		return s.was.digest == nothing.digest
	}
	return !old.gone && s.was.version == old.version && s.was.digest == old.digest
}

// next takes out what waits for n.
func (l *links) next(n known) (said, bool) {
	at := step{n.key, n.version}
	list := l.waits[at]
	for i, s := range list {
		if !s.follows(n, true) {
			continue
		}
		if l.waits[at] = slices.Delete(list, i, i+1); len(list) == 1 {
			delete(l.waits, at)
		}
		return s, true
	}
	return said{}, false
}

// alone counts what an older program wrote, but for a record's first version,
// before which there was nothing.
func (l *links) alone(s said) {
	l.older = true
	l.oldest = l.oldest || s.loose || s.cipher != "" && s.digest == ""
	l.mixed[s.key] = true
	if !s.loose && (s.gone || s.version != 1) {
		l.unlinked++
	}
}

// settle looks at what still waits, where nothing older comes any more: its
// forerunner is not there, or is another. Of each record one break is reported; the
// newest counts on. Where a chain is broken the forerunner may stand behind that.
func (w *walker) settle() {
	broken := w.check.Broken()
	reported := ""
	for _, s := range w.links.rest() {
		old, ok := w.known[s.key]
		switch fits := s.follows(old, ok); {
		case !fits && ok && w.links.mixed[s.key] && (old.gone || !s.gone && !s.newer(old.record)):
			continue // an older program wrote it again since
		case !fits && !w.links.excuse(s, old, ok):
			if !broken && reported != s.key {
				w.links.report(s, old, ok)
			}
			if reported = s.key; ok && !s.after(old) {
				continue
			}
		}
		w.know(s)
	}
	clear(w.links.mixed)
}

// rest takes out all that waits, the entries of each record in their order.
func (l *links) rest() []said {
	var all []said
	for _, list := range l.waits {
		all = append(all, list...)
	}
	clear(l.waits)
	slices.SortFunc(all, func(a, b said) int {
		return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.was.version, b.was.version), cmp.Compare(a.version, b.version), a.by.at.Compare(b.by.at))
	})
	return all
}

// excuse says whether s is no finding, though nothing that is known fits: it
// found what had ended by itself and is forgotten, or what an older program made
// of which the trail does not have the row.
func (l *links) excuse(s said, old known, ok bool) bool {
	switch {
	case ok && !old.gone && old.digest == "":
		l.unlinked++
		return true
	case ok:
		return false
	case l.oldest && slices.Contains(notedLate, kindOf(s.key)):
		l.unlinked++
		return true
	}
	return s.was.over(s.by.at) || l.waited(s.key, s.by.at)
}

// notedLate are the kinds that the oldest programs did not note.
var notedLate = []string{kindProfile, kindPool, kindUser, kindToken, kindSession}

// proofLife is longer than any proof is good for.
const proofLife = time.Hour

// waited says whether a proof that the trail does not know may be one that an
// older program made, which did not note them: it was there at this time. It
// counts those.
func (l *links) waited(key string, at time.Time) bool {
	if kindOf(key) != kindProof || !l.older || !l.since.IsZero() && at.After(l.since.Add(proofLife)) {
		return false
	}
	l.unmade++
	return true
}

// report says what it means that s does not go on from what is known.
func (l *links) report(s said, old known, ok bool) {
	if len(l.breaks) > audit.MaxProblems {
		return
	}
	name := s.subject
	if ok {
		name = old.subject
	}
	l.breaks = append(l.breaks, Problem{Writer: s.by.writer, Seq: s.by.seq, Subject: name, Message: fmt.Sprintf("%s (%s) %s", name, s.key, s.broke(old, ok))})
}

func (s said) broke(old known, ok bool) string {
	if !ok {
		return fmt.Sprintf("was there for %s, and the trail does not know that it was made: it was added outside Keyfob, or was removed and put back", s.by)
	}
	if !s.after(old) {
		return fmt.Sprintf("was changed outside Keyfob between %s and %s: neither goes on from the other", s.by, old.by)
	}
	what, found := "was changed", "which found another row"
	switch {
	case s.was.digest == unreadable.digest:
		found = "which could not read it"
	case old.gone:
		what, found = "was put back", "which found what was removed"
	case s.was.digest == nothing.digest:
		what, found = "was removed", "which found nothing"
	case s.was.version < old.version:
		what, found = "was put back to an earlier state", fmt.Sprintf("which found version %d and not %d", s.was.version, old.version)
	}
	return fmt.Sprintf("%s outside Keyfob between %s and %s, %s", what, old.by, s.by, found)
}

package guard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

// walker takes from the trail what it says of the records, links that, and
// compares its end with what is stored. It keeps those that are there: of one that
// is gone, or that ended by itself, only until a checkpoint says that no chain holds
// anything older of it.
type walker struct {
	check  *audit.Checker
	found  *audit.Verification
	known  map[string]known // by the key of the record
	gone   []string         // keys of known ones, since the last checkpoint
	links  links
	owners map[core.Owner]bool
	now    time.Time
	broken bool // some chain is: what its rest said of the records is not known

	older   int               // records of which the trail knows the value alone
	strange map[string]string // subject of each stored record that the trail does not know, by key
	unread  map[string]bool   // kinds of which some could not be read
}

func newWalker(c *audit.Checker) *walker {
	return &walker{check: c, known: map[string]known{}, links: newLinks(), owners: map[core.Owner]bool{}, now: now(), strange: map[string]string{}, unread: map[string]bool{}}
}

func (w *walker) problem(p Problem) { w.found.Report(p) }

func (r row) over(at time.Time) bool { return !r.until.IsZero() && !r.until.After(at) }

// records compares those of every owner that the trail or the store knows.
func (w *walker) records(ctx context.Context, tx store.Tx) error {
	stored, err := tx.Vault().Owners(ctx)
	if core.CodeOf(err) == core.Internal {
		err = w.unreadable(ctx, tx, "", "owners of records", core.Owner{})
	}
	if err != nil {
		return err
	}
	for _, o := range stored {
		w.owners[o] = true
	}
	for _, all := range []func(context.Context, store.Tx) error{w.users, w.proofs} {
		if err := all(ctx, tx); err != nil {
			return err
		}
	}
	for _, o := range slices.SortedFunc(maps.Keys(w.owners), func(a, b core.Owner) int { return strings.Compare(a.String(), b.String()) }) {
		if err := w.owner(ctx, tx, o); err != nil {
			return err
		}
	}
	if err := w.strangers(ctx, tx); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(w.known)) {
		if n := w.known[key]; !n.gone && !n.loose && !n.over(w.now) && !w.broken && !w.unread[kindOf(key)] {
			w.problem(Problem{Subject: n.subject, Message: fmt.Sprintf("%s (%s) is missing: it was removed outside Keyfob, or the store was rolled back", n.subject, key)})
		}
	}
	return nil
}

// compare holds a stored record against the trail, and ticks it off.
func (w *walker) compare(r record) {
	n, told := w.known[r.key]
	delete(w.known, r.key)
	if r.over(w.now) {
		return
	}
	w.found.Records++
	if !told && w.links.waited(r.key, w.now) {
		return
	}
	r = r.summed()
	ok := told && !n.gone && !n.over(w.now)
	if w.broken && (!ok || r.value > n.value || r.version > n.version) {
		return // the entry may stand behind the broken link
	}
	if !ok {
		if len(w.strange) <= audit.MaxProblems {
			w.strange[r.key] = r.subject
		}
		return
	}
	if n.digest == "" {
		w.older++
	}
	why := n.differs(r)
	if why == "" {
		return
	}
	if n.digest != "" && n.subject != r.subject {
		why += "; the trail knows it as " + n.subject
	}
	w.problem(Problem{Subject: r.subject, Message: r.subject + " " + why})
}

// differs says how a stored record is not as the trail left it; "" where it is.
func (n known) differs(r record) string {
	switch {
	case n.cipher == "" && n.digest == "":
		return ""
	case r.value < n.value:
		return fmt.Sprintf("holds value version %d, the trail says %d: it was rolled back", r.value, n.value)
	case r.value > n.value:
		return fmt.Sprintf("holds value version %d, the trail knows %d: the end of the trail was cut off", r.value, n.value)
	case r.cipher != n.cipher:
		return "does not hold the ciphertext that was stored: it was changed outside Keyfob"
	case n.digest == "":
		return ""
	case r.version < n.version:
		return fmt.Sprintf("is at version %d, the trail says %d: it was rolled back", r.version, n.version)
	case r.version > n.version:
		return fmt.Sprintf("is at version %d, the trail knows %d: it was changed outside Keyfob, or the end of the trail was cut off", r.version, n.version)
	case r.digest != n.digest:
		return "is not as it was stored: it was changed outside Keyfob"
	}
	return ""
}

// strangers reports the records that the trail does not know, and reads it once
// more to tell those that it says are gone.
func (w *walker) strangers(ctx context.Context, tx store.Tx) error {
	if len(w.strange) == 0 {
		return nil
	}
	was := map[string]string{}
	entry := func(e core.AuditEntry) error {
		for k := range e.Detail {
			key, ended := strings.CutPrefix(k, removedKey)
			if !ended {
				key = strings.TrimPrefix(k, wroteKey)
			}
			if w.strange[key] != "" && e.Outcome == OK && was[key] != removedKey {
				was[key] = k[:len(k)-len(key)]
			}
		}
		return nil
	}
	pass := func(string) error { return nil }
	f := feed{tx: tx, entry: entry, checkpoint: func(core.Checkpoint) error { return nil }, damaged: pass, damagedNext: func() error { return nil }}
	if err := f.run(ctx); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(w.strange)) {
		why := "is not in the trail: it was added outside Keyfob, or the end of the trail was cut off"
		switch was[key] {
		case removedKey:
			why = "was deleted, and is there again: the store was rolled back"
		case wroteKey:
			why = "was over, and is good again: it was changed outside Keyfob"
		}
		if kind := kindOf(key); was[key] == removedKey && (kind == kindToken || kind == kindSession || kind == kindWorkspace || kind == kindProof) {
			why = "was revoked, and is good again: the store was rolled back"
		}
		w.problem(Problem{Subject: w.strange[key], Message: w.strange[key] + " " + why})
	}
	return nil
}

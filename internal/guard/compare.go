package guard

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

// known is what the trail last said of a record.
type known struct {
	record
	gone  bool
	loose bool // that it was made, and nothing of what it holds
}

// walker takes from the trail what it says of the records, and compares. It
// keeps those that are there: of one that is gone, only until a checkpoint says
// that no chain holds anything older of it.
type walker struct {
	check  *audit.Checker
	found  *audit.Verification
	known  map[string]known // by the key of the record
	gone   []string         // keys of known ones, since the last checkpoint
	owners map[core.Owner]bool
	now    time.Time
	broken bool // some chain is: what its rest said of the records is not known

	older   int               // records of which the trail knows the value alone
	strange map[string]string // subject of each stored record that the trail does not know, by key
	unread  map[string]bool   // kinds of which some could not be read
}

func newWalker(c *audit.Checker) *walker {
	return &walker{check: c, known: map[string]known{}, owners: map[core.Owner]bool{}, now: now(), strange: map[string]string{}, unread: map[string]bool{}}
}

func (w *walker) problem(p Problem) { w.found.Report(p) }

// take keeps what an entry says of stored records. Of an act that failed nothing
// was stored.
func (w *walker) take(e core.AuditEntry) {
	w.owners[e.Owner] = true
	if e.Outcome != OK {
		return
	}
	for k, v := range e.Detail {
		if key, ok := strings.CutPrefix(k, wroteKey); ok {
			w.wrote(known{record: parseRecord(key, v, e.Subject)})
		}
	}
	for k := range e.Detail {
		if key, ok := strings.CutPrefix(k, removedKey); ok {
			w.remove(key)
		}
	}
	w.workspace(e)
}

// wrote keeps the newest, since the entries of one record may stand in several
// chains. What has ended by itself by now is not looked for.
func (w *walker) wrote(n known) {
	old, ok := w.known[n.key]
	if old.gone || ok && !n.newer(old.record) || w.over(n.record) {
		return
	}
	w.known[n.key] = n
}

func (w *walker) over(r record) bool { return !r.until.IsZero() && !r.until.After(w.now) }

func (w *walker) remove(key string) {
	w.known[key] = known{gone: true}
	w.gone = append(w.gone, key)
}

// workspace takes what older programs wrote of workspaces: that they were made
// and that they ended, and nothing of what they hold.
func (w *walker) workspace(e core.AuditEntry) {
	_, id, _ := strings.Cut(e.Subject, ":")
	switch e.Action {
	case WorkspaceCreate:
		w.wrote(known{record: record{key: keyOf(kindWorkspace, id), subject: e.Subject}, loose: true})
	case WorkspaceEnd, WorkspaceLeave:
		w.remove(keyOf(kindWorkspace, id))
	case WorkspaceSweep:
		var ids []string
		_ = json.Unmarshal([]byte(e.Detail["ended"]), &ids) // the chain holds, so it is as it was written
		for _, id := range ids {
			w.remove(keyOf(kindWorkspace, id))
		}
	}
}

// forget drops those that are gone, behind a checkpoint: it covers every chain,
// so whatever follows was written later, and ids are never used again.
func (w *walker) forget() {
	for _, key := range w.gone {
		delete(w.known, key)
	}
	w.gone = nil
}

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
	if err := w.users(ctx, tx); err != nil {
		return err
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
		if n := w.known[key]; !n.gone && !n.loose && !w.broken && !w.unread[kindOf(key)] {
			w.problem(Problem{Subject: n.subject, Message: fmt.Sprintf("%s (%s) is missing: it was removed outside Keyfob, or the store was rolled back", n.subject, key)})
		}
	}
	return nil
}

// compare holds a stored record against the trail, and ticks it off.
func (w *walker) compare(r record) {
	n, ok := w.known[r.key]
	delete(w.known, r.key)
	if w.over(r) {
		return
	}
	w.found.Records++
	if w.broken && (!ok || r.value > n.value || r.version > n.version) {
		return // the entry may stand behind the broken link
	}
	if !ok || n.gone {
		if len(w.strange) <= audit.MaxProblems {
			w.strange[r.key] = r.subject
		}
		return
	}
	if n.row == "" {
		w.older++
	}
	why := n.differs(r)
	if why == "" {
		return
	}
	if n.row != "" && n.subject != r.subject {
		why += "; the trail knows it as " + n.subject
	}
	w.problem(Problem{Subject: r.subject, Message: r.subject + " " + why})
}

// differs says how a stored record is not as the trail left it; "" where it is.
func (n known) differs(r record) string {
	switch {
	case n.cipher == "" && n.row == "":
		return ""
	case r.value < n.value:
		return fmt.Sprintf("holds value version %d, the trail says %d: it was rolled back", r.value, n.value)
	case r.value > n.value:
		return fmt.Sprintf("holds value version %d, the trail knows %d: the end of the trail was cut off", r.value, n.value)
	case r.cipher != n.cipher:
		return "does not hold the ciphertext that was stored: it was changed outside Keyfob"
	case n.row == "":
		return ""
	case r.version < n.version:
		return fmt.Sprintf("is at version %d, the trail says %d: it was rolled back", r.version, n.version)
	case r.version > n.version:
		return fmt.Sprintf("is at version %d, the trail knows %d: it was changed outside Keyfob, or the end of the trail was cut off", r.version, n.version)
	case r.row != n.row:
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
		if kind := kindOf(key); was[key] == removedKey && (kind == kindToken || kind == kindSession || kind == kindWorkspace) {
			why = "was revoked, and is good again: the store was rolled back"
		}
		w.problem(Problem{Subject: w.strange[key], Message: w.strange[key] + " " + why})
	}
	return nil
}

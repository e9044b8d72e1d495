package guard

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"keyfob/internal/core"
)

// known is what the trail last said of a record.
type known struct {
	record
	gone  bool
	loose bool // that it was made, and nothing of what it holds
	by    place
}

// place is an entry.
type place struct {
	writer string
	seq    int64
	at     time.Time
}

func (p place) String() string { return fmt.Sprintf("entry %d of %s", p.seq, p.writer) }

// said is what an entry says of one record; was is what its change found there,
// and has no digest where an older program wrote the entry.
type said struct {
	known
	was row
}

// after says whether s was written after o.
func (s said) after(o known) bool {
	if s.by.at.Equal(o.by.at) {
		return s.gone || s.newer(o.record)
	}
	return s.by.at.After(o.by.at)
}

// take keeps what an entry says of stored records. Of an act that failed nothing
// was stored.
func (w *walker) take(e core.AuditEntry) {
	w.owners[e.Owner] = true
	if e.Outcome != OK {
		return
	}
	for k, v := range e.Detail {
		if key, ok := strings.CutPrefix(k, wroteKey); ok {
			w.say(saidOf(e, key, v))
		}
	}
	for k, v := range e.Detail {
		if key, ok := strings.CutPrefix(k, removedKey); ok {
			s := saidOf(e, key, " "+v)
			s.gone = true
			w.say(s)
		}
	}
	w.workspace(e)
}

func saidOf(e core.AuditEntry, key, text string) said {
	subject := e.Subject
	if before, of, ok := strings.Cut(text, " of "); ok {
		text, subject = before, of
	}
	is, was, _ := strings.Cut(text, " was ")
	s := said{known: known{record: parseRecord(is), by: place{e.Writer, e.Seq, e.At}}, was: parseRecord(was).row}
	s.key, s.subject = key, subject
	return s
}

// workspace takes what older programs wrote of workspaces: that they were made
// and that they ended, and nothing of what they hold.
func (w *walker) workspace(e core.AuditEntry) {
	_, id, _ := strings.Cut(e.Subject, ":")
	switch e.Action {
	case WorkspaceCreate:
		w.bare(e, wroteKey, id)
	case WorkspaceEnd, WorkspaceLeave:
		w.bare(e, removedKey, id)
	case WorkspaceSweep:
		var ids []string
		_ = json.Unmarshal([]byte(e.Detail["ended"]), &ids) // the chain holds, so it is as it was written
		for _, id := range ids {
			if !strings.Contains(id, " ") { // else it says how many more there were, which are noted one by one
				w.bare(e, removedKey, id)
			}
		}
	}
}

// bare takes what an entry does not note.
func (w *walker) bare(e core.AuditEntry, what, id string) {
	key := keyOf(kindWorkspace, id)
	if _, noted := e.Detail[what+key]; noted {
		return
	}
	s := saidOf(e, key, "")
	s.subject, s.loose, s.gone = WorkspaceSubject(id), what == wroteKey, what == removedKey
	w.say(s)
}

// sayAlone takes what an entry of an older program says: there is nothing to link
// it by, so the newest counts.
func (w *walker) sayAlone(s said) {
	w.links.alone(s)
	old, ok := w.known[s.key]
	if s.gone || !ok || !old.gone && s.newer(old.record) {
		w.know(s)
	}
}

func (w *walker) know(s said) {
	w.known[s.key] = s.known
	if s.gone {
		w.gone = append(w.gone, s.key)
	}
}

// forget drops, behind a checkpoint, those that are gone: it covers every chain,
// so whatever follows was written later, and ids are never used again. Those that
// ended by themselves are dropped a while later, for the sake of clocks, and not
// looked for each time.
func (w *walker) forget(at time.Time) {
	for _, key := range w.gone {
		if w.known[key].gone {
			delete(w.known, key)
		}
	}
	w.gone = nil
	if len(w.known) < w.links.crowd {
		return
	}
	for key, n := range w.known {
		if n.over(at.Add(-forgetAfter)) {
			delete(w.known, key)
		}
	}
	w.links.crowd = 2*len(w.known) + 1000
}

const forgetAfter = 24 * time.Hour

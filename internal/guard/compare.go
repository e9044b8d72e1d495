package guard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/store"
)

// written is what the trail last said of a record's ciphertext.
type written struct {
	version int64
	digest  string
	gone    bool
	subject string
}

// walker takes from the trail what it says of the records, and compares.
type walker struct {
	check   *audit.Checker
	found   *audit.Verification
	written map[string]written // by "secret/ID", "account/ID" or "mcp/ID"
	owners  map[core.Owner]bool
	broken  bool // some chain is: what its rest said of the records is not known
}

func newWalker(c *audit.Checker) *walker {
	return &walker{check: c, written: map[string]written{}, owners: map[core.Owner]bool{}}
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
		if id, ok := strings.CutPrefix(k, removedKey); ok {
			w.written[id] = written{gone: true, subject: e.Subject}
		}
		if id, ok := strings.CutPrefix(k, wroteKey); ok {
			w.wrote(id, parseWritten(v), e.Subject)
		}
	}
}

// wrote keeps the newest by the value's version, since the entries of one record
// may stand in several chains.
func (w *walker) wrote(id string, n written, subject string) {
	if old := w.written[id]; !old.gone && n.version >= old.version {
		n.subject = subject
		w.written[id] = n
	}
}

// records compares those of every owner that the trail or the store knows.
func (w *walker) records(ctx context.Context, tx store.Tx) error {
	stored, err := tx.Vault().Owners(ctx)
	if err != nil {
		return err
	}
	for _, o := range stored {
		w.owners[o] = true
	}
	for _, o := range slices.SortedFunc(maps.Keys(w.owners), func(a, b core.Owner) int { return strings.Compare(a.String(), b.String()) }) {
		if err := w.owner(ctx, tx, o); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(w.written)) {
		if n := w.written[id]; !n.gone && !w.broken {
			w.problem(Problem{Subject: n.subject, Message: fmt.Sprintf("%s (%s) is missing: it was removed outside Keyfob, or the store was rolled back", n.subject, id)})
		}
	}
	return nil
}

func (w *walker) owner(ctx context.Context, tx store.Tx, o core.Owner) error {
	if err := w.secrets(ctx, tx, o); err != nil {
		return err
	}
	accounts, err := tx.Accounts().List(ctx, o)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		w.compare(AccountRecord(a), AccountSubject(a.Ref()))
	}
	servers, err := tx.MCPServers().List(ctx, o)
	if err != nil {
		return err
	}
	for _, m := range servers {
		w.compare(MCPRecord(m), MCPSubject(m.Name))
	}
	return nil
}

// secrets reads them one by one: together they may take a gigabyte.
func (w *walker) secrets(ctx context.Context, tx store.Tx, o core.Owner) error {
	p := store.Page{Limit: feedPage}
	for {
		list, err := tx.Secrets().Page(ctx, o, p)
		if err != nil {
			return err
		}
		for _, one := range list {
			s, err := tx.Secrets().Get(ctx, o, one.Name)
			if err != nil {
				return err
			}
			w.compare(SecretRecord(s), SecretSubject(s.Name))
			p.After = one.Name
		}
		if len(list) < p.Limit {
			return nil
		}
	}
}

// compare holds a stored record against the trail, and ticks it off.
func (w *walker) compare(r Record, subject string) {
	w.found.Records++
	n, ok := w.written[r.id]
	delete(w.written, r.id)
	if w.broken && (!ok || r.version > n.version) {
		return // the entry may stand behind the broken link
	}
	why := ""
	switch {
	case !ok:
		why = "is not in the trail: it was added outside Keyfob, or the end of the trail was cut off"
	case n.gone:
		why = "was deleted, and is there again: the store was rolled back"
	case r.version < n.version:
		why = fmt.Sprintf("holds value version %d, the trail says %d: it was rolled back", r.version, n.version)
	case r.version > n.version:
		why = fmt.Sprintf("holds value version %d, the trail knows %d: the end of the trail was cut off", r.version, n.version)
	case r.digest != n.digest:
		why = "does not hold the ciphertext that was stored: it was changed outside Keyfob"
	}
	if why != "" {
		w.problem(Problem{Subject: subject, Message: subject + " " + why})
	}
}

func parseWritten(s string) written {
	v, digest, _ := strings.Cut(s, " ")
	n, err := strconv.ParseInt(strings.TrimPrefix(v, "v"), 10, 64)
	if err != nil {
		n = 0
	}
	return written{version: n, digest: strings.TrimPrefix(digest, "sha256:")}
}

package guard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Verification is what Verify found.
type Verification struct {
	Chains   []Chain
	Records  int       // secrets and accounts compared with the trail
	Problems []Problem // empty: nothing was found
	Unproven []string  // what no verification of this kind can show, for people
}

// OK says that nothing was found. Unproven still holds.
func (v Verification) OK() bool { return len(v.Problems) == 0 }

// Chain is one writer's entries.
type Chain struct {
	Writer  string
	Entries int64  // that hold together, from the first
	Head    []byte // hash of the last of them
}

// Problem is one thing that does not fit.
type Problem struct {
	Writer  string // of a broken chain
	Seq     int64  // of its first broken link
	Subject string // of a record that is not as the trail left it, such as "secret:NPM_TOKEN"
	Message string // for people
}

var unproven = []string{
	"entries cut off at the end of a chain: no signed checkpoint says how long it was",
	"a store and a trail that were rolled back together, to an earlier state of both",
	"a trail that was made anew from its beginning by whoever can write to the store",
}

// Verify walks every chain in order and reports the first broken link of each,
// and compares each secret and account with the newest ciphertext that the trail
// says was stored, which finds a row put back to an earlier state. It opens no
// value.
func (g *Guard) Verify(ctx context.Context) (Verification, error) {
	var out Verification
	err := g.store.View(ctx, func(tx store.Tx) error {
		w := walker{written: map[string]written{}, owners: map[core.Owner]bool{}}
		if err := w.chains(ctx, tx); err != nil {
			return err
		}
		if err := w.records(ctx, tx); err != nil {
			return err
		}
		out = w.found
		return nil
	})
	out.Unproven = slices.Clone(unproven)
	return out, err
}

// written is what the trail last said of a record's ciphertext.
type written struct {
	version int64
	digest  string
	gone    bool
	subject string
}

type walker struct {
	found   Verification
	written map[string]written // by "secret/ID" or "account/ID"
	owners  map[core.Owner]bool
	broken  bool // some chain is: what its rest said of the records is not known
}

func (w *walker) chains(ctx context.Context, tx store.Tx) error {
	writers, err := tx.Audit().Writers(ctx)
	if err != nil {
		return err
	}
	for _, name := range writers {
		if err := w.chain(ctx, tx, name); err != nil {
			return err
		}
	}
	return nil
}

// errStop ends a walk: behind a broken link nothing is known.
var errStop = errors.New("stop")

func (w *walker) chain(ctx context.Context, tx store.Tx, writer string) error {
	c := Chain{Writer: writer}
	err := tx.Audit().Walk(ctx, writer, func(e core.AuditEntry) error {
		if why := broken(c, e); why != "" {
			w.broken = true
			w.problem(Problem{Writer: writer, Seq: c.Entries + 1, Message: fmt.Sprintf(
				"the chain of %s is broken at entry %d: %s", writer, c.Entries+1, why)})
			return errStop
		}
		c.Entries, c.Head = e.Seq, e.Hash
		w.take(e)
		return nil
	})
	w.found.Chains = append(w.found.Chains, c)
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// broken says why e cannot follow what c has seen, or "".
func broken(c Chain, e core.AuditEntry) string {
	switch {
	case e.Seq != c.Entries+1:
		return fmt.Sprintf("it is missing, entry %d comes next", e.Seq)
	case e.Writer != c.Writer:
		return "it belongs to another writer"
	case !bytes.Equal(e.PrevHash, c.Head):
		return "it does not follow the entry before it"
	case !bytes.Equal(e.Hash, Hash(e)):
		return "its content was changed after it was written"
	}
	return ""
}

func (w *walker) problem(p Problem) { w.found.Problems = append(w.found.Problems, p) }

// take learns what an entry says was stored.
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

func (w *walker) records(ctx context.Context, tx store.Tx) error {
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
	secrets, err := tx.Secrets().List(ctx, o)
	if err != nil {
		return err
	}
	for _, s := range secrets {
		w.compare(SecretRecord(s), SecretSubject(s.Name))
	}
	accounts, err := tx.Accounts().List(ctx, o)
	if err != nil {
		return err
	}
	for _, a := range accounts {
		w.compare(AccountRecord(a), AccountSubject(a.Ref()))
	}
	return nil
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

package guard

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// unreadable makes a finding of a list that the store cannot read. It asks for
// each record that the trail knows by itself, to name the one it is; where it is
// none of those, none of the kind is called missing.
func (w *walker) unreadable(ctx context.Context, tx store.Tx, kind, what string, o core.Owner) error {
	named := false
	for _, key := range slices.Sorted(maps.Keys(w.known)) {
		n := w.known[key]
		if kindOf(key) != kind || n.gone || n.over(w.now) {
			continue
		}
		r, err := stored[kind](ctx, tx, idOf(key))
		switch {
		case core.CodeOf(err) == core.Internal:
			named = true
			delete(w.known, key)
			w.problem(Problem{Subject: n.subject, Message: n.subject + " cannot be read: it was changed outside Keyfob"})
		case err == nil && r.owner == o:
			w.compare(r)
		case err != nil && core.CodeOf(err) != core.NotFound:
			return err
		}
	}
	if !named {
		w.unread[kind] = true
		w.problem(Problem{Subject: what, Message: fmt.Sprintf("the %s cannot be read: at least one was changed outside Keyfob", what)})
	}
	return nil
}

package workspace

import (
	"context"
	"slices"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// Outcome is what became of one delivery.
type Outcome struct {
	Secret   string
	Delivery string // env, file, lookup, gateway
	Target   string // the variable, or the path after resolution
	State    string // delivered, conflict, failed, late, removed
	Over     string // what it stands over
	With     string // of a conflict
	Why      string // of a failure
}

var (
	deliveries = []string{"env", "file", "lookup", "gateway"}
	states     = []string{"delivered", "conflict", "failed", "late", "removed"}
)

// Report records what became of a manifest's deliveries. Of the workspace's own
// words only the names of secrets are kept, and the number of each state: the
// rest comes from inside the workspace and could be anything. Errors: invalid.
func (s *Workspaces) Report(ctx context.Context, actor core.Actor, version int64, outcomes []Outcome) error {
	if err := checkOutcomes(outcomes); err != nil {
		return err
	}
	act := guard.Act{Action: guard.WorkspaceReport, Subject: guard.WorkspaceSubject(actor.ID)}
	return s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		w, err := self(ctx, tx, actor)
		if err != nil {
			return err
		}
		have, err := secretNames(ctx, tx, w)
		if err != nil {
			return err
		}
		note("version", strconv.FormatInt(version, 10))
		for _, state := range states {
			noteState(note, state, outcomes, have)
		}
		return nil
	})
}

// noteState notes how many outcomes have a state, and the names of those that
// are secrets it may know of, each once.
func noteState(note guard.Note, state string, outcomes []Outcome, have map[string]bool) {
	count := 0
	var found []string
	told := map[string]bool{}
	for _, o := range outcomes {
		if o.State != state {
			continue
		}
		count++
		if name := o.Delivery + ":" + o.Secret; have[o.Secret] && !told[name] {
			told[name] = true
			found = append(found, name)
		}
	}
	if count > 0 {
		note(state, strconv.Itoa(count))
		note.Names(state+"_names", found)
	}
}

// secretNames is the names that a report may tell: those of the owner's secrets,
// and of the organisation's that the workspace is due.
func secretNames(ctx context.Context, tx store.Tx, w core.Workspace) (map[string]bool, error) {
	w, err := matched(ctx, tx, w)
	if err != nil {
		return nil, err
	}
	list, err := namesFor(ctx, tx, w)
	out := make(map[string]bool, len(list))
	for _, name := range list {
		out[name] = true
	}
	return out, err
}

// maxOutcomes bounds one report: of 2,000 secrets of a user and as many of the
// organisation, each by three deliveries.
const maxOutcomes = 12_000

func checkOutcomes(outcomes []Outcome) error {
	if len(outcomes) > maxOutcomes {
		return core.Errorf(core.Invalid, "a report has at most %d outcomes", maxOutcomes).WithField("outcomes").
			WithHint("report them in parts")
	}
	for _, o := range outcomes {
		if !slices.Contains(deliveries, o.Delivery) || !slices.Contains(states, o.State) {
			return core.Errorf(core.Invalid, "an outcome has an unknown delivery or state").WithField("outcomes").
				WithHint("deliveries are env, file, lookup and gateway; states are delivered, conflict, failed, late and removed")
		}
	}
	return nil
}

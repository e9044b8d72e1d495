package workspace

import (
	"context"
	"slices"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/vault"
)

// Lookups lists the secrets that the acting workspace may look up, in order of
// name.
func (s *Workspaces) Lookups(ctx context.Context, actor core.Actor) ([]core.Secret, error) {
	var out []core.Secret
	act := guard.Act{Action: guard.WorkspaceLookups, Subject: guard.WorkspaceSubject(actor.ID)}
	err := s.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		found, err := lookups(ctx, tx, actor)
		for _, d := range found {
			out = append(out, d.secret.Secret)
		}
		return err
	})
	return out, err
}

func lookups(ctx context.Context, tx store.Tx, actor core.Actor) ([]delivery, error) {
	w, err := self(ctx, tx, actor)
	if err != nil {
		return nil, err
	}
	list, err := tx.Secrets().List(ctx, w.Owner)
	return planFor(w, list).lookups, err
}

// Lookup gives the value of a secret that allows lookup and is for the acting
// workspace. The attempt and its outcome are recorded each time. A secret that
// is not there, not for this workspace, disabled or not to be looked up is the
// same not_found, so that a workspace cannot find out which there are.
func (s *Workspaces) Lookup(ctx context.Context, actor core.Actor, name string) (secret.Secret, error) {
	if err := vault.CheckName(name); err != nil {
		return secret.Secret{}, err
	}
	var value secret.Secret
	act := guard.Act{Action: guard.WorkspaceLookup, Subject: guard.SecretSubject(name)}
	err := s.guard.Expose(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		found, err := lookups(ctx, tx, actor)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(found, func(d delivery) bool { return d.target == name })
		if i < 0 {
			return core.Errorf(core.NotFound, "there is no secret %q to look up in this workspace", name).WithField("name").
				WithHint("its owner allows it with: keyfob secret edit NAME --lookup; and its selector must match this workspace")
		}
		note.Shows(found[i].secret)
		key, err := s.keys.Open(ctx, tx.Vault(), found[i].secret.Owner)
		if err != nil {
			return err
		}
		value, err = key.Open(seal.SecretBinding(found[i].secret.Secret), found[i].secret.Ciphertext)
		return err
	})
	if err != nil {
		return secret.Secret{}, err
	}
	return value, nil
}

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
		have, err := secretNames(ctx, tx, w.Owner)
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
// are secrets of the owner.
func noteState(note guard.Note, state string, outcomes []Outcome, have map[string]bool) {
	count := 0
	var found []string
	for _, o := range outcomes {
		if o.State != state {
			continue
		}
		count++
		if have[o.Secret] {
			found = append(found, o.Delivery+":"+o.Secret)
		}
	}
	if count > 0 {
		note(state, strconv.Itoa(count))
		note.Names(state+"_names", found)
	}
}

func secretNames(ctx context.Context, tx store.Tx, o core.Owner) (map[string]bool, error) {
	list, err := tx.Secrets().List(ctx, o)
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s.Name] = true
	}
	return out, err
}

// maxOutcomes bounds one report: each of 2,000 secrets by three deliveries.
const maxOutcomes = 6000

func checkOutcomes(outcomes []Outcome) error {
	if len(outcomes) > maxOutcomes {
		return core.Errorf(core.Invalid, "a report has at most %d outcomes", maxOutcomes).WithField("outcomes")
	}
	for _, o := range outcomes {
		if !slices.Contains(deliveries, o.Delivery) || !slices.Contains(states, o.State) {
			return core.Errorf(core.Invalid, "an outcome has an unknown delivery or state").WithField("outcomes").
				WithHint("deliveries are env, file, lookup and gateway; states are delivered, conflict, failed, late and removed")
		}
	}
	return nil
}

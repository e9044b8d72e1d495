package workspace

import (
	"context"
	"maps"
	"slices"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// maxNames bounds Only and Except, each.
const maxNames = 2000

// check holds what can be said without the store.
func (s *Workspaces) check(spec Spec) error {
	if err := core.CheckLabels(spec.Labels); err != nil {
		return err
	}
	if len(spec.Only) > maxNames || len(spec.Except) > maxNames {
		return core.Errorf(core.Invalid, "more than %d names of secrets", maxNames).WithField("only").WithHint("use a selector on labels")
	}
	for _, client := range slices.Sorted(maps.Keys(spec.Providers)) {
		if err := s.checkMapping(client, spec.Providers[client]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Workspaces) checkMapping(client, backend string) error {
	a, err := s.providers.Get(client)
	if err != nil {
		return err
	}
	b, err := s.providers.Get(backend)
	if err != nil {
		return err
	}
	if a.Info().Dialect != b.Info().Dialect {
		return core.Errorf(core.Invalid, "%s cannot answer for %s: it speaks another protocol", backend, client).WithField("provider").
			WithHint("map a provider to one of the same protocol (%s)", a.Info().Dialect)
	}
	return nil
}

// checkNames holds the names in a spec against what the owner has, so that a
// misspelt one is an error and not a workspace that lacks something.
func (s *Workspaces) checkNames(ctx context.Context, tx store.Tx, o core.Owner, spec Spec) error {
	if len(spec.Only)+len(spec.Except) > 0 {
		list, err := tx.Secrets().List(ctx, o)
		if err != nil {
			return err
		}
		have := make([]string, 0, len(list))
		for _, one := range list {
			have = append(have, one.Name)
		}
		if err := known("only", spec.Only, have); err != nil {
			return err
		}
		if err := known("except", spec.Except, have); err != nil {
			return err
		}
	}
	return s.checkAccounts(ctx, tx, o, spec)
}

func known(field string, names, have []string) error {
	for _, n := range names {
		if slices.Contains(have, n) {
			continue
		}
		return core.Errorf(core.Invalid, "there is no secret %q", shortened(n)).WithField(field).WithHint("%s", thereAre(have))
	}
	return nil
}

func thereAre(names []string) string {
	switch {
	case len(names) == 0:
		return "there are no secrets yet; keyfob secret set makes one"
	case len(names) > 20:
		return "keyfob secret list shows those there are"
	default:
		return "the secrets are " + strings.Join(names, ", ")
	}
}

func shortened(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}

// checkAccounts wants an enabled account behind a namespace that is asked for by
// name, and behind each mapping.
func (s *Workspaces) checkAccounts(ctx context.Context, tx store.Tx, o core.Owner, spec Spec) error {
	named := spec.Namespace != "" && spec.Namespace != core.DefaultNamespace
	if !spec.Gateway || (!named && len(spec.Providers) == 0) {
		return nil
	}
	w := spec.record(o)
	backends, err := enabled(ctx, tx, w)
	if err != nil {
		return err
	}
	if named && len(backends) == 0 {
		return core.Errorf(core.Invalid, "there is no enabled account in the namespace %q", shortened(w.Namespace)).WithField("namespace").
			WithHint("keyfob account list shows the accounts and their namespaces")
	}
	for _, client := range slices.Sorted(maps.Keys(spec.Providers)) {
		if b := spec.Providers[client]; !backends[b] {
			return core.Errorf(core.Invalid, "there is no enabled account of %s to answer for %s", b, client).WithField("provider").
				WithHint("add one with: keyfob account add %s --label NAME", b)
		}
	}
	return nil
}

// enabled is the providers with an enabled account in the workspace's namespace.
func enabled(ctx context.Context, tx store.Tx, w core.Workspace) (map[string]bool, error) {
	list, err := tx.Accounts().List(ctx, w.Owner)
	out := map[string]bool{}
	for _, a := range list {
		if a.Enabled && a.Namespace == w.Namespace {
			out[a.Provider] = true
		}
	}
	return out, err
}

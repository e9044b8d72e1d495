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

// maxSeconds bounds Seconds: a year.
const maxSeconds = 366 * 24 * 60 * 60

// check holds what can be said without the store.
func (s *Workspaces) check(actor core.Actor, spec Spec) error {
	if err := core.CheckWorkspaceLabels(spec.Labels); err != nil {
		return err
	}
	if spec.Namespace != "" {
		if err := core.CheckPart("account", "namespace", spec.Namespace); err != nil {
			return err
		}
	}
	if len(spec.Only) > maxNames || len(spec.Except) > maxNames {
		return core.Errorf(core.Invalid, "more than %d names of secrets", maxNames).WithField("only").WithHint("use a selector on labels")
	}
	if spec.Seconds < 0 || spec.Seconds > maxSeconds {
		return core.Errorf(core.Invalid, "%d seconds are no time that a workspace can have", spec.Seconds).WithField("seconds").
			WithHint("give 1 to %d, or 0 for one that does not expire", maxSeconds)
	}
	if spec.Process != "" && actor.Via.Kind != core.ViaLocal {
		return core.Errorf(core.Invalid, "a process of another machine cannot keep a workspace").WithField("process").
			WithHint("let it expire instead (seconds), and renew it while the process runs")
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

// checkNames holds the names in a spec against what there is for the workspace,
// so that a misspelt one is an error and not a workspace that lacks something.
func (s *Workspaces) checkNames(ctx context.Context, tx store.Tx, w core.Workspace, spec Spec) error {
	w, err := matched(ctx, tx, w)
	if err != nil {
		return err
	}
	if len(spec.Only)+len(spec.Except) > 0 {
		have, err := namesFor(ctx, tx, w)
		if err != nil {
			return err
		}
		if err := known("only", spec.Only, have); err != nil {
			return err
		}
		if err := known("except", spec.Except, have); err != nil {
			return err
		}
	}
	return s.checkAccounts(ctx, tx, w, spec)
}

// namesFor is the names, in order, of the owner's secrets and of those of the
// organisation that are for this workspace: what others are called is not for
// users to know. w is as selectors see it.
func namesFor(ctx context.Context, tx store.Tx, w core.Workspace) ([]string, error) {
	var out []string
	for _, o := range owners(w.Owner) {
		list, err := plainly(ctx, tx, o)
		if err != nil {
			return nil, err
		}
		for _, one := range list {
			if o == w.Owner || one.Enabled && one.Selector.Matches(w.Labels) {
				out = append(out, one.Name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
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
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

// checkAccounts wants an enabled account behind a namespace that is asked for by
// name, and behind each mapping.
func (s *Workspaces) checkAccounts(ctx context.Context, tx store.Tx, w core.Workspace, spec Spec) error {
	named := spec.Namespace != "" && spec.Namespace != core.DefaultNamespace
	if !spec.Gateway || (!named && len(spec.Providers) == 0) {
		return nil
	}
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

// enabled is the providers with an enabled account, of the owner or of the
// organisation, in the workspace's namespace and for this workspace. w is as
// selectors see it.
func enabled(ctx context.Context, tx store.Tx, w core.Workspace) (map[string]bool, error) {
	out := map[string]bool{}
	for _, o := range owners(w.Owner) {
		list, err := tx.Accounts().List(ctx, o)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			if a.Enabled && a.Namespace == w.Namespace && a.Selector.Matches(w.Labels) {
				out[a.Provider] = true
			}
		}
	}
	return out, nil
}

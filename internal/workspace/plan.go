package workspace

import (
	"cmp"
	"slices"

	"keyfob/internal/core"
	"keyfob/internal/vault"
)

// TargetConflict is a delivery that lost its target to another.
type TargetConflict struct {
	Target string // env:NAME, file:PATH or lookup:NAME
	Secret string // the loser
	Winner string
	Why    string
}

// plan is what a workspace is to receive. Variables and names are in order of
// target. Files are in order of precedence: two paths may turn out to be one
// where they are written, and then the first has it.
type plan struct {
	env, files, lookups []delivery
	conflicts           []TargetConflict
}

// delivery is one target: a variable, a cleaned path or a name, and the secret
// for it.
type delivery struct {
	target string
	secret core.Secret
}

// org says whether the secret is the organisation's.
func (d delivery) org() bool { return d.secret.Owner.Kind == core.OrgOwner }

// valued are the secrets whose values go out with the manifest, each once.
func (p plan) valued() []core.Secret {
	var out []core.Secret
	seen := map[string]bool{}
	for _, d := range slices.Concat(p.env, p.files) {
		if !seen[d.secret.ID] {
			seen[d.secret.ID] = true
			out = append(out, d.secret)
		}
	}
	return out
}

// due says whether a workspace is to have a secret at all. w is as selectors see
// it.
func due(w core.Workspace, s core.Secret) bool {
	return s.Enabled && s.Selector.Matches(w.Labels) &&
		(len(w.Only) == 0 || slices.Contains(w.Only, s.Name)) && !slices.Contains(w.Except, s.Name)
}

// planFor decides each target of a workspace: of the secrets that aim at one, a
// user's goes before a group's before the organisation's, then the one with the
// more specific selector, then the older. The result does not depend on the
// order of the list. Paths are compared by their cleaned text; what they resolve
// to is found where they are written, in the plan's order.
func planFor(w core.Workspace, list []core.Secret) plan {
	list = slices.DeleteFunc(slices.Clone(list), func(s core.Secret) bool { return !due(w, s) })
	slices.SortFunc(list, rank)
	var p plan
	p.env = byTarget(p.claim(list, "env:", func(s core.Secret) string { return s.Env }))
	p.files = p.claim(list, "file:", func(s core.Secret) string {
		if s.File == "" {
			return ""
		}
		return vault.CleanFile(s.File)
	})
	p.lookups = byTarget(p.claim(list, "lookup:", func(s core.Secret) string {
		if !s.Lookup {
			return ""
		}
		return s.Name
	}))
	slices.SortFunc(p.conflicts, func(a, b TargetConflict) int {
		return cmp.Or(cmp.Compare(a.Target, b.Target), cmp.Compare(a.Secret, b.Secret))
	})
	return p
}

func byTarget(list []delivery) []delivery {
	slices.SortFunc(list, func(a, b delivery) int { return cmp.Compare(a.target, b.target) })
	return list
}

// claim gives each target to the first secret of the ranked list that wants it,
// and keeps that order.
func (p *plan) claim(ranked []core.Secret, kind string, target func(core.Secret) string) []delivery {
	var out []delivery
	holder := map[string]core.Secret{}
	for _, s := range ranked {
		t := target(s)
		if t == "" {
			continue
		}
		if first, held := holder[t]; held {
			p.conflicts = append(p.conflicts, TargetConflict{Target: kind + t, Secret: s.Name, Winner: first.Name, Why: why(first, s)})
			continue
		}
		holder[t] = s
		out = append(out, delivery{target: t, secret: s})
	}
	return out
}

var ownerRank = map[core.OwnerKind]int{core.UserOwner: 0, core.GroupOwner: 1, core.OrgOwner: 2}

// rank orders secrets by who wins a target. The id decides between two of the
// same moment, so that the order is total.
func rank(a, b core.Secret) int {
	return cmp.Or(
		cmp.Compare(ownerRank[a.Owner.Kind], ownerRank[b.Owner.Kind]),
		cmp.Compare(len(b.Selector), len(a.Selector)),
		a.CreatedAt.Compare(b.CreatedAt),
		cmp.Compare(a.ID, b.ID),
	)
}

// why says by what the winner won.
func why(winner, loser core.Secret) string {
	switch {
	case winner.Owner.Kind != loser.Owner.Kind:
		return "one of " + whose(winner) + " goes before one of " + whose(loser)
	case len(winner.Selector) != len(loser.Selector):
		return "its selector is more specific"
	default:
		return "both are as specific, and it is the older"
	}
}

func whose(s core.Secret) string {
	if s.Owner.Kind == core.OrgOwner {
		return "the organisation"
	}
	return "the " + string(s.Owner.Kind)
}

package httpapi

import (
	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/workspace"
)

// manifestOf writes every list, empty ones too, so that a client can tell
// "nothing" from "not said".
func manifestOf(m workspace.Manifest) api.Manifest {
	out := api.Manifest{
		Workspace: m.Workspace, Version: m.Version,
		Env:       make([]api.EnvDelivery, 0, len(m.Env)),
		Files:     make([]api.FileDelivery, 0, len(m.Files)),
		Lookups:   make([]api.LookupDelivery, 0, len(m.Lookups)),
		Gateways:  make([]api.Gateway, 0, len(m.Gateways)),
		Conflicts: make([]api.TargetConflict, 0, len(m.Conflicts)),
	}
	for _, d := range m.Env {
		out.Env = append(out.Env, api.EnvDelivery{Secret: d.Secret, Org: d.Org, Name: d.Name, Value: api.NewValue(d.Value.Reveal())})
	}
	for _, d := range m.Files {
		out.Files = append(out.Files, api.FileDelivery{Secret: d.Secret, Org: d.Org, Path: d.Path, Value: api.NewValue(d.Value.Reveal())})
	}
	for _, d := range m.Lookups {
		out.Lookups = append(out.Lookups, api.LookupDelivery(d))
	}
	for _, g := range m.Gateways {
		if g.KeyVars == nil {
			g.KeyVars = []string{}
		}
		out.Gateways = append(out.Gateways, api.Gateway(g))
	}
	for _, c := range m.Conflicts {
		out.Conflicts = append(out.Conflicts, api.TargetConflict(c))
	}
	return out
}

func lookupOf(s core.Secret) api.LookupDelivery {
	return api.LookupDelivery{Secret: s.Name, Org: s.Owner == core.Org, Description: s.Description}
}

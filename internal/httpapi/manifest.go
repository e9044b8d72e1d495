package httpapi

import (
	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/workspace"
)

// manifestOf writes every list, empty ones too, so that a client can tell
// "nothing" from "not said".
func manifestOf(m workspace.Manifest) api.Manifest {
	return api.Manifest{
		Workspace: m.Workspace, Version: m.Version,
		Env: listOf(m.Env, func(d workspace.EnvDelivery) api.EnvDelivery {
			return api.EnvDelivery{Secret: d.Secret, Org: d.Org, Name: d.Name, Value: api.NewValue(d.Value.Reveal())}
		}),
		Files: listOf(m.Files, func(d workspace.FileDelivery) api.FileDelivery {
			return api.FileDelivery{Secret: d.Secret, Org: d.Org, Path: d.Path, Value: api.NewValue(d.Value.Reveal())}
		}),
		Lookups: listOf(m.Lookups, func(d workspace.LookupDelivery) api.LookupDelivery { return api.LookupDelivery(d) }),
		Gateways: listOf(m.Gateways, func(g workspace.Gateway) api.Gateway {
			if g.KeyVars == nil {
				g.KeyVars = []string{}
			}
			return api.Gateway(g)
		}),
		Conflicts: listOf(m.Conflicts, func(c workspace.TargetConflict) api.TargetConflict { return api.TargetConflict(c) }),
	}
}

func lookupOf(s core.Secret) api.LookupDelivery {
	return api.LookupDelivery{Secret: s.Name, Org: s.Owner == core.Org, Description: s.Description}
}

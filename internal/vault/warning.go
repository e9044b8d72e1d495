package vault

import (
	"fmt"

	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/target"
)

// KeyEnv is Limits.KeyEnv for these providers.
func KeyEnv(r provider.Registry) map[string]string {
	out := map[string]string{}
	for _, id := range r.IDs() {
		a, err := r.Get(id)
		if err != nil {
			continue // it is not among the ids that it just gave
		}
		for _, name := range a.Info().KeyVars {
			if out[name] == "" {
				out[name] = a.Info().Title
			}
		}
	}
	return out
}

// warnings are what a save tells of without refusing it.
func (v *Vault) warnings(s core.Secret, others []core.Secret) []string {
	out := collisions(s, others)
	if title := v.limits.KeyEnv[s.Env]; s.Env != "" && title != "" {
		out = append(out, fmt.Sprintf("clients of %s look for a key in %s; where the gateway answers for it, they get the gateway's key there and not this secret", title, s.Env))
	}
	if s.File != "" && target.OfKeyfob(s.File) {
		out = append(out, fmt.Sprintf("Keyfob keeps its own state or settings at %s", s.File))
	}
	return out
}

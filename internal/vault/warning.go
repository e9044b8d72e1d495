package vault

import (
	"fmt"

	"keyfob/internal/core"
	"keyfob/internal/target"
)

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

package vault

import (
	"keyfob/internal/core"
)

// warnings are what a save tells of without refusing it.
func (v *Vault) warnings(s core.Secret, others []core.Secret) []string {
	return collisions(s, others)
}

// Package upkeep keeps a vault sound: it shows whether what is stored still
// opens, backs it up, and gives it other keys.
//
// All of it is for an administrator acting on core.Org, and is about the records
// of every owner.
package upkeep

import (
	"keyfob/internal/guard"
	"keyfob/internal/seal"
)

// subject is the vault in the audit trail.
const subject = "vault"

// Upkeep works on one vault. It is safe for concurrent use.
type Upkeep struct {
	guard *guard.Guard
	keys  *seal.Keys
}

// New makes an Upkeep; it does no I/O.
func New(g *guard.Guard, keys *seal.Keys) *Upkeep { return &Upkeep{guard: g, keys: keys} }

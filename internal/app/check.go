package app

import (
	"keyfob/internal/config"
	"keyfob/internal/vault"
)

// Check says what would keep a server with this configuration from starting, as
// far as that can be known without starting it; the notes are what is allowed and
// unwise. Errors: invalid, with a detail for each fault.
func Check(set config.Server) (notes []string, err error) {
	if notes, err = set.Check(); err != nil {
		return notes, err
	}
	return notes, vault.CheckAllowEnv(set.AllowEnv)
}

// Package custody is the port to where the root key is kept. A vault's header
// names the driver that it was made with, and afterwards only that one is
// opened.
package custody

import (
	"context"

	"keyfob/internal/secret"
)

// Driver keeps one root key of 32 bytes.
type Driver interface {
	// Name is what the vault's header and --custody say.
	Name() string
	// Create makes the root key where it will live, or takes the one that the
	// user has put there. It never replaces one that is already there.
	Create(ctx context.Context) (secret.Secret, error)
	// Open gives the root key, or a *core.Error of code unavailable that says
	// where it was looked for and what to do.
	Open(ctx context.Context) (secret.Secret, error)
	// Place says where the key is, for people, such as a path.
	Place() string
	// Protects says in one line what this custody protects against, and what
	// not.
	Protects() string
	// Variables are the environment variables that carry the key or what opens
	// it; no child process ever inherits them.
	Variables() []string
}

// KeySize is the length of a root key in bytes.
const KeySize = 32

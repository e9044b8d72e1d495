// Package env keeps the root key in an environment variable: whoever starts
// Keyfob brings the key.
package env

import (
	"context"
	"encoding/base64"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/custody"
	"keyfob/internal/secret"
)

// Variable holds the root key: 32 bytes in standard base64 (RFC 4648, 4), with
// or without padding. White space around it is dropped.
const Variable = "KEYFOB_VAULT_KEY"

// Driver implements custody.Driver.
type Driver struct {
	lookup func(string) (string, bool)
}

var _ custody.Driver = Driver{}

// New reads the variable through lookup, such as os.LookupEnv, each time the key
// is opened.
func New(lookup func(string) (string, bool)) Driver { return Driver{lookup: lookup} }

// Name implements custody.Driver.
func (Driver) Name() string { return "env" }

// Place implements custody.Driver.
func (Driver) Place() string { return "environment variable " + Variable }

// Protects implements custody.Driver.
func (Driver) Protects() string {
	return "protects this disk and its backups, as long as the key is not stored on them too; " +
		"does not protect against processes of the same user, which can read this environment, nor against where the variable is set from"
}

// Variables implements custody.Driver.
func (Driver) Variables() []string { return []string{Variable} }

// Create implements custody.Driver: it takes the key that the user has set.
func (d Driver) Create(ctx context.Context) (secret.Secret, error) { return d.Open(ctx) }

// Open implements custody.Driver. The text of the variable is in no error.
func (d Driver) Open(context.Context) (secret.Secret, error) {
	text, ok := d.lookup(Variable)
	text = strings.TrimSpace(text)
	if !ok || text == "" {
		return secret.Secret{}, unusable("is not set")
	}
	key, err := Parse(text)
	if err != nil {
		return secret.Secret{}, err
	}
	return key, nil
}

// Parse reads the variable's text.
func Parse(text string) (secret.Secret, error) {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
	if err != nil {
		return secret.Secret{}, unusable("is not base64") // err would tell where, and so a part of the text
	}
	defer clear(raw)
	if len(raw) != custody.KeySize {
		return secret.Secret{}, unusable("does not hold 32 bytes")
	}
	return secret.New(raw), nil
}

func unusable(why string) error {
	return core.Errorf(core.Unavailable, "the root key cannot be read: %s %s", Variable, why).WithReason("root_key_unavailable").
		WithHint("set it to the base64 of the vault's 32 bytes; for a new vault make one with: openssl rand -base64 32")
}

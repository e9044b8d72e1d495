package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/custody"
	"keyfob/internal/custody/env"
	"keyfob/internal/custody/file"
	"keyfob/internal/guard"
	"keyfob/internal/seal"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
)

// DefaultCustody is what a first init takes where nothing is asked for.
const DefaultCustody = "file"

const (
	databaseName = "keyfob.db"
	rootKeyName  = "root.key"
)

// Custodies lists the custody drivers by name, the default first.
func Custodies() []string { return []string{"file", "env"} }

func driver(name string, c Config) (custody.Driver, error) {
	switch name {
	case "file":
		return file.New(filepath.Join(c.Home, rootKeyName)), nil
	case "env":
		return env.New(func(k string) (string, bool) { return lookupCredential(c.Environ, k) }), nil
	}
	return nil, core.Errorf(core.Invalid, "unknown custody %q", name).WithField("custody").
		WithHint("the custodies of this version are %s", strings.Join(Custodies(), " and "))
}

// CustodyVariables are the environment variables of every driver: no child
// process may inherit any of them.
func CustodyVariables() []string {
	var out []string
	for _, name := range Custodies() {
		if d, err := driver(name, Config{}); err == nil {
			out = append(out, d.Variables()...)
		}
	}
	return out
}

// Init makes a vault in the home, with its root key in the named custody. A
// conflict says that there is one already.
func Init(ctx context.Context, c Config, custodyName string) (api.VaultStatus, error) {
	if err := makeHome(c.Home); err != nil {
		return api.VaultStatus{}, err
	}
	d, err := driver(custodyName, c)
	if err != nil {
		return api.VaultStatus{}, err
	}
	switch there, err := Exists(ctx, c); {
	case err != nil:
		return api.VaultStatus{}, err
	case there:
		return api.VaultStatus{}, vaultExists(c.Home)
	}
	header, err := newVault(ctx, c, d)
	if err != nil {
		return api.VaultStatus{}, err
	}
	return describe(c.Home, header, d), nil
}

// newVault makes the root key before the header that names it: a crash in
// between leaves a root key that the next init takes.
func newVault(ctx context.Context, c Config, d custody.Driver) (core.Header, error) {
	value, err := d.Create(ctx)
	if err != nil {
		return core.Header{}, err
	}
	root, err := seal.NewRootKey(value)
	if err != nil {
		return core.Header{}, err
	}
	st, err := sqlite.Open(ctx, filepath.Join(c.Home, databaseName))
	if err != nil {
		return core.Header{}, err
	}
	defer st.Close()
	h := core.Header{Custody: d.Name(), RootKeyID: root.ID(), CreatedAt: time.Now().UTC()}
	act := guard.Act{Action: guard.VaultInit, Subject: "vault", Owner: core.Local}
	err = guard.New(st, writer).Do(ctx, core.LocalUser, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		note("custody", h.Custody)
		note("root_key", h.RootKeyID)
		return tx.Vault().SetHeader(ctx, h)
	})
	if core.CodeOf(err) == core.Conflict {
		return h, vaultExists(c.Home)
	}
	return h, err
}

func vaultExists(home string) error {
	return core.Errorf(core.Conflict, "there is a vault in %s already", home).WithReason("vault_exists").
		WithHint("keyfob vault status shows it; set KEYFOB_HOME to make another elsewhere")
}

func noVault(home string) *core.Error {
	return core.Errorf(core.NotFound, "there is no vault in %s", home).WithReason("no_vault").
		WithHint("make one with: keyfob vault init; one that is elsewhere is found by KEYFOB_HOME")
}

func readHeader(ctx context.Context, c Config) (core.Header, error) {
	path := filepath.Join(c.Home, databaseName)
	if !isFile(path) {
		return core.Header{}, noVault(c.Home)
	}
	st, err := sqlite.Open(ctx, path)
	if err != nil {
		return core.Header{}, err
	}
	defer st.Close()
	return headerOf(ctx, st, c.Home)
}

func headerOf(ctx context.Context, st store.Store, home string) (core.Header, error) {
	var h core.Header
	err := st.View(ctx, func(tx store.Tx) (err error) {
		h, err = tx.Vault().Header(ctx)
		return err
	})
	if core.CodeOf(err) == core.NotFound {
		return h, noVault(home)
	}
	return h, err
}

// openRoot opens the root key that the header names, and no other.
func openRoot(ctx context.Context, d custody.Driver, h core.Header) (seal.RootKey, error) {
	value, err := d.Open(ctx)
	if err != nil {
		return seal.RootKey{}, err
	}
	root, err := seal.NewRootKey(value)
	if err != nil {
		return seal.RootKey{}, err
	}
	if root.ID() != h.RootKeyID {
		return seal.RootKey{}, core.Errorf(core.Conflict, "the root key in %s is %s, but this vault was made with %s", d.Place(), root.ID(), h.RootKeyID).
			WithReason("wrong_root_key").WithHint("put the vault's own root key back there; nothing was changed")
	}
	return root, nil
}

func describe(home string, h core.Header, d custody.Driver) api.VaultStatus {
	return api.VaultStatus{
		Home: home, Custody: h.Custody, Place: d.Place(), Protects: d.Protects(),
		RootKeyID: h.RootKeyID, Format: sqlite.FormatVersion, CreatedAt: h.CreatedAt,
	}
}

// lookupCredential is lookupEnv, and where the variable is not set a file of its
// name in CREDENTIALS_DIRECTORY: there systemd puts what LoadCredential names, for
// one service to read, which no child inherits (systemd.exec(5), Credentials).
func lookupCredential(environ []string, key string) (string, bool) {
	if v, ok := lookupEnv(environ, key); ok && v != "" {
		return v, true
	}
	dir, ok := lookupEnv(environ, "CREDENTIALS_DIRECTORY")
	if !ok || !filepath.IsAbs(dir) {
		return "", false
	}
	b, err := os.ReadFile(filepath.Join(dir, key))
	return string(b), err == nil
}

// DefaultCustodyOf is the environment where a root key is put there, else
// DefaultCustody.
func DefaultCustodyOf(environ []string) string {
	if _, ok := lookupCredential(environ, env.Variable); ok {
		return "env"
	}
	return DefaultCustody
}

func lookupEnv(environ []string, key string) (string, bool) {
	for i := len(environ) - 1; i >= 0; i-- {
		if k, v, ok := strings.Cut(environ[i], "="); ok && k == key {
			return v, true
		}
	}
	return "", false
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

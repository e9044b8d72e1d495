package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"

	"keyfob/api"
	"keyfob/internal/app"
	"keyfob/internal/core"
)

// Open gives the app on this machine's vault. The first Open of a process opens
// it, and makes the vault where there is none yet, saying in one line on Stderr
// where the key is and what that protects against. Main closes it.
func (e *Env) Open(ctx context.Context) (*app.App, error) {
	a, err := e.openExisting(ctx)
	if !isNoVault(err) {
		return a, err
	}
	if err := e.makeVault(ctx); err != nil {
		return nil, err
	}
	return e.openExisting(ctx)
}

// openExisting is Open where a vault must be there already: not_found, reason
// "no_vault", where there is none.
func (e *Env) openExisting(ctx context.Context) (*app.App, error) {
	if e.app != nil {
		return e.app, nil
	}
	cfg, err := e.config()
	if err != nil {
		return nil, err
	}
	e.app, err = app.Open(ctx, cfg)
	return e.app, err
}

func isNoVault(err error) bool {
	return errors.Is(err, &core.Error{Code: core.NotFound, Reason: "no_vault"})
}

// makeVault refuses inside a workspace: whoever types there means what is kept
// where the workspace was made.
func (e *Env) makeVault(ctx context.Context) error {
	if e.inside() {
		return e.noVaultHere()
	}
	cfg, err := e.config()
	if err != nil {
		return err
	}
	st, err := app.Init(ctx, cfg, e.defaultCustody())
	if errors.Is(err, &core.Error{Code: core.Conflict, Reason: "vault_exists"}) {
		return nil // another process made it just now
	}
	if err != nil {
		return err
	}
	e.announce(st)
	return nil
}

// announce says once, when a vault is made, where its key is.
func (e *Env) announce(st api.VaultStatus) {
	e.Notef("made a vault in %s; its key is in %s (custody %s): %s", st.Home, st.Place, st.Custody, st.Protects)
	if dir := app.OpenParent(st.Home); dir != "" {
		e.Notef("warning: everybody on this machine may put something else in its place: chmod o-w %s", dir)
	}
}

// defaultCustody is the environment where the user has put a key there.
func (e *Env) defaultCustody() string { return app.DefaultCustodyOf(e.Environ) }

// vaultKeyVariable carries the root key of a vault with custody env.
const vaultKeyVariable = "KEYFOB_VAULT_KEY"

func (e *Env) close(ctx context.Context) error {
	if e.app == nil {
		return nil
	}
	a := e.app
	e.app = nil
	return a.Close(ctx)
}

func (e *Env) config() (app.Config, error) {
	home, err := e.Home()
	if err != nil {
		return app.Config{}, err
	}
	return app.Config{Home: home, Environ: e.Environ, CAFile: e.CAFile}, nil
}

// Home is the directory of all state: KEYFOB_HOME, else "keyfob" in the
// platform's directory for data.
func (e *Env) Home() (string, error) {
	if h := e.Getenv("KEYFOB_HOME"); h != "" {
		return filepath.Abs(h)
	}
	switch dir := e.Getenv(dataVariable()); {
	case dir == "":
		return "", &api.Error{Code: api.CodeUnavailable, Message: "there is no home directory: " + dataVariable() + " is not set", Hint: "set KEYFOB_HOME to a directory of yours"}
	case runtime.GOOS == "windows":
		return filepath.Join(dir, "keyfob"), nil
	case runtime.GOOS == "darwin":
		return filepath.Join(dir, "Library", "Application Support", "keyfob"), nil
	default:
		return e.xdgHome(dir), nil
	}
}

func dataVariable() string {
	if runtime.GOOS == "windows" {
		return "LocalAppData"
	}
	return "HOME"
}

// xdgHome follows the XDG base directory specification: a relative
// XDG_DATA_HOME is ignored.
func (e *Env) xdgHome(home string) string {
	if dir := e.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "keyfob")
	}
	return filepath.Join(home, ".local", "share", "keyfob")
}

// Notef tells people something in one line on Stderr.
func (e *Env) Notef(format string, args ...any) {
	fmt.Fprintln(e.Stderr, "keyfob: "+Clean(fmt.Sprintf(format, args...)))
}

package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keyfob/internal/audit/sinkfile"
	"keyfob/internal/config"
	"keyfob/internal/core"
	"keyfob/internal/vault"
)

// Check says what would keep a server with this home and configuration from
// starting, as far as that can be known without starting it; the notes are what is
// allowed and unwise. Errors: invalid, with a detail for each fault.
func Check(home string, set config.Server) (notes []string, err error) {
	if notes, err = set.Check(); err != nil {
		return notes, err
	}
	if err := checkSink(home, set.AuditSink); err != nil {
		return notes, err
	}
	if dir := OpenParent(home); dir != "" {
		notes = append(notes, "everybody on this machine may put something else in the place of "+home+": chmod o-w "+dir)
	}
	return notes, vault.CheckAllowEnv(set.AllowEnv)
}

// checkSink refuses a file that is no copy of a trail, and what is the vault's own
// or will be.
func checkSink(home, path string) error {
	if path == "" {
		return nil
	}
	bad := func(why string) *core.Error {
		return core.Errorf(core.Invalid, "audit_sink: %s cannot be the copy of the audit trail%s", path, why).WithField("audit_sink").WithReason("configuration").
			WithHint("name a file that is not there yet, or one that this server has written, and let the server's user write it")
	}
	if sameDirectory(filepath.Dir(path), home) && ofTheVault(filepath.Base(path)) {
		return bad(": it is the vault's own file")
	}
	if err := sinkfile.Check(path); err != nil {
		return bad("").Wrap(err)
	}
	return nil
}

// ofTheVault says whether a name in the home is a file of Keyfob's.
func ofTheVault(name string) bool {
	return slices.ContainsFunc([]string{databaseName, rootKeyName, runningName, lockName}, func(own string) bool { return strings.HasPrefix(name, own) })
}

func sameDirectory(a, b string) bool {
	one, err := os.Stat(a)
	two, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(one, two)
}

//go:build unix

package app_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"keyfob/internal/app"
	"keyfob/internal/core"
)

// Root runs a command on the vault of the service's user. The hint must be one
// that can be typed as it stands.
func TestForeignHomeSaysWhoToBe(t *testing.T) {
	c := configFor(t)
	initVault(t, c)
	if err := os.Chown(c.Home, 65534, -1); err != nil {
		t.Skipf("SKIPPED %s: only root can give a directory away: %v", t.Name(), err)
	}
	_, err := app.Open(t.Context(), c)
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Code != core.Forbidden || e.Reason != "foreign_owner" {
		t.Fatal(err)
	}
	if want := "runuser -u nobody -- env KEYFOB_HOME=" + c.Home + " keyfob"; !strings.Contains(e.Hint, want) {
		t.Errorf("the hint is %q, want %q in it", e.Hint, want)
	}
}

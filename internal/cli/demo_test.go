package cli

import (
	"io"
	"os"
	"strings"
	"testing"

	"keyfob/api"
)

// Each claim of the demo can fail, and one that fails makes the demo fail: here
// nothing was delivered, and the child's environment holds a real key.
func TestDemoFailsWhereItsClaimsDo(t *testing.T) {
	var out strings.Builder
	d, err := newDemo(&Env{Stdout: &out, Stderr: io.Discard, Environ: []string{"PATH=" + os.Getenv("PATH")}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := d.setUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = d.conclude(t.Context(), childReport{Environ: []string{"LEFT=" + d.values.workKey}})
	if e := publicError(err); err == nil || e.Code != api.CodeInternal || e.Message != "7 of 7 claims did not hold" {
		t.Errorf("error %v of:\n%s", err, out.String())
	}
	if strings.Contains(out.String(), "yes") || strings.Contains(out.String(), "for real") {
		t.Errorf("it says:\n%s", out.String())
	}
}

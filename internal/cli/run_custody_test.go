package cli

import (
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/internal/app"
	"keyfob/internal/deliver"
)

// Whatever custody reads, of any driver, no child gets: deliver goes by the
// names' prefix, so each driver's variables must have it.
func TestNoCustodyVariableReachesAChild(t *testing.T) {
	names := app.CustodyVariables()
	if len(names) == 0 {
		t.Fatal("no driver reads a variable: this test is blind")
	}
	environ := []string{"KEPT=1"}
	for _, n := range names {
		environ = append(environ, n+"=canary")
	}
	for _, gateway := range []api.Key{{}, api.NewKey([]byte("kfg_x"))} {
		p, err := deliver.NewPlan(deliver.PlanInput{Environ: environ, Command: []string{"true"}, GatewayKey: gateway})
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(p.Environ(), "\n")
		if strings.Contains(got, "canary") || !strings.Contains(got, "KEPT=1") {
			t.Errorf("the child gets:\n%s", got)
		}
	}
}

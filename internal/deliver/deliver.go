// Package deliver puts what a workspace receives in its place: variables, files
// and the settings that point clients at the gateway. It starts the child
// process, and takes everything back on every way out, after a kill -9 at the
// next start.
//
// NewPlan makes the child's environment and arguments. Files writes files and
// keeps a ledger of them in the state directory; Sweep takes back what dead
// processes left. Command runs the child under Signals.
package deliver

import (
	"strings"

	"keyfob/api"
)

// The deliveries and states of an api.Outcome.
const (
	byEnv     = "env"
	byFile    = "file"
	byLookup  = "lookup"
	byGateway = "gateway"

	delivered = "delivered"
	conflict  = "conflict"
	failed    = "failed"
	late      = "late"
	removed   = "removed"
)

// ConflictOutcomes are the outcomes of deliveries that lost their target
// already when the manifest was made.
func ConflictOutcomes(m api.Manifest) []api.Outcome {
	var out []api.Outcome
	for _, c := range m.Conflicts {
		kind, target, ok := strings.Cut(c.Target, ":")
		if !ok {
			kind, target = "", c.Target
		}
		out = append(out, api.Outcome{Secret: c.Secret, Delivery: kind, Target: target, State: conflict, With: c.Winner, Why: c.Why})
	}
	return out
}

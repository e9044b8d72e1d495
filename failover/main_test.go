package failover

import (
	"flag"
	"os"
	"testing"
)

// The state machine is cheap: more cases than rapid's 100 by default.
func TestMain(m *testing.M) {
	if f := flag.Lookup("rapid.checks"); f != nil {
		_ = f.Value.Set("2000")
	}
	os.Exit(m.Run())
}

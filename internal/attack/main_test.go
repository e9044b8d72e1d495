//go:build linux

package attack

import (
	"flag"
	"os"
	"testing"

	"keyfob/internal/built"
)

// program is the built keyfob; set by TestMain.
var program string

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "6") // a flag of package testing: these tests wait more than they work
	os.Exit(built.Main(m, &program, built.RaceFlags...))
}

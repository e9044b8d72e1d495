package workspace

import (
	"fmt"
	"testing"
)

// What is in use stays, and however many workspaces come and go the memory of
// them is bounded.
func TestToldIsBounded(t *testing.T) {
	var m told
	m.remember("kept", 7)
	for i := range 10 * toldAtMost {
		m.remember(fmt.Sprint(i), 1)
		if i%1000 == 0 && m.version("kept") != 7 {
			t.Fatalf("one in use is forgotten after %d", i)
		}
	}
	if n := len(m.newer) + len(m.old); n > 2*toldAtMost {
		t.Errorf("%d are remembered", n)
	}
	if m.version("0") != 0 {
		t.Error("the first is remembered still")
	}
	m.forget("kept")
	if m.version("kept") != 0 {
		t.Error("one is remembered that was to be forgotten")
	}
}

//go:build unix

package crash

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestNoAcknowledgedWriteIsLost kills `secret set` 300 times on three homes. A
// write that was acknowledged stands; one that was killed stands as a whole or
// not at all; the audit trail holds together throughout.
func TestNoAcknowledgedWriteIsLost(t *testing.T) {
	for home := range 3 {
		t.Run(fmt.Sprint("home ", home), func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			may := map[string][]string{} // what each secret may hold; "" is that it does not exist
			names := []string{"A", "B", "C", "D"}
			for _, n := range names {
				may[n] = []string{""}
			}
			p.must(t, nil, "vault", "init")
			acknowledged := 0
			for round := range 100 {
				name := names[p.rand.IntN(len(names))]
				value := fmt.Sprintf("value %d of %s %s", round, name, strings.Repeat("x", p.rand.IntN(20_000)))
				if p.kill(t, false, []byte(value), "secret", "set", name, "--lookup") {
					may[name] = []string{value}
					acknowledged++
				} else {
					may[name] = append(may[name], value)
				}
				p.wantOneOf(t, may, name)
			}
			for _, n := range names {
				p.wantOneOf(t, may, n)
			}
			p.must(t, nil, "audit", "verify")
			p.must(t, nil, "doctor")
			t.Logf("%d of 100 writes were acknowledged", acknowledged)
			if acknowledged == 0 || acknowledged == 100 {
				t.Errorf("%d of 100 writes were acknowledged: the kills did not fall within them", acknowledged)
			}
		})
	}
}

// wantOneOf reads a secret, fails unless it holds what it may, and takes what it
// holds as the only thing that it may hold from now on.
func (p *place) wantOneOf(t *testing.T, may map[string][]string, name string) {
	t.Helper()
	got := ""
	if !slices.Equal(may[name], []string{""}) {
		cmd, out := p.command(nil, "secret", "reveal", name, "--confirm", name)
		err := cmd.Run()
		missing := err != nil && cmd.ProcessState.ExitCode() == 5
		if err != nil && !missing {
			t.Fatalf("reveal %s: %v\n%s", name, err, tail(out.String()))
		}
		if !missing {
			got = out.String()
		}
	}
	if !slices.Contains(may[name], got) {
		t.Fatalf("%s holds %d bytes (%.30q…), none of the %d values that it may hold", name, len(got), got, len(may[name]))
	}
	may[name] = []string{got}
}

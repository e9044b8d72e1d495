package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const (
		ran     = `{"Action":"pass","Package":"p","Test":"TestA"}`
		skip    = `{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:1: no such thing here\n"}` + "\n" + `{"Action":"skip","Package":"p","Test":"TestB"}`
		fail    = `{"Action":"output","Package":"p","Test":"TestC","Output":"what went wrong\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"TestC"}`
		hang    = `{"Action":"output","Package":"p","Test":"TestD","Output":"panic: test timed out\n"}` + "\n" + `{"Action":"fail","Package":"p"}`
		closing = `{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}` + "\n" + `{"Action":"pass","Package":"p"}`
	)
	for _, c := range []struct {
		name, in string
		ci       bool
		code     int
		say      []string
	}{
		{"passed", ran + "\n" + closing, true, 0, []string{"ok  \tp\t0.1s", "1 passed (1 top-level run), 0 failed, 0 skipped, in 1 packages"}},
		{"skipped", ran + "\n" + skip, false, 0, []string{"SKIPPED p TestB: b_test.go:1: no such thing here", "1 skipped"}},
		{"skipped in CI", ran + "\n" + skip, true, 1, []string{"SKIPPED p TestB", "a skipped test is a failure"}},
		{"failed", ran + "\n" + fail, false, 1, []string{"what went wrong", "FAILED p TestC", "1 failed"}},
		{"never ended", ran + "\n" + hang, false, 1, []string{"panic: test timed out", "FAILED p TestD (did not end)"}},
		{"nothing ran", closing, false, 1, []string{"no test ran"}},
		{"no event", "plain words\n" + ran, false, 0, []string{"plain words"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			r := newReport(&out)
			r.read(strings.NewReader(c.in))
			if code := r.close(false, c.ci); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, s := range c.say {
				if !strings.Contains(out.String(), s) {
					t.Errorf("%q is missing in:\n%s", s, out.String())
				}
			}
		})
	}
}

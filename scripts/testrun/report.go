package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is a line of `go test -json`; the names are those of cmd/test2json.
type event struct {
	Action, Package, Test, Output string
}

// report holds what is needed to print a test's words only if it failed.
type report struct {
	out                     io.Writer
	said                    map[string][]string // output of tests under way, by package and test
	passed, failed, skipped int                 // tests and subtests
	top                     int                 // of these, the top-level ones that ran
	packages                int                 // with tests
	skips, failures         []string            // "package test", with the reason
}

func newReport(out io.Writer) *report {
	return &report{out: out, said: map[string][]string{}}
}

func (r *report) add(e event) {
	if e.Action == "build-output" {
		fmt.Fprint(r.out, e.Output)
		return
	}
	if e.Test == "" {
		r.addPackage(e)
		return
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output":
		r.said[key] = append(r.said[key], e.Output)
		return
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.failures = append(r.failures, key)
		fmt.Fprint(r.out, strings.Join(r.said[key], ""))
	case "skip":
		r.skipped++
		r.skips = append(r.skips, key+": "+reason(r.said[key]))
	default:
		return // run, pause, cont, bench
	}
	if !strings.Contains(e.Test, "/") {
		r.top++
	}
	delete(r.said, key)
}

func (r *report) addPackage(e event) {
	switch e.Action {
	case "output":
		if e.Output != "PASS\n" {
			fmt.Fprint(r.out, e.Output)
		}
	case "pass":
		r.packages++
	case "fail":
		r.packages++
		r.unfinished(e.Package)
	}
}

// unfinished prints what tests said that never ended: the process did, by a
// panic or the time-out.
func (r *report) unfinished(pkg string) {
	var keys []string
	for key := range r.said {
		if strings.HasPrefix(key, pkg+" ") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		fmt.Fprint(r.out, strings.Join(r.said[key], ""))
		r.failures = append(r.failures, key+" (did not end)")
		delete(r.said, key)
	}
}

// reason is what a skipped test said, on one line, without go test's own words.
func reason(said []string) string {
	var words []string
	for _, line := range said {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "===") && !strings.HasPrefix(line, "---") {
			words = append(words, line)
		}
	}
	if len(words) == 0 {
		return "no reason given"
	}
	return strings.Join(words, " ")
}

// close prints the names and the counts, and gives the exit code.
func (r *report) close(failed, ci bool) int {
	for _, s := range r.skips {
		fmt.Fprintln(r.out, "SKIPPED", s)
	}
	for _, f := range r.failures {
		fmt.Fprintln(r.out, "FAILED", f)
	}
	fmt.Fprintf(r.out, "tests: %d passed (%d top-level run), %d failed, %d skipped, in %d packages\n",
		r.passed, r.top, r.failed, r.skipped, r.packages)
	switch {
	case failed || len(r.failures) > 0:
		return 1
	case ci && r.skipped > 0:
		fmt.Fprintln(r.out, "a skipped test is a failure where CI is set")
		return 1
	case r.passed == 0:
		fmt.Fprintln(r.out, "no test ran")
		return 1
	}
	return 0
}

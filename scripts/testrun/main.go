// Command testrun runs `go test -json` with its arguments and prints what a
// person wants to read: go test's closing line of each package, everything a
// failing test said, every skipped test by name with its reason, and the counts.
//
// With CI set (to anything but "" and "false") a skipped test is a failure: a
// test that did not run has shown nothing.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout))
}

func run(args []string, out io.Writer) int {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		fmt.Fprintln(out, "testrun:", err)
		return 1
	}
	r := newReport(out)
	r.read(pipe)
	failed := cmd.Wait() != nil
	ci := os.Getenv("CI")
	return r.close(failed, ci != "" && ci != "false")
}

// read takes events until the end; lines that are no events go out as they are.
func (r *report) read(src io.Reader) {
	in := bufio.NewReader(src)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				_, _ = r.out.Write(line) // what cannot be read must still be seen
			} else {
				r.add(e)
			}
		}
		if err != nil {
			return
		}
	}
}

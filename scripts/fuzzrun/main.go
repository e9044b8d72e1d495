// Command fuzzrun finds every fuzz target of the module and runs each for a
// bounded time: `fuzzrun [-time 5s] [-jobs 2] [-match REGEXP] [DIR]`.
//
// Targets are found in the source, so none has to be listed anywhere.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

func main() {
	each := flag.Duration("time", 5*time.Second, "how long each target runs")
	jobs := flag.Int("jobs", 2, "targets at the same time, one worker each")
	match := flag.String("match", "", "only targets whose \"package.name\" matches")
	flag.Parse()
	dir := "."
	if flag.NArg() > 0 {
		dir = flag.Arg(0)
	}
	os.Exit(run(dir, *each, *jobs, *match))
}

func run(dir string, each time.Duration, jobs int, match string) int {
	want, err := regexp.Compile(match)
	if err != nil {
		fmt.Println("fuzzrun:", err)
		return 2
	}
	targets, err := find(dir)
	if err != nil || len(targets) == 0 {
		fmt.Println("fuzzrun: no targets found:", err)
		return 1
	}
	var (
		mu     sync.Mutex // guards failed and the order of what is printed
		failed int
		wg     sync.WaitGroup
		slots  = make(chan struct{}, max(jobs, 1))
	)
	ran := 0
	for _, t := range targets {
		if !want.MatchString(t.dir + "." + t.name) {
			continue
		}
		ran++
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			out, ok := t.fuzz(dir, each)
			mu.Lock()
			defer mu.Unlock()
			if !ok {
				failed++
			}
			fmt.Print(out)
		})
	}
	wg.Wait()
	fmt.Printf("fuzz: %d targets, %s each, %d failed\n", ran, each, failed)
	if failed > 0 {
		return 1
	}
	return 0
}

// fuzz runs one target. Go's fuzzing now and then ends a clean run with its own
// "context deadline exceeded"; a run that says only that is made once more.
func (t target) fuzz(root string, each time.Duration) (string, bool) {
	for again := false; ; again = true {
		cmd := exec.Command("go", "test", "-run=^$", "-fuzz=^"+t.name+"$",
			"-fuzztime="+each.String(), "-parallel=1", "./"+t.dir)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		if err == nil {
			return "ok  \t" + t.dir + " " + t.name + "\t" + last(string(out)) + "\n", true
		}
		text := string(out)
		flake := strings.Contains(text, "context deadline exceeded") && !strings.Contains(text, "Failing input written")
		if !flake || again {
			return "FAIL\t" + t.dir + " " + t.name + "\n" + text, false
		}
	}
}

var execs = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`execs: (\d+)`) })

// last is how many inputs were tried, as the last line that says so has it.
func last(out string) string {
	all := execs().FindAllStringSubmatch(out, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1] + " inputs"
}

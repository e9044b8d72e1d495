//go:build unix

package deliver

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyfob/api"
)

// TestMain lets this binary be the child processes that tests start.
func TestMain(m *testing.M) {
	switch os.Getenv("DELIVER_TEST") {
	case "deliver":
		deliverForever()
	case "run":
		os.Exit(runForTest())
	}
	os.Exit(m.Run())
}

// deliverForever delivers and takes back until it is killed, telling once that
// it has begun.
func deliverForever() {
	home, state := os.Getenv("DELIVER_HOME"), os.Getenv("DELIVER_STATE")
	fmt.Println("begun")
	for i := 0; ; i++ {
		f := NewFiles(FilesConfig{Home: home, State: state, Overwrite: true})
		for j := range 3 {
			f.Deliver(ctx, []api.FileDelivery{
				file("plain", "~/plain", strings.Repeat(fmt.Sprint(i+j), 4096)), file("over", "~/mine", fmt.Sprint(i, j)),
				file("deep", "~/new/dir/f", "v"), file("tool", "~/.kube/config", "v"),
			})
		}
		f.Close(ctx)
	}
}

// Wherever kill -9 strikes, the next start brings back every foreign file and
// leaves nothing of ours, and no reader ever sees half a file.
func TestKillAnywhere(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	w := newWorld(t, t.TempDir())
	w.put("mine", "precious", 0o640)
	w.put(".kube/config", "theirs", 0o644)
	w.put("other/x", "x", 0o644)
	before := w.tree()
	r := rand.New(rand.NewPCG(1, 2))
	for range rounds {
		killDeliverer(t, w, time.Duration(r.IntN(15_000))*time.Microsecond)
		for name, content := range w.tree() {
			if name == "plain" && len(strings.TrimPrefix(content, "file:"))%4096 != 0 {
				t.Fatalf("half a file is there: %d bytes", len(content))
			}
		}
		if err := Sweep(ctx, w.state); err != nil {
			t.Fatal(err)
		}
		if got := w.tree(); !maps.Equal(got, before) {
			raw, _ := os.ReadFile(bookIn(w.state).file())
			t.Fatalf("the home holds %q, want %q; ledger %s", keys(got), keys(before), raw)
		}
		w.wantClean()
	}
	if notes, err := Notes(w.state); err != nil || len(notes) != 0 {
		t.Errorf("notes %+v, %v", notes, err)
	}
}

func keys(m map[string]string) []string {
	var out []string
	for k, v := range m {
		out = append(out, fmt.Sprintf("%s=%.20s", k, v))
	}
	return out
}

// killDeliverer lets one run for a while. The time only spreads where the kill
// strikes; nothing is decided by it.
func killDeliverer(t *testing.T, w *world, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DELIVER_TEST=deliver", "DELIVER_HOME="+w.home, "DELIVER_STATE="+w.state)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	<-time.After(after)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// After any sequence of deliveries, edits, deaths and sweeps, when all are gone,
// every foreign file is as its owner left it and nothing of ours is there.
func TestAnySequenceLeavesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &machine{w: newWorld(t, dir), live: map[string]*Files{}, foreign: map[string]string{}}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			m.step(rt)
		}
		m.end(rt)
	})
}

type machine struct {
	w       *world
	n       int
	live    map[string]*Files
	foreign map[string]string // what its owner last wrote there, by path
}

var seqPaths = []string{"a", "d/a", "d/e/a", ".npmrc"}

func (m *machine) step(rt *rapid.T) {
	switch rapid.SampledFrom([]string{"deliver", "deliver", "foreign", "close", "die", "sweep", "edit"}).Draw(rt, "act") {
	case "deliver":
		m.n++
		p := fmt.Sprint("p", m.n)
		f := m.w.files(p, rapid.Bool().Draw(rt, "overwrite"))
		var in []api.FileDelivery
		for _, path := range rapid.SliceOfDistinct(rapid.SampledFrom(seqPaths), rapid.ID).Draw(rt, "paths") {
			in = append(in, file("s"+path, "~/"+path, rapid.SampledFrom([]string{"v1", "v2"}).Draw(rt, "value")))
		}
		f.Deliver(ctx, in)
		m.live[p] = f
	case "foreign", "edit":
		path := rapid.SampledFrom(seqPaths).Draw(rt, "path")
		m.n++
		text := fmt.Sprint("foreign", m.n)
		m.w.put(path, text, 0o644)
		m.foreign[text] = path
	case "close", "die":
		for p, f := range m.live {
			if rapid.Bool().Draw(rt, "close") {
				f.Close(ctx)
			}
			m.w.kill(p)
			delete(m.live, p)
			break
		}
	case "sweep":
		m.w.sweep()
	}
}

func (m *machine) end(rt *rapid.T) {
	for p := range m.live {
		m.w.kill(p)
	}
	m.w.sweep()
	last := map[string]string{}
	for rel, content := range m.w.tree() {
		text, isFile := strings.CutPrefix(content, "file:")
		if !isFile {
			continue
		}
		if strings.HasPrefix(text, "v") {
			rt.Fatalf("ours is left at %s", rel)
		}
		last[text] = rel
	}
	// The newest text of each path is somewhere still: there, or, where its
	// owner wrote over our file meanwhile, the one before it in the backup.
	newest := map[string]string{}
	for i := 1; i <= m.n; i++ {
		text := fmt.Sprint("foreign", i)
		if p, ok := m.foreign[text]; ok {
			newest[p] = text
		}
	}
	for path, text := range newest {
		if last[text] != path {
			rt.Fatalf("%s is at %q, want %s: %q", text, last[text], path, m.w.tree())
		}
	}
	m.w.wantClean()
	if _, err := os.Lstat(filepath.Join(m.w.state, "deliver", "ledger.json.tmp")); err == nil {
		rt.Fatal("half a ledger is left")
	}
}

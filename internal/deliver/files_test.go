//go:build unix

package deliver

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
)

// world is a home directory, Keyfob's own directory, and who is alive.
type world struct {
	t           testing.TB
	home, state string
	mu          sync.Mutex
	dead        map[string]bool
}

func newWorld(t testing.TB, dir string) *world {
	w := &world{t: t, home: filepath.Join(dir, "home"), state: filepath.Join(dir, "state"), dead: map[string]bool{}}
	for _, d := range []string{w.home, w.state} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) alive(p string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.dead[p]
}

func (w *world) kill(p string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead[p] = true
}

func (w *world) files(process string, overwrite bool) *Files {
	return NewFiles(FilesConfig{Home: w.home, State: w.state, Process: process, Overwrite: overwrite, Alive: w.alive, Deadline: time.Minute})
}

func (w *world) sweep() {
	w.t.Helper()
	if err := sweep(context.Background(), w.state, w.alive); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) put(rel, content string, mode fs.FileMode) {
	w.t.Helper()
	p := filepath.Join(w.home, rel)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), mode); err != nil {
		w.t.Fatal(err)
	}
}

// tree is every path below the home with its content.
func (w *world) tree() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(w.home, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(w.home, p)
		switch {
		case d.IsDir():
			out[rel] = "dir"
		case d.Type()&fs.ModeSymlink != 0:
			out[rel] = "link"
		default:
			b, err := os.ReadFile(p)
			out[rel] = "file:" + string(b)
			return err
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) wantTree(want map[string]string) {
	w.t.Helper()
	if got := w.tree(); !maps.Equal(got, want) {
		w.t.Errorf("the home holds %q, want %q", got, want)
	}
}

// wantClean says that the ledger is empty and nothing private is left.
func (w *world) wantClean() {
	w.t.Helper()
	l, err := bookIn(w.state).read()
	if err != nil {
		w.t.Fatal(err)
	}
	if l != nil && (len(l.Entries) > 0 || len(l.Dirs) > 0) {
		w.t.Errorf("the ledger still holds %v and %v", slices.Collect(maps.Keys(l.Entries)), l.Dirs)
	}
	if _, err := os.Lstat(bookIn(w.state).private()); err == nil {
		w.t.Error("the private directory is left")
	}
}

func file(secret, path, value string) api.FileDelivery {
	return api.FileDelivery{Secret: secret, Path: path, Value: api.NewValue([]byte(value))}
}

func states(r []api.Outcome) []string {
	var out []string
	for _, o := range r {
		out = append(out, o.State)
	}
	return out
}

func wantStates(t *testing.T, got []api.Outcome, want ...string) {
	t.Helper()
	if !slices.Equal(states(got), want) {
		t.Fatalf("outcomes %+v, want %q", got, want)
	}
}

var ctx = context.Background()

func TestFilesComeAndGo(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.put("keep/mine", "x", 0o644)
	before := w.tree()
	f := w.files("a", false)
	r := f.Deliver(ctx, []api.FileDelivery{file("s", "~/.deep/er/file", "value\x00\xff"), file("k", "~/keep/ours", "two")})
	wantStates(t, r.Outcomes, delivered, delivered)
	p := filepath.Join(w.home, ".deep/er/file")
	if b, _ := os.ReadFile(p); string(b) != "value\x00\xff" {
		t.Errorf("content %q", b)
	}
	for path, want := range map[string]fs.FileMode{p: 0o600, filepath.Dir(p): 0o700, filepath.Join(w.home, ".deep"): 0o700, bookIn(w.state).file(): 0o600} {
		if st, err := os.Lstat(path); err != nil || st.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %v", path, st.Mode(), err, want)
		}
	}
	raw, _ := os.ReadFile(bookIn(w.state).file())
	if strings.Contains(string(raw), "value") || strings.Contains(string(raw), "two") {
		t.Error("the ledger holds a value")
	}
	wantStates(t, f.Close(ctx), removed, removed)
	w.wantTree(before)
	w.wantClean()
	if got := f.Deliver(ctx, []api.FileDelivery{file("s", "~/late", "x")}); got.Outcomes[0].State == delivered {
		t.Error("delivered after Close")
	}
	w.wantTree(before)
}

func TestForeignFileIsLeftAlone(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.put("f", "mine", 0o644)
	before := w.tree()
	f := w.files("a", false)
	wantStates(t, f.Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v")}).Outcomes, conflict)
	f.Close(ctx)
	w.wantTree(before)
}

func TestOverwriteMovesAsideAndRestores(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.put("f", "mine", 0o644)
	was, _ := os.Lstat(filepath.Join(w.home, "f"))
	before := w.tree()
	f := w.files("a", true)
	r := f.Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v")})
	wantStates(t, r.Outcomes, delivered)
	st, _ := os.Lstat(filepath.Join(w.home, "f"))
	if b, _ := os.ReadFile(filepath.Join(w.home, "f")); string(b) != "v" || st.Mode().Perm() != 0o600 {
		t.Errorf("%q with mode %v stands there", b, st.Mode())
	}
	wantStates(t, f.Close(ctx), removed)
	w.wantTree(before)
	if now, _ := os.Lstat(filepath.Join(w.home, "f")); !os.SameFile(was, now) || now.Mode() != was.Mode() {
		t.Error("another file came back")
	}
}

func TestTwoHolders(t *testing.T) {
	for _, overwrite := range []bool{false, true} {
		w := newWorld(t, t.TempDir())
		if overwrite {
			w.put("f", "mine", 0o644)
		}
		before := w.tree()
		a, b := w.files("a", overwrite), w.files("b", overwrite)
		wantStates(t, a.Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v")}).Outcomes, delivered)
		wantStates(t, b.Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v2")}).Outcomes, delivered)
		wantStates(t, w.files("c", overwrite).Deliver(ctx, []api.FileDelivery{file("other", "~/f", "v")}).Outcomes, conflict)
		wantStates(t, a.Close(ctx))
		if got, _ := os.ReadFile(filepath.Join(w.home, "f")); string(got) != "v2" {
			t.Errorf("the second holder has %q", got)
		}
		wantStates(t, b.Close(ctx), removed)
		w.wantTree(before)
		w.wantClean()
	}
}

func TestChangedFileIsKept(t *testing.T) {
	for _, how := range []string{"in place", "replaced", "replaced with a link"} {
		w := newWorld(t, t.TempDir())
		w.put("f", "mine", 0o644)
		f := w.files("a", true)
		wantStates(t, f.Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v")}).Outcomes, delivered)
		p := filepath.Join(w.home, "f")
		switch how {
		case "in place":
			w.put("f", "edited", 0o600)
		case "replaced":
			w.put("g", "v", 0o600) // the same content in a file of somebody else's
			if err := os.Rename(filepath.Join(w.home, "g"), p); err != nil {
				t.Fatal(err)
			}
		default:
			w.put("g", "v", 0o600)
			if err := os.Remove(p); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("g", p); err != nil {
				t.Fatal(err)
			}
		}
		edited := w.tree()["f"]
		wantStates(t, f.Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v")}).Outcomes, map[bool]string{true: failed, false: conflict}[how == "replaced with a link"])
		out := f.Close(ctx)
		wantStates(t, out, conflict)
		tree := w.tree()
		if tree["f"] != edited {
			t.Errorf("%s: %q stands there, want %q", how, tree["f"], edited)
		}
		kept := false
		for name, content := range tree {
			kept = kept || content == "file:mine" && strings.Contains(out[0].Why, name)
		}
		if !kept {
			t.Errorf("%s: the file from before is gone or not named: %q, %+v", how, tree, out)
		}
		w.wantClean()
	}
}

func TestDeletedFileIsNoFault(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.put("f", "mine", 0o644)
	before := w.tree()
	f := w.files("a", true)
	f.Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v"), file("d", "~/d/d", "v")})
	if err := os.RemoveAll(filepath.Join(w.home, "d")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(w.home, "f")); err != nil {
		t.Fatal(err)
	}
	wantStates(t, f.Close(ctx), removed, removed)
	w.wantTree(before)
	w.wantClean()
}

func TestDirectoryWithSomethingElseInItStays(t *testing.T) {
	w := newWorld(t, t.TempDir())
	f := w.files("a", false)
	f.Deliver(ctx, []api.FileDelivery{file("s", "~/d/e/f", "v")})
	w.put("d/mine", "x", 0o644)
	f.Close(ctx)
	w.wantTree(map[string]string{".": "dir", "d": "dir", "d/mine": "file:x"})
	w.wantClean()
}

func TestDeliverAgainMakesItExactlyThese(t *testing.T) {
	w := newWorld(t, t.TempDir())
	f := w.files("a", false)
	f.Deliver(ctx, []api.FileDelivery{file("a", "~/a", "1"), file("b", "~/d/b", "1")})
	r := f.Deliver(ctx, []api.FileDelivery{file("a", "~/a", "2"), file("c", "~/c", "1")})
	wantStates(t, r.Outcomes, removed, delivered, delivered)
	w.wantTree(map[string]string{".": "dir", "a": "file:2", "c": "file:1"})
	wantStates(t, f.Deliver(ctx, nil).Outcomes, removed, removed)
	w.wantTree(map[string]string{".": "dir"})
	w.wantClean()
}

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	outside := filepath.Join(dir, "outside")
	for _, d := range []string{outside, filepath.Join(w.home, "real")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.put("target", "mine", 0o644)
	for name, to := range map[string]string{"inside": filepath.Join(w.home, "real"), "out": outside, "dangling": filepath.Join(outside, "none"), "final": "target", "circle": "circle"} {
		if err := os.Symlink(to, filepath.Join(w.home, name)); err != nil {
			t.Fatal(err)
		}
	}
	before := w.tree()
	f := w.files("a", true)
	in := []api.FileDelivery{
		file("in", "~/inside/f", "v"), file("twice", "~/real/f", "v"), file("out", "~/out/f", "v"), file("new", "~/out/new/f", "v"),
		file("dangling", "~/dangling/f", "v"), file("final", "~/final", "v"), file("circle", "~/circle/f", "v"),
		file("abs", filepath.Join(outside, "f"), "v"), file("dots", "~/../outside/g", "v"), file("dir", "~/real", "v"), file("under", "~/target/f", "v"),
	}
	r := f.Deliver(ctx, in)
	wantStates(t, r.Outcomes, delivered, conflict, failed, failed, failed, failed, failed, delivered, failed, failed, failed)
	if r.Outcomes[1].With != "in" {
		t.Errorf("conflict with %q", r.Outcomes[1].With)
	}
	if b, _ := os.ReadFile(filepath.Join(w.home, "real/f")); string(b) != "v" {
		t.Error("a linked directory inside the home must do")
	}
	f.Close(ctx)
	w.wantTree(before)
	if left, _ := os.ReadDir(outside); len(left) != 0 {
		t.Errorf("left outside: %v", left)
	}
	w.wantClean()
}

// A directory of the path became a link between its resolution and the write,
// and the file went to where the link leads, out of the home directory.
func TestLinkSwappedInAfterResolution(t *testing.T) {
	for name, path := range map[string]string{"was there": "~/d/f", "was to be made": "~/new/f", "deeper": "~/d/new/deep/f"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			w := newWorld(t, dir)
			outside := filepath.Join(dir, "outside")
			for _, d := range []string{outside, filepath.Join(w.home, "d")} {
				if err := os.Mkdir(d, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			p, err := resolve(w.home, path)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range []string{"d", "new"} {
				at := filepath.Join(w.home, d)
				if err := errors.Join(os.RemoveAll(at), os.Symlink(outside, at)); err != nil {
					t.Fatal(err)
				}
			}
			b := newBatch(w.files("a", false), []api.FileDelivery{file("s", path, "v")})
			b.jobs[0].place = p
			b.writeAll(b.jobs)
			o := b.result().Outcomes
			wantStates(t, o, failed)
			if !strings.Contains(o[0].Why, "out of the home directory") {
				t.Errorf("the reason is %q", o[0].Why)
			}
			if left, _ := os.ReadDir(outside); len(left) > 0 {
				t.Errorf("written outside: %v", left)
			}
			w.wantClean()
		})
	}
}

// With --overwrite a secret whose path was that of the root key moved it aside,
// and after a kill -9 no start could open the vault to put it back.
func TestOwnDirectoryIsNoPlaceForFiles(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, dir)
	key := filepath.Join(w.state, "root.key")
	if err := os.WriteFile(key, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(w.state, filepath.Join(w.home, "link")); err != nil {
		t.Fatal(err)
	}
	f := w.files("a", true)
	r := f.Deliver(ctx, []api.FileDelivery{
		file("key", key, "v"), file("new", filepath.Join(w.state, "new/f"), "v"), file("itself", w.state, "v"),
		file("link", filepath.Join(w.home, "link", "root.key"), "v"), file("beside", w.state+"2", "v"),
	})
	wantStates(t, r.Outcomes, failed, failed, failed, failed, delivered)
	if b, _ := os.ReadFile(key); string(b) != "mine" {
		t.Errorf("the root key is %q", b)
	}
	f.Close(ctx)
	w.wantClean()
}

// An entry that is none ended every command by a nil pointer, and one whose names
// lead elsewhere was tried again at each start.
func TestLedgerWithoutSense(t *testing.T) {
	for name, entries := range map[string]string{
		"no entry":       `"/etc/hostname":null`,
		"relative":       `"f":{"holders":["a"],"temp":"t","trash":"o"}`,
		"name elsewhere": `"/d/f":{"holders":["a"],"temp":"../t","trash":"o"}`,
		"no names":       `"/d/f":{"holders":["a"]}`,
		"parent":         `"/d/f":{"holders":["a"],"temp":"t","trash":"o","backup":".."}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, t.TempDir())
			b := bookIn(w.state)
			if err := os.Mkdir(b.dir, 0o700); err != nil {
				t.Fatal(err)
			}
			text := `{"version":1,"key":"AA==","entries":{` + entries + `}}`
			if err := os.WriteFile(b.file(), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := sweep(ctx, w.state, w.alive)
			if e, ok := errors.AsType[*core.Error](err); !ok || e.Hint == "" || !strings.Contains(e.Message, "damaged") {
				t.Errorf("%v", err)
			}
			wantStates(t, w.files("b", false).Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v")}).Outcomes, failed)
			if now, _ := os.ReadFile(b.file()); string(now) != text {
				t.Error("it was changed")
			}
		})
	}
}

// A disk that does not tell names apart shows one file under both: here a hard
// link does.
func TestTwoNamesForOneFile(t *testing.T) {
	w := newWorld(t, t.TempDir())
	f := w.files("a", true)
	wantStates(t, f.Deliver(ctx, []api.FileDelivery{file("one", "~/Name", "v")}).Outcomes, delivered)
	if err := os.Link(filepath.Join(w.home, "Name"), filepath.Join(w.home, "name")); err != nil {
		t.Fatal(err)
	}
	r := f.Deliver(ctx, []api.FileDelivery{file("one", "~/Name", "v"), file("two", "~/name", "w")})
	wantStates(t, r.Outcomes, delivered, conflict)
	if r.Outcomes[1].With != "one" {
		t.Errorf("conflict with %q", r.Outcomes[1].With)
	}
}

func TestKnownToolGetsAPrivateFile(t *testing.T) {
	for path, variable := range map[string]string{"~/.kube/config": "KUBECONFIG", "~/.docker/../.docker/config.json": "DOCKER_CONFIG"} {
		w := newWorld(t, t.TempDir())
		rel := strings.TrimPrefix(filepath.Clean(path), "~/")
		w.put(rel, "mine", 0o644)
		before := w.tree()
		f := w.files("a", false)
		r := f.Deliver(ctx, []api.FileDelivery{file("s", path, "v")})
		wantStates(t, r.Outcomes, delivered)
		if len(r.Tools) != 1 || r.Tools[0].Name != variable {
			t.Fatalf("tools %+v", r.Tools)
		}
		place := r.Tools[0].Value
		if variable == "DOCKER_CONFIG" {
			place = filepath.Join(place, "config.json")
		}
		if b, _ := os.ReadFile(place); string(b) != "v" {
			t.Errorf("%s holds %q", place, b)
		}
		w.wantTree(before)
		r = f.Deliver(ctx, []api.FileDelivery{file("s", path, "v2")})
		if b, _ := os.ReadFile(place); string(b) != "v2" || len(r.Tools) != 1 || r.Tools[0].Name != variable {
			t.Errorf("delivered again: %q, %+v", b, r)
		}
		wantStates(t, f.Close(ctx), removed)
		w.wantTree(before)
		w.wantClean()
		if o := w.files("b", true).Preview(ctx, []api.FileDelivery{file("s", path, "v")}); len(o.Tools) != 0 || o.Outcomes[0].State != delivered {
			t.Errorf("--overwrite asks for the place itself: %+v", o)
		}
		w.wantTree(before)
	}
}

func TestPreviewWritesNothing(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.put(".kube/config", "mine", 0o644)
	w.put("f", "mine", 0o644)
	before := w.tree()
	r := w.files("a", false).Preview(ctx, []api.FileDelivery{file("s", "~/.kube/config", "v"), file("n", "~/n/n", "v"), file("f", "~/f", "v")})
	wantStates(t, r.Outcomes, delivered, delivered, conflict)
	if len(r.Tools) != 1 {
		t.Errorf("tools: %+v", r.Tools)
	}
	w.wantTree(before)
	if left, _ := os.ReadDir(w.state); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestSweepTakesBackWhatTheDeadLeft(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.put("f", "mine", 0o644)
	before := w.tree()
	w.files("a", true).Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v"), file("d", "~/d/d", "v"), file("e", "~/e", "v")})
	b := w.files("b", true)
	b.Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v")})
	w.kill("a")
	w.put("e", "edited", 0o600)
	w.sweep()
	if tree := w.tree(); tree["f"] != "file:v" || tree["d"] != "" || tree["e"] != "file:edited" {
		t.Errorf("after the sweep: %q", tree)
	}
	notes, err := Notes(w.state)
	if err != nil || len(notes) != 1 || notes[0].Secret != "e" {
		t.Errorf("notes %+v, %v", notes, err)
	}
	if again, _ := Notes(w.state); len(again) != 0 {
		t.Error("notes are told twice")
	}
	b.Close(ctx)
	before["e"] = "file:edited"
	w.wantTree(before)
	w.wantClean()
}

// A disk that hangs is stood for by its directory's lock, which somebody holds.
func TestLateFile(t *testing.T) {
	w := newWorld(t, t.TempDir())
	w.put("hung/x", "x", 0o644)
	hung, err := filepath.EvalSymlinks(filepath.Join(w.home, "hung"))
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := bookIn(w.state).lockDir(hung)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(ctx)
	f := w.files("a", false)
	quick := make(chan Result)
	go func() {
		quick <- f.Deliver(over, []api.FileDelivery{file("late", "~/hung/f", "v"), file("quick", "~/q", "v")})
	}()
	for _, err := os.Lstat(filepath.Join(w.home, "q")); err != nil; _, err = os.Lstat(filepath.Join(w.home, "q")) {
		runtime.Gosched()
	}
	cancel()
	r := <-quick
	if r.Outcomes[0].State != late {
		t.Fatalf("outcomes %+v", r.Outcomes)
	}
	unlock()
	f.wg.Wait()
	if w.tree()["hung/f"] != "file:v" {
		t.Error("the late file did not arrive")
	}
	wantStates(t, f.Close(ctx), removed, removed)
	w.wantTree(map[string]string{".": "dir", "hung": "dir", "hung/x": "file:x"})
	w.wantClean()
}

func TestUnwritableAndDamaged(t *testing.T) {
	w := newWorld(t, t.TempDir())
	if err := os.WriteFile(bookIn(w.state).dir, nil, 0o600); err != nil { // where the ledger's directory goes
		t.Fatal(err)
	}
	r := w.files("a", false).Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v")})
	wantStates(t, r.Outcomes, failed)
	w.wantTree(map[string]string{".": "dir"})

	w = newWorld(t, t.TempDir())
	f := w.files("a", false)
	f.Deliver(ctx, []api.FileDelivery{file("s", "~/f", "v")})
	if err := os.WriteFile(bookIn(w.state).file(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sweep(ctx, w.state, w.alive); err == nil {
		t.Error("a damaged ledger is passed over")
	}
	wantStates(t, f.Close(ctx), failed)
}

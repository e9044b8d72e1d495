//go:build e2e && linux

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"keyfob/keyfobtest"
)

// wantFailover fails unless, for each model, the rate-limited account was asked
// at most once, and the same body then went to the other account and was
// answered. A second 429 for a model would mean that somebody tried again.
func wantFailover(t *testing.T, requests []keyfobtest.Request) {
	t.Helper()
	limited, good := map[string]int{}, 0
	var refused [][]byte
	for _, r := range requests {
		if r.Method != "POST" {
			continue
		}
		switch {
		case r.Account == "work" && r.Status == 429:
			limited[model(r)]++
			refused = append(refused, r.Body)
		case r.Account == "personal" && r.Status == 200:
			good++
			refused = slices.DeleteFunc(refused, func(b []byte) bool { return bytes.Equal(b, r.Body) })
		default:
			t.Errorf("request %d: %s %s by %q was answered %d", r.N, r.Method, r.Path, r.Account, r.Status)
		}
	}
	if len(limited) == 0 || good == 0 {
		t.Errorf("%d models were refused and %d requests answered: no failover happened", len(limited), good)
	}
	for m, n := range limited {
		if n > 1 {
			t.Errorf("the rate-limited account was asked %d times for %s", n, m)
		}
	}
	if len(refused) > 0 {
		t.Errorf("%d refused requests did not reach the second account with the same body", len(refused))
	}
}

// model is what the request asks for, from the body or Google's path.
func model(r keyfobtest.Request) string {
	var body struct{ Model string }
	if json.Unmarshal(r.Body, &body) == nil && body.Model != "" {
		return body.Model
	}
	return r.Path
}

// wantNoneOf fails if any of these values, in any common form, stands in what
// the provider received.
func wantNoneOf(t *testing.T, values map[string]string, requests []keyfobtest.Request) {
	t.Helper()
	canary := keyfobtest.NewCanary(values)
	if len(canary.Find([]byte(strings.Join(slices.Collect(mapValues(values)), " ")))) != len(values) {
		t.Fatal("the canary does not find what it looks for")
	}
	for _, r := range requests {
		for _, hit := range canary.Find(whole(r)) {
			t.Errorf("request %d holds %s (%s)", r.N, hit.Name, hit.Form)
		}
	}
}

func mapValues(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// whole is a request's text, without the credential that the gateway put on.
func whole(r keyfobtest.Request) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s?%s\n%s\n", r.Method, r.Path, r.RawQuery, r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			if v == r.Key || v == "Bearer "+r.Key {
				continue
			}
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	b.Write(r.Body)
	return b.Bytes()
}

// wantNoneBelow fails if one of these values stands in a file, a name or a link
// below the directory.
func wantNoneBelow(t *testing.T, values map[string]string, dir string) {
	t.Helper()
	hits, err := keyfobtest.NewCanary(values).FindDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hits {
		t.Errorf("%s stands in %s (%s)", h.Name, h.Path, h.Form)
	}
}

// witness reads the environment and arguments of the client's processes while
// they wait for the provider's answer.
type witness struct {
	home string

	mu   sync.Mutex // guards what follows
	seen map[string][]byte
}

// look reads every process that has the place's HOME, but for Keyfob itself,
// which is hardened against such reading where it matters.
func (w *witness) look() {
	entries, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range entries {
		exe, err := os.Readlink(filepath.Join(proc, "exe"))
		if err != nil || exe == os.Getenv(insideVar) {
			continue
		}
		env, err := os.ReadFile(filepath.Join(proc, "environ"))
		if err != nil || !bytes.Contains(env, []byte("HOME="+w.home+"\x00")) {
			continue
		}
		args, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		w.mu.Lock()
		if w.seen == nil {
			w.seen = map[string][]byte{}
		}
		w.seen[filepath.Base(exe)+" "+filepath.Base(proc)] = append(env, args...)
		w.mu.Unlock()
	}
}

// wantClean fails unless a process of this program was seen and none held any of
// the values.
func (w *witness) wantClean(t *testing.T, program string, values map[string]string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	found := false
	canary := keyfobtest.NewCanary(values)
	for name, text := range w.seen {
		found = found || strings.HasPrefix(name, program+" ")
		for _, hit := range canary.Find(text) {
			t.Errorf("process %s has %s in its environment or arguments", name, hit.Name)
		}
	}
	if !found {
		t.Errorf("no process of %s was seen: %d others were", program, len(w.seen))
	}
}

// foreign is a file of somebody else, as it was.
type foreign struct {
	path, text string
	stat       os.FileInfo
}

func (p *place) foreign(t *testing.T, name, text string) foreign {
	t.Helper()
	path := p.write(t, name, text)
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return foreign{path, text, stat}
}

// wantUntouched fails if the file has other bytes, another inode or another time
// of change than before.
func (f foreign) wantUntouched(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	now, err := os.Stat(f.path)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != f.text {
		t.Errorf("%s has other bytes than before", f.path)
	}
	before, after := f.stat.Sys().(*syscall.Stat_t), now.Sys().(*syscall.Stat_t)
	if before.Ino != after.Ino || f.stat.ModTime() != now.ModTime() || before.Ctim != after.Ctim || f.stat.Mode() != now.Mode() {
		t.Errorf("%s was written anew", f.path)
	}
}

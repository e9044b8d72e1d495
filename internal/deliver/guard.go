package deliver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
)

// Guard keeps a client from losing the entries of a file of its own that is
// hidden from it. OpenCode, for one, takes its logins from a variable while that
// is set, yet still writes its file: a login made meanwhile would replace all
// earlier ones. The entries stay in memory and are put back at the end.
type Guard struct{ files []guarded }

type guarded struct {
	path   string
	before func() map[string]json.RawMessage
}

// maxGuarded is the largest file that is guarded, in bytes.
const maxGuarded = 1 << 20

// NewGuard reads the files' entries. What is no JSON object is not guarded.
func NewGuard(paths []string) *Guard {
	g := &Guard{}
	for _, p := range paths {
		if entries, err := readEntries(p); err == nil && len(entries) > 0 {
			g.files = append(g.files, guarded{p, func() map[string]json.RawMessage { return entries }})
		}
	}
	return g
}

func readEntries(path string) (map[string]json.RawMessage, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxGuarded+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxGuarded {
		return nil, errors.New("the file is too large")
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(b, &out); err != nil || out == nil {
		return nil, errNotObject
	}
	return out, nil
}

// Close puts lost entries back, and names the files in which it did. A file
// counts as rewritten blindly where it holds at most one entry and lacks
// earlier ones; one that is gone was removed on purpose.
func (g *Guard) Close() ([]string, error) {
	var done []string
	var errs []error
	for _, f := range g.files {
		now, err := readEntries(f.path)
		if err != nil || len(now) > 1 {
			continue
		}
		all := f.before()
		before := len(all)
		all = maps.Clone(all)
		maps.Copy(all, now)
		if before == len(now) && len(all) == before {
			continue
		}
		if err := replaceJSON(f.path, all); err != nil {
			errs = append(errs, err)
			continue
		}
		done = append(done, f.path)
	}
	return done, errors.Join(errs...)
}

// replaceJSON replaces the file as a whole, behind a link if it is one.
func replaceJSON(path string, v any) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(real), ".keyfob-*.tmp") // 0600
	if err != nil {
		return err
	}
	_, werr := f.Write(b.Bytes())
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), real)
}

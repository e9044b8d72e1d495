package deliver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"keyfob/api"
)

// takeBackAll takes the paths back, each directory on its own, until ctx is
// over.
func (b book) takeBackAll(ctx context.Context, paths []string, gone func(string) bool) []api.Outcome {
	slices.Sort(paths)
	groups := map[string][]string{}
	for _, p := range paths {
		groups[filepath.Dir(p)] = append(groups[filepath.Dir(p)], p)
	}
	var mu sync.Mutex
	results := map[string][]api.Outcome{}
	var wg sync.WaitGroup
	for dir, in := range groups {
		wg.Go(func() {
			for _, p := range in {
				out := b.takeBackOne(dir, p, gone)
				mu.Lock()
				results[p] = out
				mu.Unlock()
			}
		})
	}
	waitFor(ctx, &wg)
	mu.Lock()
	defer mu.Unlock()
	var out []api.Outcome
	for _, p := range paths {
		o, ok := results[p]
		if !ok {
			o = []api.Outcome{{Delivery: byFile, Target: p, State: failed, Why: "the disk does not answer; the next start removes it"}}
		}
		out = append(out, o...)
	}
	return out
}

func (b book) takeBackOne(dir, path string, gone func(string) bool) []api.Outcome {
	unlock, err := b.lockDir(dir)
	if err != nil {
		return []api.Outcome{{Delivery: byFile, Target: path, State: failed, Why: explain(err)}}
	}
	defer unlock()
	o, err := b.takeBack(path, gone)
	if err != nil {
		return []api.Outcome{{Delivery: byFile, Target: path, State: failed, Why: explain(err)}}
	}
	if o.State == "" {
		return nil
	}
	return []api.Outcome{o}
}

// takeBack ends the hold of those that are gone. If they were the last, the file
// goes and what stood there before comes back. The directory's lock is held. It
// may be cut off anywhere and run again. The outcome is empty where others still
// hold the file.
func (b book) takeBack(path string, gone func(string) bool) (api.Outcome, error) {
	l, err := b.read()
	if err != nil || l == nil || l.Entries[path] == nil {
		return api.Outcome{}, err
	}
	e := l.Entries[path]
	e.Holders = slices.DeleteFunc(e.Holders, gone)
	var o api.Outcome
	if len(e.Holders) == 0 {
		if o, err = b.remove(path, e, l.Key); err != nil {
			return api.Outcome{}, err
		}
	}
	err = b.change(func(l *ledger) {
		if len(e.Holders) == 0 {
			delete(l.Entries, path)
		} else if now := l.Entries[path]; now != nil {
			now.Holders = slices.DeleteFunc(now.Holders, gone)
		}
		l.removeDirs()
	})
	return o, err
}

// remove takes the file and its temporary names away and restores what stood
// there.
func (b book) remove(path string, e *entry, key []byte) (api.Outcome, error) {
	o := api.Outcome{Secret: e.Secret, Delivery: byFile, Target: path, State: removed}
	root, err := os.OpenRoot(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return o, err
	}
	defer root.Close()
	base := filepath.Base(path)
	if err := errors.Join(removeName(root, e.Temp), emptyTrash(root, base, e, key)); err != nil {
		return o, err
	}
	s, err := look(root, base, key, e.Marks)
	if err != nil {
		return o, err
	}
	if s.isOurs(e.Marks) {
		if s, err = trash(root, base, e, key); err != nil {
			return o, err
		}
	}
	return restore(root, base, e, s, o)
}

// trash moves our file out of the way and looks again before deleting it: it
// may have been replaced between the look and the move.
func trash(root *os.Root, base string, e *entry, key []byte) (seen, error) {
	if err := root.Rename(base, e.Trash); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return seen{}, err
	}
	if err := emptyTrash(root, base, e, key); err != nil {
		return seen{}, err
	}
	return look(root, base, key, e.Marks)
}

// emptyTrash deletes what is in the trash if it is ours, and puts it back if
// not.
func emptyTrash(root *os.Root, base string, e *entry, key []byte) error {
	s, err := look(root, e.Trash, key, e.Marks)
	switch {
	case err != nil || s.kind == absent:
		return err
	case s.isOurs(e.Marks):
		return removeName(root, e.Trash)
	}
	err = moveNew(root, e.Trash, base)
	if errors.Is(err, fs.ErrExist) {
		return dropTwin(root, e.Trash, base)
	}
	return err
}

// dropTwin removes a name that a move cut off half-way left beside the new one.
// Two different files both stay.
func dropTwin(root *os.Root, name, other string) error {
	a, aerr := root.Stat(name)
	b, berr := root.Stat(other)
	if aerr == nil && berr == nil && os.SameFile(a, b) {
		return removeName(root, name)
	}
	return nil
}

// restore brings back the foreign file, unless something else stands there now.
func restore(root *os.Root, base string, e *entry, now seen, o api.Outcome) (api.Outcome, error) {
	backed := false
	if e.Backup != "" {
		if _, err := root.Lstat(e.Backup); err == nil {
			backed = true
		}
	}
	if now.kind != absent && (e.Backup == "" || backed) && len(e.Marks) > 0 {
		o.State, o.With, o.Why = conflict, "a file that is not Keyfob's", "the delivered file was changed meanwhile: it is kept"
	}
	if !backed {
		return o, nil
	}
	err := moveNew(root, e.Backup, base)
	if errors.Is(err, fs.ErrExist) {
		if err := dropTwin(root, e.Backup, base); err != nil {
			return o, err
		}
		if _, err := root.Lstat(e.Backup); err == nil {
			o.Why += fmt.Sprintf("; the file that was there before is %s beside it", e.Backup)
			return o, nil
		}
		o.State, o.With, o.Why = removed, "", ""
		return o, nil
	}
	return o, err
}

// removeDirs removes the directories that were made for files which are gone,
// innermost first. One that something else lives in by now stays, and is not
// ours any more.
func (l *ledger) removeDirs() {
	slices.SortFunc(l.Dirs, func(a, b string) int { return len(b) - len(a) })
	l.Dirs = slices.DeleteFunc(l.Dirs, func(dir string) bool {
		if !l.idle(dir) {
			return false
		}
		_ = os.Remove(dir) // removes an empty directory alone
		return true
	})
}

// idle says whether no file of ours is below dir.
func (l *ledger) idle(dir string) bool {
	for path := range l.Entries {
		if strings.HasPrefix(path, dir+string(filepath.Separator)) {
			return false
		}
	}
	return true
}

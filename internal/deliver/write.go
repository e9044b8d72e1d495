package deliver

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"keyfob/api"
	"keyfob/internal/core"
)

// action is what a delivery takes.
type action int

const (
	nothing action = iota // settled: a conflict, a failure, or there already
	join                  // the file is there as it should be: hold it too
	create
	replace // our own older content
	moveAside
)

// writeDir writes the jobs of one directory under its lock. The ledger is
// written before each of the two steps that a crash must not leave unknown:
// before anything is made, and before anything is published.
func (b *batch) writeDir(dir string, jobs []*job) {
	if b.dry {
		b.decide(dir, jobs)
		return
	}
	unlock, err := b.f.book.lockDir(dir)
	if err != nil {
		b.failAll(jobs, err)
		return
	}
	defer unlock()
	if b.f.isClosed() {
		return
	}
	if err := b.decide(dir, jobs); err != nil {
		b.failAll(jobs, err)
		return
	}
	jobs = slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return j.action == nothing })
	if len(jobs) > 0 {
		b.write(jobs)
	}
}

func (b *batch) failAll(jobs []*job, err error) {
	for _, j := range jobs {
		if b.state(j) == "" {
			b.fail(j, err)
		}
	}
}

// write carries out what was decided.
func (b *batch) write(jobs []*job) {
	key, err := b.intend(jobs)
	if err != nil {
		b.failAll(jobs, err)
		return
	}
	root, err := b.makeDir(jobs[0].place)
	if err == nil {
		defer root.Close()
		b.temps(root, key, jobs)
		err = b.saveEntries(jobs)
	}
	if err != nil {
		b.failAll(jobs, err)
	} else {
		for _, j := range jobs {
			if b.state(j) == "" {
				b.publish(root, key, j)
			}
		}
	}
	b.finish(root, jobs)
}

// intend writes down what is about to be made, and gives the digests' key.
func (b *batch) intend(jobs []*job) (key []byte, err error) {
	b.f.mu.Lock()
	b.f.touched = true
	b.f.mu.Unlock()
	err = b.f.book.change(func(l *ledger) {
		key = l.Key
		for _, j := range jobs {
			j.entry.hold(b.f.c.Process)
			l.Entries[j.place.path()] = j.entry
		}
	})
	return key, err
}

func (b *batch) saveEntries(jobs []*job) error {
	if !slices.ContainsFunc(jobs, func(j *job) bool { return j.temp }) {
		return nil
	}
	return b.f.book.change(func(l *ledger) {
		for _, j := range jobs {
			l.Entries[j.place.path()] = j.entry
		}
	})
}

func (b *batch) temps(root *os.Root, key []byte, jobs []*job) {
	for _, j := range jobs {
		if j.action == join {
			continue
		}
		if err := removeName(root, j.entry.Temp); err != nil {
			b.fail(j, err)
			continue
		}
		m, err := writeTemp(root, j.entry.Temp, key, j.d.Value.Bytes())
		if err != nil {
			b.fail(j, err)
			continue
		}
		j.entry.Marks, j.temp = append(j.entry.Marks, m), true
	}
}

// publish puts the file in its place. It never replaces what is not ours.
func (b *batch) publish(root *os.Root, key []byte, j *job) {
	if b.f.isClosed() {
		return
	}
	err := b.place(root, key, j)
	switch {
	case errors.Is(err, fs.ErrExist):
		b.blocked(root, j)
	case err != nil:
		b.fail(j, err)
	default:
		j.temp = false
		b.settle(j, api.Outcome{State: delivered, Over: j.entry.over()})
		b.f.mu.Lock()
		b.f.paths[j.d.Path] = j.place.path()
		b.f.mu.Unlock()
	}
}

func (b *batch) place(root *os.Root, key []byte, j *job) error {
	switch j.action {
	case moveAside:
		if err := root.Rename(j.place.base, j.entry.Backup); err != nil {
			return err
		}
	case replace:
		if s, err := look(root, j.place.base, key, j.entry.Marks); err != nil || !s.isOurs(j.entry.Marks) {
			return errors.Join(err, fs.ErrExist)
		}
		return root.Rename(j.entry.Temp, j.place.base)
	case join:
		return nil
	}
	return moveNew(root, j.entry.Temp, j.place.base)
}

func (e *entry) over() string {
	if e.Backup != "" {
		return "a file that was there, moved aside"
	}
	return ""
}

// blocked says what stands where the file should have gone: another of ours,
// where the disk takes two names for one, or somebody else's.
func (b *batch) blocked(root *os.Root, j *job) {
	o := api.Outcome{State: conflict, With: "a file that is not Keyfob's", Why: "it was made meanwhile"}
	if s, err := look(root, j.place.base, nil, nil); err == nil {
		if l, err := b.f.book.read(); err == nil && l != nil {
			if owner := l.ownerOf(s, j.place.path()); owner != "" {
				o.With, o.Why = owner, "both paths lead to one file"
			}
		}
	}
	b.settle(j, o)
}

// ownerOf finds the secret whose file was seen under another path.
func (l *ledger) ownerOf(s seen, path string) string {
	for p, e := range l.Entries {
		for _, m := range e.Marks {
			if p != path && s.kind == regular && s.mark.Ino != 0 && m.Dev == s.mark.Dev && m.Ino == s.mark.Ino {
				return e.Secret
			}
		}
	}
	return ""
}

// finish takes back the steps of those that failed, and forgets content that is
// replaced.
func (b *batch) finish(root *os.Root, jobs []*job) {
	trim := false
	for _, j := range jobs {
		ok := b.state(j) == delivered
		if j.temp && root != nil {
			_ = removeName(root, j.entry.Temp)
		}
		if !ok && j.action != replace {
			own := func(process string) bool { return process == b.f.c.Process }
			_, _ = b.f.book.takeBack(j.place.path(), own)
		}
		trim = trim || ok && len(j.entry.Marks) > 1
	}
	if trim {
		_ = b.f.book.change(func(l *ledger) { b.trim(l, jobs) })
	}
}

func (b *batch) trim(l *ledger, jobs []*job) {
	for _, j := range jobs {
		if e := l.Entries[j.place.path()]; e != nil && b.state(j) == delivered && len(e.Marks) > 1 {
			e.Marks = e.Marks[len(e.Marks)-1:]
		}
	}
}

// makeDir makes the directory, 0700, and writes down what of it is new first,
// so that it goes again. The descriptor that it gives holds on to this directory
// even if the path is made to lead elsewhere meanwhile.
func (b *batch) makeDir(p place) (*os.Root, error) {
	for try := 0; ; try++ {
		root, err := b.tryDir(p)
		// Another process may have removed a directory that had become empty.
		if !errors.Is(err, fs.ErrNotExist) || try == 3 {
			return root, err
		}
	}
}

func (b *batch) tryDir(p place) (*os.Root, error) {
	if root, err := p.open(); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	var missing []string
	dir := p.root
	for _, name := range p.fresh {
		dir = filepath.Join(dir, name)
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, dir)
		}
	}
	err := b.f.book.change(func(l *ledger) {
		for _, d := range missing {
			if !slices.Contains(l.Dirs, d) {
				l.Dirs = append(l.Dirs, d)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	base, err := place{dir: p.root, home: p.home}.open()
	if err != nil {
		return nil, err
	}
	defer base.Close()
	rel := filepath.Join(p.fresh...)
	if err := base.MkdirAll(rel, 0o700); err != nil {
		return nil, err
	}
	return base.OpenRoot(rel)
}

// explain is a failure in words, without the value or more of the system's than
// people need.
func explain(err error) string {
	if e, ok := errors.AsType[*core.Error](err); ok {
		if e.Hint != "" {
			return e.Error() + " (" + e.Hint + ")"
		}
		return e.Error()
	}
	return bare(err).Error()
}

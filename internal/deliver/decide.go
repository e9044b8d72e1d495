package deliver

import (
	"errors"
	"io/fs"
	"os"
	"slices"

	"keyfob/api"
	"keyfob/internal/core"
)

// decide settles what each job of a directory takes, or its outcome. The
// directory's lock is held, except in a preview.
func (b *batch) decide(dir string, jobs []*job) error {
	root, err := os.OpenRoot(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if root != nil {
		defer root.Close()
	}
	l, err := b.f.book.read()
	if err != nil {
		return err
	}
	if l == nil {
		l = &ledger{Entries: map[string]*entry{}}
	}
	for _, j := range jobs {
		if err := b.decideOne(root, l, j); err != nil {
			b.fail(j, err)
		}
	}
	return nil
}

func (b *batch) decideOne(root *os.Root, l *ledger, j *job) error {
	path := j.place.path()
	e := l.Entries[path]
	if e != nil && len(e.living(b.f.c.Alive)) == 0 && !slices.Contains(e.Holders, b.f.c.Process) {
		if b.dry {
			e = nil
		} else if _, err := b.f.book.takeBack(path, func(p string) bool { return !b.f.c.Alive(p) }); err != nil {
			return err
		} else {
			e = nil
		}
	}
	var s seen
	if root != nil {
		var err error
		if s, err = look(root, j.place.base, l.Key, marksOf(e)); err != nil {
			return err
		}
	}
	switch s.kind {
	case link:
		return core.Errorf(core.Forbidden, "the path is a link").WithHint("remove the link, or deliver to what it points at")
	case other:
		return core.Errorf(core.Invalid, "something that is no file stands there").WithHint("choose another path")
	}
	if e != nil {
		b.decideHeld(e, s, l.Key, j)
		return nil
	}
	b.decideNew(l, s, j)
	return nil
}

func marksOf(e *entry) []mark {
	if e == nil {
		return nil
	}
	return e.Marks
}

// decideHeld is for a path that the ledger knows.
func (b *batch) decideHeld(e *entry, s seen, key []byte, j *job) {
	others := slices.DeleteFunc(e.living(b.f.c.Alive), func(p string) bool { return p == b.f.c.Process })
	switch ours := s.isOurs(e.Marks); {
	case e.Secret != j.d.Secret && len(others) > 0:
		b.settle(j, api.Outcome{State: conflict, With: e.Secret, Why: "another running workspace has its file there"})
	case s.kind == regular && !ours:
		b.settle(j, api.Outcome{State: conflict, With: "a file that is not Keyfob's", Why: "the delivered file was changed meanwhile: it is kept"})
	case ours && s.mark.Digest == digest(key, j.d.Value.Bytes()):
		j.do(join, e)
	case ours:
		j.do(replace, e)
	default:
		j.do(create, e)
	}
	b.previewed(j)
}

// decideNew is for a path that is in nobody's hands.
func (b *batch) decideNew(l *ledger, s seen, j *job) {
	switch owner := l.ownerOf(s, j.place.path()); {
	case s.kind == absent:
		j.do(create, newEntry(j.d.Secret))
	case owner != "":
		b.settle(j, api.Outcome{State: conflict, With: owner, Why: "both paths lead to one file"})
	case b.f.c.Overwrite:
		e := newEntry(j.d.Secret)
		e.Backup = backupName(j.place.base)
		j.do(moveAside, e)
	default:
		b.settle(j, foreign)
	}
	b.previewed(j)
}

// foreign is the outcome of a delivery that found somebody else's file.
var foreign = api.Outcome{State: conflict, With: "a file that is not Keyfob's", Why: "it is left as it is; --overwrite moves it aside for the time of the run"}

func (j *job) do(a action, e *entry) {
	e.Secret = j.d.Secret
	j.action, j.entry = a, e
}

// previewed settles the outcome that a delivery would have.
func (b *batch) previewed(j *job) {
	if b.dry && j.action != nothing {
		b.settle(j, api.Outcome{State: delivered, Over: j.entry.over()})
		j.action = nothing
	}
}

package listen

import (
	"context"
	"os"
	"sync/atomic"
	"time"
)

// watchEvery is how often followed files are looked at.
const watchEvery = time.Second

// followed is what files hold, read again when they change: whoever writes them
// anew needs no restart. It is safe for concurrent use.
type followed[T any] struct {
	files   []string
	load    func() (*T, error)
	told    func(context.Context, *T, error) // of each reading but the first
	current atomic.Pointer[T]
	seen    []stamp // of Run and Reload, which share the lock below
	lock    chan struct{}
}

// stamp tells one state of a file from another; renaming a new file into place
// changes the inode, which os.SameFile sees.
type stamp struct {
	info os.FileInfo
}

func (s stamp) same(o stamp) bool {
	if s.info == nil || o.info == nil {
		return s.info == nil && o.info == nil
	}
	return os.SameFile(s.info, o.info) && s.info.ModTime().Equal(o.info.ModTime()) && s.info.Size() == o.info.Size()
}

// begin reads the files for the first time.
func (f *followed[T]) begin() error {
	f.lock = make(chan struct{}, 1)
	f.seen = f.look() // before the reading: a change in between shows as one
	first, err := f.load()
	f.current.Store(first)
	return err
}

// Run follows the files until ctx ends, and then gives nil.
func (f *followed[T]) Run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			f.Reload(ctx, false)
		}
	}
}

// Reload reads the files anew if they have changed, or always if told to. What
// cannot be used leaves what is in use, and the log says so.
func (f *followed[T]) Reload(ctx context.Context, always bool) {
	f.lock <- struct{}{}
	defer func() { <-f.lock }()
	now := f.look()
	if !always && same(now, f.seen) {
		return
	}
	next, err := f.load()
	// Remembered either way: a broken file is told once, not each second.
	f.seen = now
	if err == nil {
		f.current.Store(next)
	}
	f.told(ctx, next, err)
}

func (f *followed[T]) look() []stamp {
	out := make([]stamp, len(f.files))
	for i, name := range f.files {
		out[i].info, _ = os.Stat(name) // one that is away is a state, too
	}
	return out
}

func same(a, b []stamp) bool {
	for i := range a {
		if !a[i].same(b[i]) {
			return false
		}
	}
	return true
}

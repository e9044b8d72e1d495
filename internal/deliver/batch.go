package deliver

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/target"
)

// batch is one Deliver: it finds each path's place, settles which delivery has
// it, and writes directory by directory, each on a goroutine of its own, so that
// a disk that hangs delays neither the others nor the caller.
type batch struct {
	f   *Files
	dry bool

	mu     sync.Mutex
	jobs   []*job
	gone   []api.Outcome   // taken back, since nobody asks for it any more
	claims map[string]*job // by resolved path
}

// job is one file on its way.
type job struct {
	d       api.FileDelivery
	n       int
	place   place
	private bool
	out     api.Outcome // State "": not settled yet
	tool    *ToolVar

	entry  *entry // what the ledger is to hold; nil: nothing to write
	temp   bool   // entry.Temp is written
	action action
}

func newBatch(f *Files, in []api.FileDelivery) *batch {
	b := &batch{f: f, claims: map[string]*job{}}
	for i, d := range in {
		b.jobs = append(b.jobs, &job{d: d, n: i})
	}
	return b
}

func (b *batch) run(ctx context.Context) {
	resolved := make(chan *job, len(b.jobs))
	for _, j := range b.jobs {
		b.f.wg.Go(func() { b.resolve(j); resolved <- j })
	}
	inTime := collect(ctx, resolved, len(b.jobs))
	slices.SortFunc(inTime, func(x, y *job) int { return x.n - y.n })
	b.drop(ctx)
	done := make(chan struct{})
	b.f.wg.Go(func() { defer close(done); b.writeAll(inTime) })
	if left := len(b.jobs) - len(inTime); left > 0 {
		b.f.wg.Go(func() { b.follow(resolved, left) })
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// collect takes up to n jobs until ctx is over.
func collect(ctx context.Context, ch <-chan *job, n int) []*job {
	var out []*job
	for len(out) < n {
		select {
		case j := <-ch:
			out = append(out, j)
		case <-ctx.Done():
			return out
		}
	}
	return out
}

// follow writes the jobs whose disk answered after the deadline.
func (b *batch) follow(resolved <-chan *job, n int) {
	for range n {
		b.writeAll([]*job{<-resolved})
	}
}

func (b *batch) resolve(j *job) {
	b.f.mu.Lock()
	stand, private := b.f.private[j.d.Path]
	b.f.mu.Unlock()
	var err error
	if private {
		j.place, j.private = place{dir: filepath.Dir(stand), base: filepath.Base(stand), root: filepath.Dir(stand)}, true
	} else if j.place, err = resolve(b.f.c.Home, j.d.Path); err != nil {
		b.fail(j, err)
	} else if err = b.f.checkOwn(j.place); err != nil {
		b.fail(j, err)
	} else if err = b.f.checkOrg(j.d, j.place); err != nil {
		b.fail(j, err)
	}
}

// checkOrg asks the rule on the organisation's secrets again, about where the
// path really leads: a link in the user's home may turn a harmless one into a
// shell's startup file.
func (f *Files) checkOrg(d api.FileDelivery, p place) error {
	if !d.Org {
		return nil
	}
	path := filepath.ToSlash(p.path())
	if home, err := filepath.EvalSymlinks(f.c.Home); err == nil && inside(home, p.path()) {
		if rel, err := filepath.Rel(home, p.path()); err == nil {
			path = "~/" + filepath.ToSlash(rel)
		}
	}
	if why, no := target.Refused(path); no {
		return core.Errorf(core.Forbidden, "it is the organisation's, and the path leads to what such a secret may not write: %s", why).
			WithHint("remove the link, or ask an administrator for another path")
	}
	return nil
}

// checkOwn keeps files out of Keyfob's own directory: moved aside by a delivery,
// the root key would be missing at the very start that is to put it back.
func (f *Files) checkOwn(p place) error {
	own, err := filepath.EvalSymlinks(f.c.State)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if inside(own, p.path()) {
		return core.Errorf(core.Forbidden, "the path is in Keyfob's own directory").WithHint("choose another path")
	}
	return nil
}

// writeAll claims the jobs' places in their order and writes them.
func (b *batch) writeAll(jobs []*job) {
	groups := map[string][]*job{}
	for _, j := range jobs {
		if b.claim(j) {
			groups[j.place.dir] = append(groups[j.place.dir], j)
		}
	}
	var wg sync.WaitGroup
	for dir, g := range groups {
		wg.Go(func() { b.writeDir(dir, g) })
	}
	wg.Wait()
	for _, j := range jobs {
		b.standIn(j)
	}
}

// claim gives the place to the first delivery that asks for it.
func (b *batch) claim(j *job) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if j.out.State != "" {
		return false
	}
	path := j.place.path()
	if first := b.claims[path]; first != nil {
		j.out = api.Outcome{Secret: j.d.Secret, Delivery: byFile, Target: path, State: conflict, With: first.d.Secret, Why: "both paths lead to one file"}
		return false
	}
	b.claims[path] = j
	return true
}

// drop takes back what this process holds and is not asked for any more. What a
// delivery had before stays until its new place is known.
func (b *batch) drop(ctx context.Context) {
	if b.dry || !b.f.isTouched() {
		return
	}
	keep := map[string]bool{}
	b.f.mu.Lock()
	for _, j := range b.jobs {
		if b.state(j) == "" {
			keep[j.place.path()] = true
		}
		keep[b.f.paths[j.d.Path]] = true
	}
	b.f.mu.Unlock()
	b.gone = b.f.release(ctx, func(path string) bool { return !keep[path] })
}

func (b *batch) state(j *job) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return j.out.State
}

func (b *batch) settle(j *job, o api.Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o.Secret, o.Delivery = j.d.Secret, byFile
	if o.Target == "" {
		o.Target = j.place.path()
	}
	if o.Target == "." || o.Target == "" {
		o.Target = j.d.Path
	}
	j.out = o
}

func (b *batch) fail(j *job, err error) {
	b.settle(j, api.Outcome{State: failed, Why: explain(err)})
}

func (b *batch) result() Result {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := Result{Outcomes: slices.Clone(b.gone)}
	for _, j := range b.jobs {
		o := j.out
		if o.State == "" {
			o = api.Outcome{Secret: j.d.Secret, Delivery: byFile, Target: j.d.Path, State: late, Why: "the disk has not answered in time"}
		}
		r.Outcomes = append(r.Outcomes, o)
		if j.tool != nil && o.State == delivered {
			r.Tools = append(r.Tools, *j.tool)
		}
	}
	return r
}

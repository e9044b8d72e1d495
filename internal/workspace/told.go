package workspace

import (
	"sync"

	"keyfob/internal/guard"
)

// toldAtMost bounds each of the two halves of what is remembered.
const toldAtMost = 16_384

// told remembers, by workspace, the version of the manifest whose exposure the
// trail holds. What it has forgotten is recorded once more, which is no harm; so
// it may forget, and its size is bounded: when the newer half is full it becomes
// the older, and what was the older goes. The zero value is empty.
type told struct {
	mu         sync.Mutex // guards what is below
	newer, old map[string]int64
	attempts   map[string]guard.Attempted // at a first manifest; each is taken once
}

// version is 0 where nothing is remembered.
func (t *told) version(id string) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	v, ok := t.newer[id]
	if !ok {
		if v = t.old[id]; v != 0 {
			t.rememberLocked(id, v) // it is in use
		}
	}
	return v
}

func (t *told) remember(id string, version int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rememberLocked(id, version)
}

func (t *told) rememberLocked(id string, version int64) {
	if len(t.newer) >= toldAtMost {
		t.old, t.newer = t.newer, nil
	}
	if t.newer == nil {
		t.newer = map[string]int64{}
	}
	t.newer[id] = version
}

func (t *told) forget(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.newer, id)
	delete(t.old, id)
	delete(t.attempts, id)
}

// attempted remembers, within the same bound, an attempt that take gives once.
func (t *told) attempted(id string, a guard.Attempted) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.attempts == nil {
		t.attempts = map[string]guard.Attempted{}
	}
	if len(t.attempts) < toldAtMost {
		t.attempts[id] = a
	}
}

func (t *told) take(id string) guard.Attempted {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.attempts[id]
	delete(t.attempts, id)
	return a
}

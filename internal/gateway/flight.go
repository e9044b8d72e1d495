package gateway

import (
	"sync"
	"time"

	"keyfob/internal/core"
)

// flights counts the requests that are under way: all of them, and those of each
// workspace and of each user that has some.
type flights struct {
	most, mostOf, mostBy int // less than 1: no bound

	mu  sync.Mutex // guards what is below
	all int
	of  map[string]int     // by workspace
	by  map[core.Owner]int // by whose workspace it is
}

// enter counts one more request, unless there are too many.
func (f *flights) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.most > 0 && f.all >= f.most {
		return false
	}
	f.all++
	return true
}

// enterAs counts it for a workspace and its owner too. The error says which has
// too many; then it is counted for neither.
func (f *flights) enterAs(workspace string, o core.Owner) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.mostOf > 0 && f.of[workspace] >= f.mostOf:
		return busyWorkspace()
	case f.mostBy > 0 && f.by[o] >= f.mostBy:
		return busyUser()
	}
	f.of[workspace]++
	f.by[o]++
	return nil
}

// leave takes back all; an empty workspace was not counted.
func (f *flights) leave(workspace string, o core.Owner) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all--
	if workspace == "" {
		return
	}
	if f.of[workspace]--; f.of[workspace] <= 0 {
		delete(f.of, workspace)
	}
	if f.by[o]--; f.by[o] <= 0 {
		delete(f.by, o)
	}
}

// InFlight is how many requests are under way.
func (g *Gateway) InFlight() int {
	g.flights.mu.Lock()
	defer g.flights.mu.Unlock()
	return g.flights.all
}

func busy() error {
	return soon(core.Errorf(core.Unavailable, "too many requests are under way").WithReason("busy").WithHint("try again soon"))
}

func busyWorkspace() error {
	return soon(core.Errorf(core.Exhausted, "this workspace has too many requests under way").WithReason("workspace_busy").
		WithHint("wait until some of them are answered"))
}

func busyUser() error {
	return soon(core.Errorf(core.Exhausted, "this user's workspaces have too many requests under way").WithReason("user_busy").
		WithHint("wait until some of them are answered"))
}

func soon(e *core.Error) *core.Error {
	e.RetryAfter = time.Second
	return e
}

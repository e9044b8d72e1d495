package broker

import (
	"container/list"
	"sync"

	"keyfob/internal/core"
)

const (
	maxStates  = 65536
	maxStateID = 256 // longer ones are not remembered
)

// stateKey is an id that an upstream gave to something it keeps, in the pool it
// came through.
type stateKey struct {
	owner core.Owner
	pool  poolKey
	id    string
}

// states remembers which account keeps which state, the newest maxStates of
// them: another account of the pool would not know the id.
type states struct {
	max int

	mu    sync.Mutex // guards what is below
	order *list.List // of *stateEntry, newest first
	by    map[stateKey]*list.Element
}

type stateEntry struct {
	key     stateKey
	account string
}

func newStates(limit int) *states {
	return &states{max: limit, order: list.New(), by: map[stateKey]*list.Element{}}
}

func (s *states) get(k stateKey) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.by[k]
	if e == nil {
		return ""
	}
	s.order.MoveToFront(e)
	return e.Value.(*stateEntry).account
}

func (s *states) put(k stateKey, account string) {
	if k.id == "" || len(k.id) > maxStateID {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.by[k]; e != nil {
		e.Value.(*stateEntry).account = account
		s.order.MoveToFront(e)
		return
	}
	s.by[k] = s.order.PushFront(&stateEntry{k, account})
	if s.order.Len() > s.max {
		last := s.order.Back()
		s.order.Remove(last)
		delete(s.by, last.Value.(*stateEntry).key)
	}
}

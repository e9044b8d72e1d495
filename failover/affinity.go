package failover

import (
	"container/list"
	"time"
)

// homes remembers which account each conversation lives on: a bounded map in
// order of use, whose entries end when they were not used for a while.
type homes struct {
	max  int
	idle time.Duration
	used *list.List // of *home, the most recently used first
	by   map[string]*list.Element
}

type home struct {
	key, id string
	at      time.Time
}

func newHomes(limit int, idle time.Duration) homes {
	return homes{max: limit, idle: idle, used: list.New(), by: map[string]*list.Element{}}
}

// get gives the conversation's account and counts as a use; "" if it has none.
func (s *homes) get(now time.Time, key string) string {
	e := s.by[key]
	if e == nil {
		return ""
	}
	h := e.Value.(*home)
	if now.Sub(h.at) >= s.idle {
		s.drop(key)
		return ""
	}
	h.at = now
	s.used.MoveToFront(e)
	return h.id
}

func (s *homes) set(now time.Time, key, id string) {
	s.drop(key)
	s.by[key] = s.used.PushFront(&home{key: key, id: id, at: now})
	for s.used.Len() > s.max {
		s.drop(s.used.Back().Value.(*home).key)
	}
}

func (s *homes) drop(key string) {
	if e := s.by[key]; e != nil {
		s.used.Remove(e)
		delete(s.by, key)
	}
}

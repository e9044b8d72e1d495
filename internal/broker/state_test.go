package broker

import (
	"fmt"
	"strings"
	"testing"

	"keyfob/internal/core"
)

func TestStatesAreBounded(t *testing.T) {
	s := newStates(3)
	key := func(id string) stateKey { return stateKey{core.Local, poolKey{"openai", "default"}, id} }
	for i := range 3 {
		s.put(key(fmt.Sprint(i)), "a")
	}
	s.get(key("0")) // used: not the oldest any more
	s.put(key("3"), "b")
	for id, want := range map[string]string{"0": "a", "1": "", "2": "a", "3": "b"} {
		if got := s.get(key(id)); got != want {
			t.Errorf("state %s is with %q, want %q", id, got, want)
		}
	}
	s.put(key("3"), "c")
	if got := s.get(key("3")); got != "c" {
		t.Errorf("state 3 is with %q after it moved", got)
	}
	s.put(key(strings.Repeat("x", maxStateID+1)), "a")
	if len(s.by) != 3 || s.order.Len() != 3 {
		t.Errorf("%d states are kept", len(s.by))
	}
}

func TestStatesAreApart(t *testing.T) {
	s := newStates(10)
	mine := stateKey{core.Local, poolKey{"openai", "default"}, "resp_1"}
	s.put(mine, "a")
	for _, other := range []stateKey{
		{core.Owner{Kind: core.UserOwner, ID: "eve"}, mine.pool, mine.id},
		{mine.owner, poolKey{"openai", "work"}, mine.id},
		{mine.owner, poolKey{"openrouter", "default"}, mine.id},
	} {
		if got := s.get(other); got != "" {
			t.Errorf("%v finds %q", other, got)
		}
	}
}

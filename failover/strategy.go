package failover

// Strategy is which account takes a request that belongs to none.
type Strategy uint8

// The strategies. Their text forms are sticky and round_robin.
const (
	// Sticky is the first in the user's order that is not cooling.
	Sticky Strategy = iota
	// RoundRobin is each that is not cooling in turn: the one whose last turn is
	// the longest ago, and among equals the first in the user's order. An account
	// that could take every request is never passed over twice in a row for the
	// same other one.
	RoundRobin
)

func (s Strategy) String() string {
	if s == RoundRobin {
		return "round_robin"
	}
	return "sticky"
}

// ParseStrategy reads the text form.
func ParseStrategy(s string) (Strategy, bool) {
	switch s {
	case "sticky":
		return Sticky, true
	case "round_robin":
		return RoundRobin, true
	}
	return 0, false
}

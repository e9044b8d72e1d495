package failover

import (
	"strings"
	"time"
)

// Forever is an Until that no clock reaches: what holds until then does not end
// by itself, only by a clear.
var Forever = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

// Member is one account of a pool. Members stand in the user's order, which the
// pool never changes.
type Member struct {
	ID string
	// Group names the accounts that share one limit, such as the keys of one
	// organisation; empty: the account shares with none.
	Group string
	// Epoch is the account's clear counter. Health of a lower epoch no longer
	// counts.
	Epoch int64
}

// Health is one thing held against an account, or the news that it was cleared.
// It is what a caller stores, and exchanges with other pools over the same
// accounts.
//
// Records merge in any order and any number of times with the same result. Each
// account has one epoch, the highest that any record or Member named; records of
// a lower one are void. Within an epoch, for one model, the record with the
// later Until stays.
type Health struct {
	ID string
	// Model is what the record holds for; empty: for the whole account.
	Model string
	// Kind OK says that the account was cleared at Epoch; what still holds is
	// then stated again by records of its own at that epoch.
	Kind  Kind
	Until time.Time
	Epoch int64
	// Reason is the Verdict's.
	Reason string
}

// normal drops the clock reading and the zone, so that equal records are
// identical ones.
func (h Health) normal() Health {
	if h.Kind == OK {
		return Health{ID: h.ID, Epoch: h.Epoch, Model: h.Model, Reason: h.Reason}
	}
	h.Until = h.Until.Round(0).UTC()
	return h
}

// beats orders the records of one account, model and epoch. It is a total order
// up to identity, which is what makes merging commutative.
func (h Health) beats(o Health) bool {
	if c := h.Until.Compare(o.Until); c != 0 {
		return c > 0
	}
	if h.Kind != o.Kind {
		return h.Kind > o.Kind
	}
	return strings.Compare(h.Reason, o.Reason) > 0
}

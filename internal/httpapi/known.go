package httpapi

import (
	"context"
	"crypto/sha256"
	"sync"

	"keyfob/internal/core"
	"keyfob/internal/throttle"
)

// maxKnown is how many proofs are remembered to have been good.
const maxKnown = 10_000

// known remembers by digest which proofs were good, so that they wait for nobody.
// It lets nobody in: each is looked up all the same.
type known struct {
	mu   sync.Mutex // guards what is below
	good map[[sha256.Size]byte]struct{}
}

func newKnown() *known { return &known{good: map[[sha256.Size]byte]struct{}{}} }

func (k *known) has(d [sha256.Size]byte) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.good[d]
	return ok
}

// note keeps or forgets one. Once there are too many all are forgotten: each is
// noted again with its next request.
func (k *known) note(d [sha256.Size]byte, good bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !good {
		delete(k.good, d)
		return
	}
	if len(k.good) >= maxKnown {
		clear(k.good)
	}
	k.good[d] = struct{}{}
}

// whole says whether a text has the form of a proof of 256 bits, checksum and
// all: such are not guessed, however often one tries.
func whole(text string) bool {
	for _, prefix := range []string{core.PersonalPrefix, core.LauncherPrefix, core.SessionKeyPrefix, core.GatewayKeyPrefix, core.BrowserPrefix} {
		if core.IsToken(text, prefix) {
			return true
		}
	}
	return false
}

// lookUp finds out whose proof this is. One that is whole and not good is told
// so, whoever else behind the same address failed: code in a workspace that has
// ended must learn that; and one that is good always counts. How many an address
// has looked up at once is bounded: the others wait, and are not refused.
func (s *Server) lookUp(ctx context.Context, c *call, text string, find func() (core.Actor, error)) (core.Actor, error) {
	if c.whole = whole(text); !c.whole {
		return find()
	}
	d := sha256.Sum256([]byte(text))
	if !s.known.has(d) {
		leave, err := s.queue.Enter(ctx, throttle.Client(c.peer.Address))
		if err != nil {
			return core.Actor{}, err
		}
		defer leave()
	}
	actor, err := find()
	s.known.note(d, err == nil)
	return actor, err
}

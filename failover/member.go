package failover

import "time"

// hold is a Health as the pool keeps it.
type hold struct {
	Health
	// since is when the pool learned of it; zero: from a record, and not looked
	// at yet. From it a cooldown's length is told, which decides when to probe.
	since time.Time
	// streak counts failures with no success in between.
	streak int
}

// account is a member with what is held against it, all of one epoch.
type account struct {
	Member
	holds   map[string]*hold // by model; "": the whole account
	probe   uint64           // number of the pick that probes; 0: none
	probeAt time.Time
	turn    uint64 // when its last turn was; 0: it had none
}

// standing is what an account may be used for now.
type standing uint8

const (
	healthy  standing = iota
	unproven          // its cooldown ended, and no answer has shown that it works
	strict            // the same after a long cooldown: its probe alone passes
	window            // cooling, but the end is near enough for a probe
	cooling
)

// standing judges the account for a model; by is the hold that lasts longest.
func (a *account) standing(now time.Time, model string, o Options) (s standing, by *hold) {
	for _, h := range a.about(model) {
		if h == nil {
			continue
		}
		s = max(s, h.standing(now, o.LongCooldown))
		if by == nil || h.beats(by.Health) {
			by = h
		}
	}
	return s, by
}

// about gives the holds that a request for the model meets.
func (a *account) about(model string) [2]*hold {
	if model == "" {
		return [2]*hold{a.holds[""]}
	}
	return [2]*hold{a.holds[""], a.holds[model]}
}

func (h *hold) standing(now time.Time, long time.Duration) standing {
	if h.since.IsZero() {
		h.since = now
	}
	length := h.Until.Sub(h.since)
	switch ended := !now.Before(h.Until); {
	case ended && length < long:
		return unproven
	case ended:
		return strict
	case h.lasting() || length < long || now.Before(h.Until.Add(-length/10)):
		return cooling
	}
	return window
}

// lasting says that the hold does not end by itself.
func (h *hold) lasting() bool { return !h.Until.Before(Forever) }

// gone says that waiting does not bring the account back for the model, so that
// a conversation moves away for good.
func (a *account) gone(model string) bool {
	for _, h := range a.about(model) {
		if h != nil && (h.lasting() || h.Kind == NoCredit || h.Kind == Dead) {
			return true
		}
	}
	return false
}

func (a *account) probing(now time.Time, timeout time.Duration) bool {
	return a.probe != 0 && now.Sub(a.probeAt) < timeout
}

// raise voids what is of an older epoch.
func (a *account) raise(epoch int64) {
	if epoch > a.Epoch {
		a.Epoch = epoch
		clear(a.holds)
	}
}

// merge takes one record in and says whether it changed anything.
func (a *account) merge(h Health, since time.Time, models int) bool {
	h = h.normal()
	old := a.Epoch
	a.raise(h.Epoch)
	if h.Kind == OK || h.Epoch < a.Epoch {
		return a.Epoch != old
	}
	cur := a.holds[h.Model]
	if cur == nil {
		a.room(models)
		a.holds[h.Model] = &hold{Health: h, since: since}
		return true
	}
	if !h.beats(cur.Health) {
		return a.Epoch != old
	}
	cur.Health, cur.since = h, since
	return true
}

// room drops the model's hold that ends first once there are too many, since
// names of models come from clients.
func (a *account) room(models int) {
	if len(a.holds) < models {
		return
	}
	var first *hold
	for m, h := range a.holds {
		if m != "" && (first == nil || first.beats(h.Health) || (!h.beats(first.Health) && m < first.Model)) {
			first = h
		}
	}
	if first != nil {
		delete(a.holds, first.Model)
	}
}

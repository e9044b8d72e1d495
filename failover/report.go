package failover

import "time"

// Report takes in the verdict on a pick and gives the records to persist, none
// if nothing changed.
//
// A verdict of kind OK on a probe clears what the probe found cooling, at a new
// epoch. A verdict of scope Request holds nothing against anybody. Any other
// one begins or extends a cooldown: for the model (the whole account if the
// query named none), the account, or each member of its quota group. Limits and
// credit are what the members of a quota group share, so Limited and NoCredit
// hold for the whole group whatever their scope.
//
// A verdict on the credential, Dead or Expired, counts only if the account was
// not cleared since the pick: the credential may be another one by now.
func (p *Pool) Report(now time.Time, pk Pick, q Query, v Verdict) []Health {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.releaseLocked(pk)
	a := p.byID[pk.ID]
	switch {
	case a == nil:
		return nil
	case v.Kind == OK:
		cleared := a.proven(pk)
		p.settleLocked(now, a, q)
		return cleared
	case v.Scope == Request:
		return nil
	case pk.epoch < a.Epoch && (v.Kind == Dead || v.Kind == Expired):
		return nil
	}
	return p.holdLocked(now, a, pk, v)
}

// settleLocked makes the account the conversation's home if it has none.
func (p *Pool) settleLocked(now time.Time, a *account, q Query) {
	if q.Affinity == "" {
		return
	}
	home := p.byID[p.homes.get(now, q.Affinity)]
	if home == nil || home.gone(q.Model) {
		p.homes.set(now, q.Affinity, a.ID)
	}
}

// proven clears what a successful probe met. What began after the probe was
// sent stays, as does what holds for other models: it is stated again at the
// new epoch, since a clear voids all that is older.
func (a *account) proven(pk Pick) []Health {
	if !pk.Probe {
		return nil
	}
	cleared := 0
	for _, h := range a.about(pk.Model) {
		if h != nil && !h.since.IsZero() && !h.since.After(pk.at) {
			delete(a.holds, h.Model)
			cleared++
		}
	}
	if cleared == 0 {
		return nil
	}
	a.Epoch++
	out := []Health{{ID: a.ID, Model: pk.Model, Kind: OK, Epoch: a.Epoch}}
	for _, h := range a.holds {
		h.Epoch = a.Epoch
		out = append(out, h.Health)
	}
	sortHealth(out[1:])
	return out
}

func (p *Pool) holdLocked(now time.Time, a *account, pk Pick, v Verdict) []Health {
	model := ""
	if v.Scope == Model {
		model = pk.Model
	}
	shared := v.Scope == QuotaGroup || v.Kind == Limited || v.Kind == NoCredit
	var out []Health
	for _, b := range p.order {
		if b != a && (!shared || a.Group == "" || b.Group != a.Group) {
			continue
		}
		if h, ok := b.fail(now, model, pk, v, p.opt); ok {
			out = append(out, h)
		}
	}
	return out
}

// fail begins or extends a cooldown. An answer to a request that was sent before
// the same kind of cooldown began tells nothing new, unless the upstream names a
// time: twenty requests that meet one overload are one failure, not twenty.
func (a *account) fail(now time.Time, model string, pk Pick, v Verdict, o Options) (Health, bool) {
	cur, streak := a.holds[model], 0
	if cur != nil && cur.Kind == v.Kind {
		same := pk.at.Before(cur.since)
		if same && v.Until.IsZero() && now.Before(cur.Until) {
			return Health{}, false
		}
		if streak = cur.streak; !same {
			streak++
		}
	}
	h := Health{ID: a.ID, Model: model, Kind: v.Kind, Until: v.until(now, streak, o), Epoch: a.Epoch, Reason: v.Reason}
	changed := a.merge(h, now, o.Models)
	cur = a.holds[model]
	if cur.Kind == v.Kind {
		cur.streak = streak
	}
	if cur.since.IsZero() || pk.Probe {
		cur.since = now // measured anew, so that the next probe waits for its tenth
	}
	return cur.Health, changed
}

// until is when a verdict ends: never for the dead, else by the upstream's word
// within bounds (rounded up to a second, so that answers that come together
// agree), else by the kind's default.
func (v Verdict) until(now time.Time, streak int, o Options) time.Time {
	switch {
	case v.Kind == Dead:
		return Forever
	case v.Until.IsZero():
		return now.Add(o.rest(v.Kind, streak))
	}
	d := min(max(v.Until.Sub(now), time.Second), o.MaxCooldown)
	u := now.Add(d).Round(0)
	if t := u.Truncate(time.Second); t.Before(u) {
		u = t.Add(time.Second)
	}
	return u
}

package failover

import "time"

// Options tune a Pool. The zero value of each field takes the default that its
// comment names.
type Options struct {
	// Strategy is which account takes a request that belongs to none: Sticky.
	Strategy Strategy
	// AllowAmbiguous lets a request be sent again though an attempt on an account
	// of this pool may have done its work: the pool's owner accepts doubled work
	// for fewer failures.
	AllowAmbiguous bool
	// Limited is how long an account over a limit rests when the upstream does
	// not say: 30 s.
	Limited time.Duration
	// Expired is how long a refused account rests, which includes a refusal
	// that nobody explained: 5 min.
	Expired time.Duration
	// NoCredit is how long an account without money rests: 1 h.
	NoCredit time.Duration
	// Overloaded is the first rest after an overload, 5 s. Each further one
	// with no success in between doubles it, up to OverloadedMax, 2 min.
	Overloaded, OverloadedMax time.Duration
	// Transient is the first rest after any other failure, 1 s, doubling in the
	// same way up to TransientMax, 1 min.
	Transient, TransientMax time.Duration
	// MaxCooldown caps what an upstream asks for: 24 h. A limit that lasts
	// longer is found again by the probe.
	MaxCooldown time.Duration
	// LongCooldown is from where on a cooldown counts as long, 10 min: a long
	// one is probed in its last tenth, and when it has ended only its probe
	// passes until the account has answered well once.
	LongCooldown time.Duration
	// ProbeTimeout is after how long a probe that nobody reported or released
	// is given up: 5 min.
	ProbeTimeout time.Duration
	// Conversations is how many conversations have a remembered account, the
	// least recently used being forgotten first: 10,000.
	Conversations int
	// ConversationIdle is how long a conversation is remembered after its last
	// request: 1 h, the longest that providers keep a prompt cache.
	ConversationIdle time.Duration
	// Models is how many models of one account have a cooldown of their own,
	// 256. Beyond it the cooldown that ends first is dropped.
	Models int
}

func (o Options) withDefaults() Options {
	or := func(d *time.Duration, def time.Duration) {
		if *d <= 0 {
			*d = def
		}
	}
	or(&o.Limited, 30*time.Second)
	or(&o.Expired, 5*time.Minute)
	or(&o.NoCredit, time.Hour)
	or(&o.Overloaded, 5*time.Second)
	or(&o.OverloadedMax, 2*time.Minute)
	or(&o.Transient, time.Second)
	or(&o.TransientMax, time.Minute)
	or(&o.MaxCooldown, 24*time.Hour)
	or(&o.LongCooldown, 10*time.Minute)
	or(&o.ProbeTimeout, 5*time.Minute)
	or(&o.ConversationIdle, time.Hour)
	if o.Conversations <= 0 {
		o.Conversations = 10_000
	}
	if o.Models <= 0 {
		o.Models = 256
	}
	return o
}

// growing gives the first rest of a kind whose rests double, and their cap.
func (o Options) growing(k Kind) (first, limit time.Duration, ok bool) {
	switch k {
	case Overloaded:
		return o.Overloaded, max(o.Overloaded, o.OverloadedMax), true
	case Transient:
		return o.Transient, max(o.Transient, o.TransientMax), true
	}
	return 0, 0, false
}

// rest is how long a verdict holds when the upstream does not say; streak counts
// the failures before it with no success in between.
func (o Options) rest(k Kind, streak int) time.Duration {
	if first, limit, ok := o.growing(k); ok {
		if streak > 30 || first<<streak > limit || first<<streak < first {
			return limit
		}
		return first << streak
	}
	switch k {
	case NoCredit:
		return o.NoCredit
	case Expired:
		return o.Expired
	}
	return o.Limited
}

package identity_test

import (
	"context"
	"flag"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"keyfob/internal/core"
	"keyfob/internal/identity"
)

// model is what a few lines say of proofs; the real thing must agree with each.
type model struct {
	fixture
	ctx      context.Context // of the bubble
	names    []string
	disabled map[string]bool
	links    []*shownProof
	devices  []*shownProof
	steps    []*shownProof
	browsers []*person
	tokens   []*person
	wrong    int // guesses of user codes
}

// shownProof is a link, a login that waits, or a step-up.
type shownProof struct {
	text, code string
	user       string // once known
	end        time.Time
	state      core.ProofState
	asker, by  *person
	version    int64
	spec       *identity.TokenSpec // of the approval of a token; nil: it is a reveal's
	asked      time.Time
}

func (p *shownProof) open() bool { return p.state == core.ProofPending && time.Now().Before(p.end) }

func (p *shownProof) ready() bool {
	return p.state == core.ProofApproved && time.Now().Before(p.end) && p.by.good()
}

// person is a browser session or a token.
type person struct {
	core.Actor
	user       string
	begin, end time.Time
	gone       bool
}

func (p *person) good() bool { return !p.gone && time.Now().Before(p.end) }

func pick[T any](rt *rapid.T, all []T) T {
	if len(all) == 0 {
		rt.Skip()
	}
	return all[rapid.IntRange(0, len(all)-1).Draw(rt, "which")]
}

// mostly leads where something can succeed.
func mostly(rt *rapid.T) bool { return rapid.IntRange(0, 3).Draw(rt, "mostly") > 0 }

// expect wants success just where the model says so.
func expect(rt *rapid.T, what string, want bool, err error) bool {
	if (err == nil) != want {
		rt.Fatalf("%s: %v, the model says %v", what, err, want)
	}
	return want
}

func (m *model) wait(rt *rapid.T) {
	time.Sleep(rapid.SampledFrom([]time.Duration{
		time.Microsecond, time.Microsecond, time.Second, time.Second, 59 * time.Second, time.Minute, 4 * time.Minute, 5 * time.Minute, 15 * time.Minute, 12 * time.Hour,
	}).Draw(rt, "wait"))
	m.wrong = 0
}

func (m *model) makeLink(rt *rapid.T) {
	name := pick(rt, m.names)
	p, s, err := m.MakeLink(m.ctx, name, core.LinkProof)
	if expect(rt, "a link", !m.disabled[name], err) {
		m.links = append(m.links, &shownProof{text: text(s), user: name, state: p.State, end: p.ExpiresAt})
	}
}

func (m *model) signIn(rt *rapid.T) {
	l := pick(rt, m.links)
	if mostly(rt) {
		l = m.links[len(m.links)-1]
	}
	_, cookie, _, err := m.SignIn(m.ctx, l.text, "", "")
	if !expect(rt, "signing in", l.open(), err) {
		return
	}
	l.state = core.ProofUsed
	a, s, err := m.Browser(m.ctx, text(cookie))
	if err != nil {
		rt.Fatal(err)
	}
	m.browsers = append(m.browsers, &person{Actor: a, user: l.user, begin: s.CreatedAt, end: s.ExpiresAt})
}

func (m *model) startDevice(rt *rapid.T) {
	g, err := m.StartDevice(m.ctx, "")
	if err != nil {
		rt.Fatal(err)
	}
	m.devices = append(m.devices, &shownProof{text: text(g.DeviceCode), code: g.UserCode, state: core.ProofPending, end: time.Now().Add(g.ExpiresIn)})
}

func (m *model) decideDevice(rt *rapid.T) {
	d, b, yes := pick(rt, m.devices), pick(rt, m.browsers), mostly(rt)
	if m.wrong++; m.wrong > 9 {
		rt.Skip()
	}
	if expect(rt, "deciding a login", d.open() && b.good(), m.DecideDevice(m.ctx, b.Actor, d.code, yes)) {
		d.state, d.user, d.by = core.ProofDenied, b.user, b
		if yes {
			d.state = core.ProofApproved
		}
	}
}

func (m *model) login(rt *rapid.T) {
	d := pick(rt, m.devices)
	r, err := m.Login(m.ctx, identity.LoginRequest{DeviceCode: d.text})
	if !expect(rt, "a login", d.ready(), err) {
		return
	}
	d.state = core.ProofUsed
	a, err := m.Bearer(m.ctx, text(r.RevealText))
	if err != nil {
		rt.Fatal(err)
	}
	m.tokens = append(m.tokens, &person{Actor: a, user: d.user, end: r.Reveal.ExpiresAt})
}

func (m *model) ask(rt *rapid.T) {
	who := pick(rt, append(append([]*person{}, m.tokens...), m.browsers...))
	version := rapid.Int64Range(1, 2).Draw(rt, "version")
	p, err := m.AskStepUp(m.ctx, who.Actor, secretOf(who.Owner, version), "192.0.2.7")
	if expect(rt, "asking", who.good() && who.Scopes.Has(core.SecretsReveal), err) {
		m.steps = append(m.steps, &shownProof{text: p.ID, user: who.user, asker: who, version: version, state: p.State, end: p.ExpiresAt})
	}
}

func (m *model) decideStep(rt *rapid.T) {
	s, b, yes := pick(rt, m.steps), pick(rt, m.browsers), mostly(rt)
	if mostly(rt) {
		s = m.steps[len(m.steps)-1]
	}
	fresh := s.asker != b || time.Now().Before(b.begin.Add(5*time.Minute))
	want := s.open() && b.good() && s.user == b.user && (fresh || !yes)
	if expect(rt, "deciding a step-up", want, m.DecideStepUp(m.ctx, b.Actor, s.text, yes)) {
		s.state, s.by = core.ProofDenied, b
		if yes {
			s.state, s.end = core.ProofApproved, time.Now().Add(time.Minute)
			if s.spec != nil && s.end.After(s.asked.Add(s.spec.Life)) {
				s.end = s.asked.Add(s.spec.Life)
			}
		}
	}
}

func (m *model) take(rt *rapid.T) {
	s, who := pick(rt, m.steps), pick(rt, append(append([]*person{}, m.tokens...), m.browsers...))
	version := rapid.Int64Range(1, 2).Draw(rt, "version")
	if mostly(rt) {
		who, version = s.asker, s.version
	}
	want := s.spec == nil && s.ready() && who.good() && s.asker == who && s.version == version
	if expect(rt, "taking", want, m.Take(m.ctx, who.Actor, s.text, secretOf(who.Owner, version))) {
		s.state = core.ProofUsed
	}
}

// askToken and makeToken are of a token that ends with no other.
func (m *model) askToken(rt *rapid.T) {
	who := pick(rt, append(append([]*person{}, m.tokens...), m.browsers...))
	spec := identity.TokenSpec{Name: rapid.SampledFrom([]string{"ci", "c i", " "}).Draw(rt, "name"), Scopes: core.SecretsRead | core.TokensWrite, Life: rapid.SampledFrom([]time.Duration{30 * time.Second, time.Hour}).Draw(rt, "life")}
	p, err := m.AskToken(m.ctx, who.Actor, spec, "192.0.2.7")
	if expect(rt, "asking for a token", who.good() && who.Scopes.Has(spec.Scopes) && spec.Name != " ", err) {
		m.steps = append(m.steps, &shownProof{text: p.ID, user: who.user, asker: who, spec: &spec, asked: p.CreatedAt, state: p.State, end: p.ExpiresAt})
	}
}

func (m *model) makeToken(rt *rapid.T) {
	s := pick(rt, m.steps)
	if mostly(rt) {
		s = m.steps[len(m.steps)-1]
	}
	who, spec := pick(rt, append(append([]*person{}, m.tokens...), m.browsers...)), identity.TokenSpec{Name: "ci", Scopes: core.SecretsRead, Life: time.Hour}
	if mostly(rt) {
		who = s.asker
		if s.spec != nil {
			spec = *s.spec
		}
	}
	spec.StepUp = s.text
	want := s.spec != nil && s.ready() && who.good() && s.asker == who && spec.Name == s.spec.Name && spec.Scopes == s.spec.Scopes && spec.Life == s.spec.Life
	made, shown, err := m.CreateToken(m.ctx, who.Actor, spec)
	if !expect(rt, "making what was approved", want, err) {
		return
	}
	s.state = core.ProofUsed
	end := s.asked.Add(s.spec.Life)
	if made.Maker != "" || !made.ExpiresAt.Equal(end) {
		rt.Fatalf("made %+v, to end at %v", made, end)
	}
	a, err := m.Bearer(m.ctx, text(shown))
	if err != nil {
		rt.Fatal(err)
	}
	m.tokens = append(m.tokens, &person{Actor: a, user: s.user, end: end})
}

// outlive leads to a token that ends with no other, at once or in a while.
func (m *model) outlive(rt *rapid.T) {
	m.askToken(rt)
	m.decideStep(rt)
	if rapid.Bool().Draw(rt, "later") {
		m.wait(rt)
	}
	m.makeToken(rt)
}

// arrive and enroll lead to somebody who can act.
func (m *model) arrive(rt *rapid.T) {
	m.makeLink(rt)
	m.signIn(rt)
}

func (m *model) enroll(rt *rapid.T) {
	m.startDevice(rt)
	m.decideDevice(rt)
	m.login(rt)
}

// seek leads to an approval.
func (m *model) seek(rt *rapid.T) {
	m.ask(rt)
	m.decideStep(rt)
}

func (m *model) reveal(rt *rapid.T) {
	m.seek(rt)
	m.take(rt)
}

func (m *model) revoke(rt *rapid.T) {
	b := pick(rt, m.browsers)
	all, remove := m.browsers, m.DeleteSession
	if len(m.tokens) > 0 && rapid.Bool().Draw(rt, "token") {
		all, remove = m.tokens, m.DeleteToken
	}
	victim := pick(rt, all)
	if time.Now().After(victim.end.Add(6 * day)) {
		rt.Skip() // it may be swept
	}
	if expect(rt, "revoking", victim.user == b.user && !victim.gone, remove(m.ctx, b.Actor, victim.Via.ID)) {
		victim.gone = true
	}
}

func (m *model) disable(rt *rapid.T) {
	name, off := pick(rt, m.names), !mostly(rt)
	if _, err := m.UpdateUser(m.ctx, org, name, identity.Edit{Disabled: &off}, 0); err != nil {
		rt.Fatal(err)
	}
	m.disabled[name] = off
	if !off {
		return
	}
	for _, all := range [][]*shownProof{m.links, m.devices, m.steps} {
		for _, p := range all {
			if p.user == name {
				p.state = core.ProofUsed
			}
		}
	}
	for _, p := range append(append([]*person{}, m.tokens...), m.browsers...) {
		p.gone = p.gone || p.user == name
	}
}

func (m *model) sweep(rt *rapid.T) {
	if err := m.Sweep(m.ctx); err != nil {
		rt.Fatal(err)
	}
}

// check holds the newest tokens and browsers against what the model says of them.
func (m *model) check(rt *rapid.T) {
	newest := func(all []*person) []*person { return all[max(0, len(all)-3):] }
	for _, p := range append(append([]*person{}, newest(m.tokens)...), newest(m.browsers)...) {
		expect(rt, "still", p.good(), m.Still(m.ctx, p.Actor))
	}
}

// TestProofsFollowTheModel holds that each proof is good for what, for whom and
// for as long as it should be, and once, in any order of events.
func TestProofsFollowTheModel(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("40") // each has a database of its own
	}
	rapid.Check(t, func(rt *rapid.T) {
		var failure any // rapid's own panics, which must not end the bubble
		synctest.Test(t, func(t *testing.T) {
			defer func() { failure = recover() }()
			m := &model{fixture: newFixture(t, identity.Config{}), ctx: t.Context(), names: []string{"anna", "otto"}, disabled: map[string]bool{}}
			for _, n := range m.names {
				m.user(t, n, "")
				a, _ := m.browser(t, n)
				b, _ := m.token(t, n, core.SecretsRead|core.SecretsReveal|core.TokensWrite)
				m.browsers = append(m.browsers, &person{Actor: a, user: n, begin: time.Now(), end: time.Now().Add(12 * time.Hour)})
				m.tokens = append(m.tokens, &person{Actor: b, user: n, end: time.Now().Add(30 * day)})
			}
			rt.Repeat(map[string]func(*rapid.T){
				"": m.check, "wait": m.wait, "link": m.makeLink, "sign in": m.signIn, "device": m.startDevice, "decide": m.decideDevice,
				"login": m.login, "ask": m.ask, "decide step": m.decideStep, "take": m.take, "revoke": m.revoke, "disable": m.disable, "sweep": m.sweep, "arrive": m.arrive, "enroll": m.enroll, "seek": m.seek, "reveal": m.reveal, "take again": m.take,
				"ask for a token": m.askToken, "make it": m.makeToken, "outlive": m.outlive,
			})
		})
		if failure != nil {
			panic(failure)
		}
	})
}

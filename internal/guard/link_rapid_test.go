package guard_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/guard/guardtest"
	"keyfob/internal/store"
)

// people is what one run of the property works on: records by their ids, of a
// user of its own, as they should be stored. 0: it is not there.
type people struct {
	user     string
	secrets  map[string]int64
	profiles map[string]int64
	proofs   map[string]core.ProofState
	pool     int64
}

func (p *people) owner() core.Owner { return core.Owner{Kind: core.UserOwner, ID: p.user} }

// step draws one write that fits, and takes it into account.
func (p *people) step(rt *rapid.T) write {
	o, id := p.owner(), p.user+rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "id")
	remove := rapid.IntRange(0, 3).Draw(rt, "remove") == 0
	switch rapid.SampledFrom([]string{"secret", "profile", "activate", "proof", "pool", "end"}).Draw(rt, "kind") {
	case "secret":
		return p.secret(id, remove)
	case "profile":
		return p.profile(id, remove)
	case "activate":
		if p.profiles[id] <= 0 {
			return nil
		}
		return func(ctx context.Context, tx store.Tx) error { return tx.Profiles().Activate(ctx, o, id) }
	case "proof":
		return p.proof(id)
	case "pool":
		p.pool++
		expect := p.pool - 1
		return func(ctx context.Context, tx store.Tx) error {
			return tx.Pools().Put(ctx, core.Pool{Owner: o, Provider: "openai", Namespace: "default"}, expect)
		}
	}
	clear(p.proofs)
	p.user, p.pool = p.user+"x", 0 // ids are not used again
	return func(ctx context.Context, tx store.Tx) error { return counted(tx.Proofs().DeleteAll(ctx, "u")) }
}

func (p *people) secret(id string, remove bool) write {
	s := core.SealedSecret{Secret: core.Secret{ID: id, Owner: p.owner(), Name: id, Version: 1}}
	expect := p.secrets[id]
	switch {
	case expect < 0: // was removed
		return nil
	case expect == 0:
		p.secrets[id] = 1
		return func(ctx context.Context, tx store.Tx) error { return tx.Secrets().Create(ctx, s) }
	case remove:
		p.secrets[id] = -1
		return func(ctx context.Context, tx store.Tx) error { return tx.Secrets().Delete(ctx, id, expect) }
	}
	p.secrets[id]++
	s.Env = fmt.Sprint(expect)
	return func(ctx context.Context, tx store.Tx) error { return tx.Secrets().Update(ctx, s, expect) }
}

// profile reads the version, which Activate moves too.
func (p *people) profile(id string, remove bool) write {
	o := p.owner()
	switch {
	case p.profiles[id] < 0:
		return nil
	case p.profiles[id] == 0:
		p.profiles[id] = 1
		return func(ctx context.Context, tx store.Tx) error {
			return tx.Profiles().Create(ctx, core.Profile{ID: id, Owner: o, Name: id, Version: 1})
		}
	case remove:
		p.profiles[id] = -1
	}
	return func(ctx context.Context, tx store.Tx) error {
		x, err := tx.Profiles().ByID(ctx, id)
		if err != nil {
			return err
		}
		if x.Model += "x"; remove {
			return tx.Profiles().Delete(ctx, id, x.Version)
		}
		return tx.Profiles().Update(ctx, x, x.Version)
	}
}

func (p *people) proof(id string) write {
	from := p.proofs[id]
	next := map[core.ProofState]core.ProofState{"": core.ProofPending, core.ProofPending: core.ProofApproved, core.ProofApproved: core.ProofUsed}[from]
	x := core.Proof{ID: id, Kind: core.StepUpProof, UserID: "u", State: next, ExpiresAt: time.Now().Add(time.Hour)}
	if next == "" {
		return nil
	}
	p.proofs[id] = next
	if from == "" {
		return func(ctx context.Context, tx store.Tx) error { return tx.Proofs().Create(ctx, x) }
	}
	return func(ctx context.Context, tx store.Tx) error { return tx.Proofs().Decide(ctx, x, from) }
}

// Whatever two processes write, in turn or several records and steps at once:
// where nobody else writes there is no finding.
func TestWritesAreNoFinding(t *testing.T) {
	k := guardtest.New(t)
	guards := [2]*guard.Guard{k.Guard, guard.New(k.Store, "also", guard.Signed(k.Signer))}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		p := people{user: fmt.Sprintf("u%d.", run), secrets: map[string]int64{}, profiles: map[string]int64{}, proofs: map[string]core.ProofState{}}
		for range rapid.IntRange(1, 8).Draw(rt, "acts") {
			var steps []write
			for range rapid.IntRange(1, 4).Draw(rt, "steps") {
				if s := p.step(rt); s != nil {
					steps = append(steps, s)
				}
			}
			g := guards[rapid.IntRange(0, 1).Draw(rt, "writer")]
			err := g.Do(t.Context(), core.LocalUser, set("x"), func(ctx context.Context, tx store.Tx, _ guard.Note) error {
				for _, s := range steps {
					if err := s(ctx, tx); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				rt.Fatal(err)
			}
		}
		if v, err := guards[run%2].Verify(t.Context(), core.LocalUser); err != nil || !v.OK() {
			rt.Fatalf("%+v, %v", v.Problems, err)
		}
	})
}

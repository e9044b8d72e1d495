package account

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"keyfob/failover"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/provider"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Prober sends the request of Adapter.ModelsRequest with a credential, and gives
// the answer with the first part of its body. err says that there was none.
type Prober interface {
	Probe(ctx context.Context, a core.Account, cred secret.Secret) (status int, h http.Header, body []byte, err error)
}

// TestResult is what one free request showed of an account.
type TestResult struct {
	Status  int
	Verdict failover.Verdict
	Models  []string // that the account may use; nil if the answer was no success
}

// Test asks the provider whether the credential holds. A good answer clears what
// is held against the account; one that says it is dead, expired, out of credit
// or over a limit with a time is kept. Errors: not_found, unavailable where the
// provider did not answer as one, in which case nothing is kept.
func (s *Accounts) Test(ctx context.Context, actor core.Actor, r Ref) (TestResult, error) {
	if s.probe == nil {
		return TestResult{}, core.Errorf(core.Unavailable, "accounts cannot be tested here").WithHint("nothing sends requests in this process")
	}
	a, cred, err := s.take(ctx, actor, r)
	if err != nil {
		return TestResult{}, err
	}
	adapter, err := s.providers.Get(a.Provider)
	if err != nil {
		return TestResult{}, err
	}
	got, failed := s.ask(ctx, adapter, a, cred)
	act := guard.Act{Action: guard.AccountHealth, Subject: guard.AccountSubject(a.Ref())}
	err = s.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		if failed != nil {
			return failed
		}
		return keep(ctx, tx, note, a, got)
	})
	if err != nil {
		return TestResult{}, err
	}
	return got, nil
}

// take opens the credential to use it, which is an exposure like any other.
func (s *Accounts) take(ctx context.Context, actor core.Actor, r Ref) (core.Account, secret.Secret, error) {
	if err := r.check(); err != nil {
		return core.Account{}, secret.Secret{}, err
	}
	var out core.Account
	var cred secret.Secret
	act := guard.Act{Action: guard.AccountTest, Subject: guard.AccountSubject(r.String())}
	err := s.guard.Expose(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		a, err := get(ctx, tx, actor.Owner, r)
		if err != nil {
			return err
		}
		key, err := s.keys.Open(ctx, tx.Vault(), a.Owner)
		if err != nil {
			return err
		}
		binding := seal.AccountBinding(a.Account)
		note("upstream", binding.Origin)
		out = a.Account
		cred, err = key.Open(binding, a.Ciphertext)
		return err
	})
	if err != nil {
		return core.Account{}, secret.Secret{}, err
	}
	return out, cred, nil
}

func (s *Accounts) ask(ctx context.Context, adapter provider.Adapter, a core.Account, cred secret.Secret) (TestResult, error) {
	status, h, body, err := s.probe.Probe(ctx, a, cred)
	if err != nil {
		return TestResult{}, unreachable(a, err)
	}
	got := TestResult{Status: status}
	if status/100 != 2 {
		got.Verdict = adapter.Classify(status, h, body[:min(len(body), 16<<10)], time.Now())
		return got, nil
	}
	if got.Models, err = adapter.ParseModels(body); err != nil {
		return TestResult{}, core.Errorf(core.Unavailable, "the upstream of %s answered, but not with a list of models", a.Ref()).
			WithField("base_url").WithHint("check that %s is the provider's API", a.BaseURL)
	}
	return got, nil
}

func unreachable(a core.Account, err error) error {
	if core.CodeOf(err) != core.Internal {
		return err
	}
	return core.Errorf(core.Unavailable, "the upstream of %s did not answer", a.Ref()).
		WithHint("check the network, a proxy (HTTPS_PROXY) and the base URL %s", a.BaseURL).Wrap(err)
}

// keep stores what the answer showed. Health is of the epoch that the credential
// was taken at: if the key was replaced meanwhile, it no longer counts.
func keep(ctx context.Context, tx store.Tx, note guard.Note, a core.Account, got TestResult) error {
	note("status", strconv.Itoa(got.Status))
	note("verdict", got.Verdict.Kind.String())
	if got.Status/100 == 2 {
		return clearHealth(ctx, tx, note, a)
	}
	until, held := heldUntil(got.Verdict)
	if !held {
		return nil
	}
	return tx.Health().Merge(ctx, []core.Health{{
		AccountID: a.ID, Kind: got.Verdict.Kind.String(), Until: until, Epoch: a.Epoch,
		Reason: got.Verdict.Reason, UpdatedAt: time.Now().UTC().Truncate(time.Microsecond),
	}})
}

// heldUntil says until when a verdict on the whole account holds.
func heldUntil(v failover.Verdict) (time.Time, bool) {
	if v.Scope != failover.Account && v.Scope != failover.QuotaGroup {
		return time.Time{}, false
	}
	switch v.Kind {
	case failover.Dead, failover.Expired, failover.NoCredit:
		if v.Until.IsZero() {
			return core.Forever, true
		}
		return v.Until, true
	case failover.Limited:
		return v.Until, !v.Until.IsZero()
	default:
		return time.Time{}, false
	}
}

package llm

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// NewProfile is a profile to make.
type NewProfile struct {
	Name       string
	Model      string // 1 to 200 bytes
	Provider   string // one of the registry's
	Namespace  string // of the pool; empty: default
	Parameters []byte // a JSON object of at most 16 KiB; nil: none
}

// ProfileEdit changes a profile: what is nil stays.
type ProfileEdit struct {
	Model      *string
	Provider   *string
	Namespace  *string // empty: default
	Parameters *[]byte // "{}" or nothing clears
}

// Profiles gives the owner's profiles in order of name.
func (l *LLM) Profiles(ctx context.Context, actor core.Actor) ([]core.Profile, error) {
	var out []core.Profile
	err := l.guard.Read(ctx, actor, guard.Act{Action: guard.ProfileList, Subject: "profiles"}, func(ctx context.Context, tx store.Tx) error {
		var err error
		out, err = tx.Profiles().List(ctx, actor.Owner)
		return err
	})
	return out, err
}

// Profile finds one; errors: not_found.
func (l *LLM) Profile(ctx context.Context, actor core.Actor, name string) (core.Profile, error) {
	if err := core.CheckName("profile", name); err != nil {
		return core.Profile{}, err
	}
	var out core.Profile
	act := guard.Act{Action: guard.ProfileGet, Subject: guard.ProfileSubject(name)}
	err := l.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
		var err error
		out, err = profile(ctx, tx, actor.Owner, name)
		return err
	})
	return out, err
}

// CreateProfile keeps a new profile. An owner's first one is active. Errors:
// invalid, conflict where the name is taken, exhausted at MaxProfiles.
func (l *LLM) CreateProfile(ctx context.Context, actor core.Actor, in NewProfile) (core.Profile, error) {
	p, err := l.newProfile(actor.Owner, in)
	if err != nil {
		return core.Profile{}, err
	}
	act := guard.Act{Action: guard.ProfileCreate, Subject: guard.ProfileSubject(p.Name)}
	err = l.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		others, err := tx.Profiles().List(ctx, actor.Owner)
		if err != nil {
			return err
		}
		if len(others) >= MaxProfiles {
			return tooMany("profiles", MaxProfiles)
		}
		p.Active = len(others) == 0
		noteModel(note, p)
		return tx.Profiles().Create(ctx, p)
	})
	if err != nil {
		return core.Profile{}, err
	}
	return p, nil
}

func (l *LLM) newProfile(o core.Owner, in NewProfile) (core.Profile, error) {
	t := now()
	p := core.Profile{
		ID: core.NewID("prf"), Owner: o, Name: in.Name, Model: in.Model, Provider: in.Provider, Namespace: in.Namespace,
		Parameters: in.Parameters, Version: 1, CreatedAt: t, UpdatedAt: t,
	}
	if err := core.CheckNewName("profile", p.Name); err != nil {
		return core.Profile{}, err
	}
	return l.checked(p)
}

func noteModel(note guard.Note, p core.Profile) {
	note("model", p.Model)
	note("pool", p.Provider+"/"+p.Namespace)
}

// UpdateProfile changes a profile. expect is the version that was seen; 0 takes
// whichever there is. Errors: not_found, invalid, conflict with reason "stale".
func (l *LLM) UpdateProfile(ctx context.Context, actor core.Actor, name string, e ProfileEdit, expect int64) (core.Profile, error) {
	if e == (ProfileEdit{}) {
		return core.Profile{}, core.Errorf(core.Invalid, "the change names nothing to change").
			WithHint("give at least one of model, provider, namespace and parameters")
	}
	var out core.Profile
	err := l.onProfile(ctx, actor, guard.ProfileUpdate, name, func(ctx context.Context, tx store.Tx, note guard.Note, old core.Profile) error {
		if err := core.CheckVersion("the profile", old.Version, expect); err != nil {
			return err
		}
		next, err := l.checked(e.apply(old))
		if err != nil {
			return err
		}
		noteModel(note, next)
		out = next
		return tx.Profiles().Update(ctx, next, old.Version)
	})
	return out, err
}

func (e ProfileEdit) apply(p core.Profile) core.Profile {
	set(&p.Model, e.Model)
	set(&p.Provider, e.Provider)
	set(&p.Namespace, e.Namespace)
	set(&p.Parameters, e.Parameters)
	p.Version++
	p.UpdatedAt = now()
	return p
}

// DeleteProfile removes a profile. Where it was the active one, none is active
// afterwards: no other is chosen for its owner. Errors: not_found, conflict with
// reason "stale".
func (l *LLM) DeleteProfile(ctx context.Context, actor core.Actor, name string, expect int64) error {
	return l.onProfile(ctx, actor, guard.ProfileDelete, name, func(ctx context.Context, tx store.Tx, _ guard.Note, old core.Profile) error {
		if err := core.CheckVersion("the profile", old.Version, expect); err != nil {
			return err
		}
		return tx.Profiles().Delete(ctx, old.ID, old.Version)
	})
}

// UseProfile makes a profile the owner's active one, in place of the one before.
// Errors: not_found.
func (l *LLM) UseProfile(ctx context.Context, actor core.Actor, name string) (core.Profile, error) {
	var out core.Profile
	err := l.onProfile(ctx, actor, guard.ProfileUse, name, func(ctx context.Context, tx store.Tx, _ guard.Note, old core.Profile) error {
		if err := tx.Profiles().Activate(ctx, actor.Owner, old.ID); err != nil {
			return err
		}
		var err error
		out, err = profile(ctx, tx, actor.Owner, name)
		return err
	})
	return out, err
}

// onProfile runs fn on one profile, inside the guard.
func (l *LLM) onProfile(ctx context.Context, actor core.Actor, action, name string, fn func(context.Context, store.Tx, guard.Note, core.Profile) error) error {
	if err := core.CheckName("profile", name); err != nil {
		return err
	}
	act := guard.Act{Action: action, Subject: guard.ProfileSubject(name)}
	return l.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		old, err := profile(ctx, tx, actor.Owner, name)
		if err != nil {
			return err
		}
		return fn(ctx, tx, note, old)
	})
}

func profile(ctx context.Context, tx store.Tx, o core.Owner, name string) (core.Profile, error) {
	p, err := tx.Profiles().Get(ctx, o, name)
	if core.CodeOf(err) == core.NotFound {
		return p, core.Errorf(core.NotFound, "there is no LLM profile %q", name).WithField("name").
			WithHint("list the profiles to see those there are").Wrap(err)
	}
	return p, err
}

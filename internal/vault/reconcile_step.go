package vault

import (
	"context"
	"errors"
	"maps"

	"keyfob/internal/core"
	"keyfob/internal/secret"
)

func (r *reconciler) wanted(ctx context.Context, w Wanted) (step, error) {
	if err := CheckName(w.Name); err != nil {
		return step{}, err
	}
	old, there := r.stored[w.Name]
	if !there {
		return r.made(w)
	}
	return r.changed(ctx, w, old)
}

func (r *reconciler) made(w Wanted) (step, error) {
	if err := checkNewName(w.Name); err != nil {
		return step{}, err
	}
	if w.Value == nil {
		return step{}, core.Errorf(core.Invalid, "the secret %q is new and has no value", w.Name).WithField("value").WithHint("give its value")
	}
	s := NewSecret{
		Name: w.Name, Description: w.Description, Env: w.Env, File: w.File, Value: *w.Value,
		Disabled: w.Disabled, Lookup: w.Lookup, Selector: w.Selector,
	}.record(r.owner)
	return step{change: Change{Name: w.Name, Action: Create}, next: s, value: w.Value}, r.check(s, w.Value)
}

func (r *reconciler) changed(ctx context.Context, w Wanted, old core.Secret) (step, error) {
	e, err := r.edit(ctx, w, old)
	if err != nil {
		return step{}, err
	}
	st := step{change: Change{Name: w.Name, Action: None}, next: old, value: e.Value}
	if st.change.Fields = e.fields(); len(st.change.Fields) > 0 {
		st.change.Action, st.next = Update, e.apply(old)
	}
	return st, r.check(st.next, w.Value)
}

func (r *reconciler) check(s core.Secret, value *secret.Secret) error {
	if err := r.v.limits.checkRecord(s); err != nil || value == nil {
		return err
	}
	return r.v.limits.checkValue(*value, s.Env)
}

// edit is what differs between a secret and what it is to be.
func (r *reconciler) edit(ctx context.Context, w Wanted, old core.Secret) (Edit, error) {
	enabled := !w.Disabled
	e := Edit{
		Description: differing(old.Description, w.Description), Env: differing(old.Env, w.Env), File: differing(old.File, w.File),
		Enabled: differing(old.Enabled, enabled), Lookup: differing(old.Lookup, w.Lookup),
	}
	if !maps.Equal(old.Selector, w.Selector) {
		e.Selector = &w.Selector
	}
	if w.Value == nil {
		return e, nil
	}
	same, err := r.holds(ctx, old, *w.Value)
	if !same {
		e.Value = w.Value
	}
	return e, err
}

// holds says whether a value is the stored one. One that was damaged is not: so
// it can be replaced.
func (r *reconciler) holds(ctx context.Context, old core.Secret, value secret.Secret) (bool, error) {
	if value.Len() != old.Size {
		return false, nil
	}
	sealed, err := get(ctx, r.tx, r.owner, old.Name)
	if err != nil {
		return false, err
	}
	is, err := r.v.open(ctx, r.tx, sealed)
	if errors.Is(err, &core.Error{Code: core.Internal, Reason: "sealed_mismatch"}) {
		return false, nil
	}
	return err == nil && is.Equal(value), err
}

func differing[T comparable](is, want T) *T {
	if is == want {
		return nil
	}
	return &want
}

func (r *reconciler) write(ctx context.Context) error {
	by := map[string][]string{}
	for _, st := range r.steps {
		if err := r.writeOne(ctx, st); err != nil {
			return err
		}
		by[st.change.Action] = append(by[st.change.Action], st.change.Name)
	}
	for _, action := range []string{Create, Update, Delete} {
		if len(by[action]) > 0 {
			r.note.Names("secrets_"+action, by[action])
		}
	}
	return nil
}

func (r *reconciler) writeOne(ctx context.Context, st step) error {
	switch st.change.Action {
	case Create:
		return r.v.create(ctx, r.tx, st.next, *st.value)
	case Update, Delete:
		old, err := get(ctx, r.tx, r.owner, st.next.Name)
		if err != nil {
			return err
		}
		if st.change.Action == Delete {
			return r.tx.Secrets().Delete(ctx, old.ID, old.Version)
		}
		return r.v.update(ctx, r.tx, old, st.next, st.value)
	default:
		return nil
	}
}

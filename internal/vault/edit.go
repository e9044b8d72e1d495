package vault

import (
	"maps"
	"time"

	"keyfob/internal/core"
)

// check refuses an edit that is none, or names no secret.
func (e Edit) check(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if len(e.fields()) == 0 {
		return core.Errorf(core.Invalid, "the change names nothing to change").
			WithHint("give at least one of value, description, env, file, enabled, lookup and selector")
	}
	return nil
}

// fields names what the edit touches.
func (e Edit) fields() []string {
	var out []string
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"value", e.Value != nil}, {"description", e.Description != nil}, {"env", e.Env != nil}, {"file", e.File != nil},
		{"enabled", e.Enabled != nil}, {"lookup", e.Lookup != nil}, {"selector", e.Selector != nil},
	} {
		if f.set {
			out = append(out, f.name)
		}
	}
	return out
}

// apply is the record after the edit, one version on.
func (e Edit) apply(s core.Secret) core.Secret {
	set(&s.Description, e.Description)
	set(&s.Env, e.Env)
	set(&s.File, e.File)
	set(&s.Enabled, e.Enabled)
	set(&s.Lookup, e.Lookup)
	if e.Selector != nil {
		s.Selector = maps.Clone(*e.Selector)
	}
	if e.Value != nil {
		s.Size = e.Value.Len()
		s.ValueVersion++
	}
	s.Version++
	s.UpdatedAt = time.Now().UTC().Truncate(time.Microsecond)
	return s
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

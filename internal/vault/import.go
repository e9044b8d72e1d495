package vault

import (
	"context"
	"fmt"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/secret"
	"keyfob/internal/store"
)

// Import is several secrets at once, from one text.
type Import struct {
	Format   string // env, json or yaml
	Content  secret.Secret
	DryRun   bool // check all of it against the store, and keep nothing
	Env      bool // deliver each as the variable of its name
	Lookup   bool // allow lookup of each
	Selector core.Selector
}

// entry is one secret of an import.
type entry struct {
	name  string
	line  int
	value secret.Secret
}

// Import makes all of the secrets or none, in order of the text; a dry run gives
// them without an ID. Errors: conflict where names are taken, else invalid, with
// every entry that cannot be taken in Details; exhausted at a limit.
func (v *Vault) Import(ctx context.Context, actor core.Actor, in Import) ([]core.Secret, error) {
	entries, problems, err := v.parse(in)
	if err != nil {
		return nil, err
	}
	made := in.records(actor.Owner, entries)
	act := guard.Act{Action: guard.SecretImport, Subject: "secrets", Detail: map[string]string{
		"format": in.Format, "count": strconv.Itoa(len(made)),
	}}
	if in.DryRun {
		err = v.guard.Read(ctx, actor, act, func(ctx context.Context, tx store.Tx) error {
			return v.checkImport(ctx, tx, actor.Owner, entries, made, problems)
		})
		return in.shown(made, err)
	}
	err = v.guard.Do(ctx, actor, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		if err := v.checkImport(ctx, tx, actor.Owner, entries, made, problems); err != nil {
			return err
		}
		return v.createAll(ctx, tx, note, entries, made)
	})
	return in.shown(made, err)
}

func (v *Vault) parse(in Import) ([]entry, []core.Detail, error) {
	if err := in.check(v.limits); err != nil {
		return nil, nil, err
	}
	text := in.Content.Reveal()
	defer clear(text)
	entries, problems, err := parsers[in.Format](text, v.limits.Secrets)
	switch n := len(entries) + len(problems); {
	case err != nil:
		return nil, nil, err
	case n == 0:
		return nil, nil, core.Errorf(core.Invalid, "there is nothing to import").WithField("content").WithHint("the text holds no entry")
	case n > v.limits.Secrets:
		return nil, nil, core.Errorf(core.Exhausted, "the text has more entries than the %d secrets that one owner may keep", v.limits.Secrets).
			WithField("content").WithHint("import fewer")
	}
	return entries, problems, nil
}

func (in Import) check(l Limits) error {
	if parsers[in.Format] == nil {
		return core.Errorf(core.Invalid, "%q is not a format to import", in.Format).WithField("format").
			WithHint("the formats are env, json and yaml")
	}
	if n := in.Content.Len(); n > l.ImportBytes {
		return core.Errorf(core.Invalid, "the text is %d bytes, one import takes at most %d", n, l.ImportBytes).WithField("content").
			WithHint("import it in parts")
	}
	if !in.Env && !in.Lookup {
		return core.Errorf(core.Invalid, "the secrets would reach no workspace: they have no delivery").WithField("env").
			WithHint("deliver each as the variable of its name, or allow lookup")
	}
	return core.CheckLabels(in.Selector)
}

func (in Import) records(o core.Owner, entries []entry) []core.Secret {
	out := make([]core.Secret, 0, len(entries))
	for _, e := range entries {
		n := NewSecret{Name: e.name, Value: e.value, Lookup: in.Lookup, Selector: in.Selector}
		if in.Env {
			n.Env = e.name
		}
		out = append(out, n.record(o))
	}
	return out
}

func (in Import) shown(made []core.Secret, err error) ([]core.Secret, error) {
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		for i := range made {
			made[i].ID = ""
		}
	}
	return made, nil
}

// checkImport finds everything that speaks against the import, before any of it
// is written.
func (v *Vault) checkImport(ctx context.Context, tx store.Tx, o core.Owner, entries []entry, made []core.Secret, problems []core.Detail) error {
	others, err := list(ctx, tx, o)
	if err != nil {
		return err
	}
	stored := map[string]bool{}
	for _, s := range others {
		stored[s.Name] = true
	}
	code := core.Invalid
	for i, s := range made {
		if stored[s.Name] {
			code = core.Conflict
			problems = append(problems, detail(entries[i], "there is a secret of this name already"))
		}
		if err := v.checkEntry(s, entries[i]); err != nil {
			problems = append(problems, detail(entries[i], err.Error()))
		}
	}
	if len(problems) > 0 {
		return refused(code, problems)
	}
	return v.limits.checkAll(others, made...)
}

func (v *Vault) checkEntry(s core.Secret, e entry) error {
	if err := checkNewName(s.Name); err != nil {
		return err
	}
	if err := v.limits.checkRecord(s); err != nil {
		return err
	}
	return v.limits.checkValue(e.value, s.Env)
}

func (v *Vault) createAll(ctx context.Context, tx store.Tx, note guard.Note, entries []entry, made []core.Secret) error {
	names := make([]string, 0, len(made))
	for i, s := range made {
		if err := v.create(ctx, tx, s, entries[i].value); err != nil {
			return err
		}
		names = append(names, s.Name)
	}
	note.Names("names", names)
	return nil
}

func detail(e entry, why string) core.Detail {
	if len(e.name) > maxName {
		e.name = ""
	}
	return core.Detail{Field: e.name, Message: fmt.Sprintf("line %d: %s", e.line, why)}
}

func refused(code core.Code, problems []core.Detail) error {
	e := core.Errorf(code, "nothing was imported: %d of the entries cannot be taken", len(problems)).WithField("content").
		WithHint("change or leave out what is named, then import again")
	if len(problems) == 1 {
		e.Message = "nothing was imported: one entry cannot be taken"
	}
	e.Details = problems
	return e
}

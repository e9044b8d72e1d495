package identity

import (
	"context"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// Vouched is the user whom a proxy names that has proved itself. The proxy gives
// a name, an address, or both:
//
//   - with an address, whoever has it; else somebody new, whose name is made of
//     the address and may get a number. The name given then counts for nothing:
//     at many identity providers people choose it themselves, and whoever is
//     called like a user, or like one whom selectors and launchers name, must not
//     become that user;
//   - with a name alone (A-Z and a-z are one), whoever has it and no address; else
//     somebody new of just that name.
//
// The server's own user is never found by name. The user of Config.AdminEmail is made
// an administrator. Errors: unauthenticated with reason user_disabled, or
// identity for a name or address that cannot be or is somebody else's.
func (i *Identity) Vouched(ctx context.Context, name, email string) (core.Actor, error) {
	email, err := optionalEmail(email)
	if err != nil {
		return core.Actor{}, badIdentity("sends an address that is none", "let the proxy send an address such as anna@example.org").Wrap(err)
	}
	name = lower(name)
	if email == "" && (!validName(name) || name == core.Local.ID) {
		return core.Actor{}, badIdentity("sends a name that nobody can have",
			"let the proxy send the address too; a name alone is 1 to 64 of a-z, 0-9 and . _ -")
	}
	u, err := i.vouchedUser(ctx, name, email)
	if err != nil {
		return core.Actor{}, err
	}
	if u.Disabled {
		return core.Actor{}, disabled()
	}
	return actor(u, core.AllScopes, core.Via{Kind: core.ViaProxy}), nil
}

// vouchedUser reads; only what is new is a change. Another process may make the
// same change at the same time, so a conflict is looked at once more.
func (i *Identity) vouchedUser(ctx context.Context, name, email string) (core.User, error) {
	for again := false; ; again = true {
		var u core.User
		err := i.store.View(ctx, func(tx store.Tx) (err error) {
			u, err = findVouched(ctx, tx, name, email)
			return err
		})
		switch {
		case core.CodeOf(err) == core.NotFound:
			u, err = i.signUp(ctx, name, email)
		case err == nil && !u.Disabled && i.wants(u) != u:
			u, err = i.adjust(ctx, u)
		}
		if core.CodeOf(err) != core.Conflict || again {
			return u, err
		}
	}
}

// findVouched gives not_found for somebody new.
func findVouched(ctx context.Context, tx store.Tx, name, email string) (core.User, error) {
	if email != "" {
		return tx.Users().ByEmail(ctx, email)
	}
	u, err := tx.Users().ByName(ctx, name)
	if err != nil || u.ID != core.Local.ID && u.Email == "" {
		return u, err
	}
	return core.User{}, badIdentity("sends a name alone, of a user who has an address",
		"let the proxy send the address too, or take it from the user: keyfob user edit --email ''")
}

// wants is the user as they should be, by their address.
func (i *Identity) wants(u core.User) core.User {
	if i.adminEmail != "" && u.Email == i.adminEmail {
		u.Role = core.RoleAdmin
	}
	return u
}

// adjust stores what wants says.
func (i *Identity) adjust(ctx context.Context, seen core.User) (core.User, error) {
	var next core.User
	act := guard.Act{Action: guard.UserSignUp, Subject: guard.UserSubject(seen.Name)}
	err := i.guard.Do(ctx, signIn(seen), act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		old, err := enabled(ctx, tx, seen.ID)
		if err != nil {
			return err
		}
		next = i.wants(old)
		noteUser(note, next)
		if next == old {
			return nil
		}
		next.Version, next.UpdatedAt = old.Version+1, now()
		return tx.Users().Update(ctx, next, old.Version)
	})
	return next, err
}

func (i *Identity) signUp(ctx context.Context, name, email string) (core.User, error) {
	at := now()
	u := i.wants(core.User{ID: core.NewID("usr"), Email: email, Role: core.RoleUser, Version: 1, CreatedAt: at, UpdatedAt: at})
	act := guard.Act{Action: guard.UserSignUp, Subject: guard.UserSubject(newName(name, email))}
	err := i.guard.Do(ctx, signIn(u), act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		// Many requests of one page can be somebody's first.
		found, err := findVouched(ctx, tx, name, email)
		if core.CodeOf(err) != core.NotFound {
			note("found", found.ID)
			u = found
			return err
		}
		if u.Name, err = freeName(ctx, tx, newName(name, email)); err != nil {
			return err
		}
		noteUser(note, u)
		return tx.Users().Create(ctx, u)
	})
	return u, err
}

func noteUser(note guard.Note, u core.User) {
	note("id", u.ID)
	note("name", u.Name)
	note("email", u.Email)
	note("role", string(u.Role))
}

// newName is the name that somebody new should have.
func newName(name, email string) string {
	if email == "" {
		return name
	}
	return derived(email)
}

// freeName is the name, or the first with a number behind it that nobody has.
func freeName(ctx context.Context, tx store.Tx, name string) (string, error) {
	for n := 1; n < 10_000; n++ {
		try := name
		if n > 1 {
			end := "-" + strconv.Itoa(n)
			try = name[:min(len(name), maxName-len(end))] + end
		}
		if try == core.Local.ID {
			continue
		}
		_, err := tx.Users().ByName(ctx, try)
		if core.CodeOf(err) == core.NotFound {
			return try, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", core.Errorf(core.Exhausted, "too many users are called %s", name).WithHint("make this user by hand: keyfob user add")
}

func badIdentity(what, hint string) *core.Error {
	return core.Errorf(core.Unauthenticated, "the proxy in front of this server %s", what).WithReason("identity").WithHint("%s", hint)
}

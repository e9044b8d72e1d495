package identity

import (
	"context"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// NewUser is a user to make. The zero Role is that of a user.
type NewUser struct {
	Name, Email string
	Role        core.Role
}

// Edit changes a user: what is nil stays; an empty Email takes the address away.
type Edit struct {
	Email    *string
	Role     *core.Role
	Disabled *bool
}

// firstUser is whose the records of one machine are, see EnsureFirst.
func firstUser() core.User {
	return core.User{ID: core.Local.ID, Name: core.Local.ID, Role: core.RoleAdmin}
}

// EnsureFirst makes the user "local", whose the records of one machine are, so
// that they are somebody's when it becomes a server. One that is there stays as it
// is, also where it is disabled.
func (i *Identity) EnsureFirst(ctx context.Context) error {
	find := func() error {
		return i.store.View(ctx, func(tx store.Tx) error {
			_, err := tx.Users().Get(ctx, core.Local.ID)
			return err
		})
	}
	if err := find(); core.CodeOf(err) != core.NotFound {
		return err
	}
	u := firstUser()
	u.Version, u.CreatedAt = 1, now()
	u.UpdatedAt = u.CreatedAt
	act := guard.Act{Action: guard.UserSignUp, Subject: guard.UserSubject(u.Name), Detail: map[string]string{"role": string(u.Role)}}
	err := i.guard.Do(ctx, core.System("serve", u.Owner()), act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		return tx.Users().Create(ctx, u)
	})
	if core.CodeOf(err) == core.Conflict {
		return find() // another process made it meanwhile
	}
	return err
}

// Users lists users in order of name, which is the page's key. The actor is an
// administrator acting on core.Org, here and in the other methods on users.
func (i *Identity) Users(ctx context.Context, a core.Actor, p store.Page) ([]core.User, error) {
	var out []core.User
	err := i.guard.Read(ctx, a, guard.Act{Action: guard.UserList, Subject: "users"}, func(ctx context.Context, tx store.Tx) (err error) {
		out, err = tx.Users().Page(ctx, p)
		return err
	})
	return out, err
}

// User finds a user by name; errors: not_found.
func (i *Identity) User(ctx context.Context, a core.Actor, name string) (core.User, error) {
	if !validName(name) {
		return core.User{}, noUser(name, nil)
	}
	var out core.User
	act := guard.Act{Action: guard.UserList, Subject: guard.UserSubject(name)}
	err := i.guard.Read(ctx, a, act, func(ctx context.Context, tx store.Tx) (err error) {
		out, err = userNamed(ctx, tx, name)
		return err
	})
	return out, err
}

func userNamed(ctx context.Context, tx store.Tx, name string) (core.User, error) {
	if !validName(name) {
		return core.User{}, noUser(name, nil)
	}
	u, err := tx.Users().ByName(ctx, name)
	return u, when(err, func(error) error { return noUser(name, nil) })
}

// CreateUser makes a user who can sign in once somebody gives them a link, or a
// proxy vouches for them. Errors: invalid; conflict where name or address are
// another's.
func (i *Identity) CreateUser(ctx context.Context, a core.Actor, in NewUser) (core.User, error) {
	u, err := in.record()
	if err != nil {
		return core.User{}, err
	}
	act := guard.Act{Action: guard.UserCreate, Subject: guard.UserSubject(u.Name), Detail: map[string]string{"id": u.ID, "role": string(u.Role), "email": u.Email}}
	err = i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, _ guard.Note) error {
		return tx.Users().Create(ctx, u)
	})
	if err != nil {
		return core.User{}, err
	}
	return u, nil
}

func (in NewUser) record() (core.User, error) {
	if in.Role == "" {
		in.Role = core.RoleUser
	}
	if err := CheckName(in.Name); err != nil {
		return core.User{}, err
	}
	if in.Name == core.Local.ID {
		return core.User{}, core.Errorf(core.Invalid, "the name %q is that of the server's own user", in.Name).WithField("name").
			WithHint("choose another name")
	}
	email, err := optionalEmail(in.Email)
	if err != nil {
		return core.User{}, err
	}
	at := now()
	u := core.User{ID: core.NewID("usr"), Name: in.Name, Email: email, Role: in.Role, Version: 1, CreatedAt: at, UpdatedAt: at}
	return u, checkRole(in.Role)
}

func checkRole(r core.Role) error {
	if r == core.RoleUser || r == core.RoleAdmin {
		return nil
	}
	return core.Errorf(core.Invalid, "there is no such role").WithField("role").WithHint("a role is %s or %s", core.RoleUser, core.RoleAdmin)
}

// UpdateUser changes a user who is at version expect; 0: at whichever. Disabling
// one removes their tokens, browser sessions and whatever waits for an approval,
// and ends their workspaces, in the same transaction. Errors: not_found, invalid;
// conflict with reason stale where the version is another, with reason last_admin
// where no enabled administrator would be left, and where the address is
// another's.
func (i *Identity) UpdateUser(ctx context.Context, a core.Actor, name string, e Edit, expect int64) (core.User, error) {
	if !validName(name) {
		return core.User{}, noUser(name, nil)
	}
	e, err := e.checked()
	if err != nil {
		return core.User{}, err
	}
	var next core.User
	act := guard.Act{Action: guard.UserUpdate, Subject: guard.UserSubject(name), Detail: e.detail()}
	err = i.guard.Do(ctx, a, act, func(ctx context.Context, tx store.Tx, note guard.Note) error {
		old, err := userNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := core.CheckVersion("user "+old.Name, old.Version, expect); err != nil {
			return err
		}
		next = e.apply(old)
		return update(ctx, tx, note, old, next)
	})
	if err != nil {
		return core.User{}, err
	}
	return next, nil
}

func (e Edit) checked() (Edit, error) {
	if e.Role != nil {
		if err := checkRole(*e.Role); err != nil {
			return e, err
		}
	}
	if e.Email == nil {
		return e, nil
	}
	email, err := optionalEmail(*e.Email)
	e.Email = &email
	return e, err
}

func (e Edit) detail() map[string]string {
	d := map[string]string{}
	if e.Email != nil {
		d["email"] = *e.Email
	}
	if e.Role != nil {
		d["role"] = string(*e.Role)
	}
	if e.Disabled != nil {
		d["disabled"] = strconv.FormatBool(*e.Disabled)
	}
	return d
}

func (e Edit) apply(u core.User) core.User {
	if e.Email != nil {
		u.Email = *e.Email
	}
	if e.Role != nil {
		u.Role = *e.Role
	}
	if e.Disabled != nil {
		u.Disabled = *e.Disabled
	}
	u.Version, u.UpdatedAt = u.Version+1, now()
	return u
}

func update(ctx context.Context, tx store.Tx, note guard.Note, old, next core.User) error {
	if governs(old) && !governs(next) {
		if err := anotherAdmin(ctx, tx, old); err != nil {
			return err
		}
	}
	if next.Disabled {
		if err := endAll(ctx, tx, note, next); err != nil {
			return err
		}
	}
	return tx.Users().Update(ctx, next, old.Version)
}

// governs is an administrator who can sign in.
func governs(u core.User) bool { return u.Role == core.RoleAdmin && !u.Disabled }

// anotherAdmin wants an enabled administrator beside this one.
func anotherAdmin(ctx context.Context, tx store.Tx, than core.User) error {
	for p := (store.Page{Limit: 500}); ; {
		page, err := tx.Users().Page(ctx, p)
		if err != nil {
			return err
		}
		for _, u := range page {
			if governs(u) && u.ID != than.ID {
				return nil
			}
		}
		if len(page) < p.Limit {
			return core.Errorf(core.Conflict, "%s is the last administrator who is enabled", than.Name).WithReason("last_admin").
				WithHint("make somebody else an administrator first")
		}
		p.After = page[len(page)-1].Name
	}
}

// endAll takes away whatever proves this user, and ends their workspaces.
func endAll(ctx context.Context, tx store.Tx, note guard.Note, u core.User) error {
	tokens, err := tx.Tokens().DeleteAll(ctx, u.ID)
	if err != nil {
		return err
	}
	sessions, err := tx.Sessions().DeleteAll(ctx, u.ID)
	if err != nil {
		return err
	}
	if _, err := tx.Proofs().DeleteAll(ctx, u.ID); err != nil {
		return err
	}
	live, err := tx.Workspaces().Live(ctx, u.Owner())
	if err != nil {
		return err
	}
	at := now()
	for _, w := range live {
		if err := tx.Workspaces().End(ctx, w.ID, at); err != nil {
			return err
		}
	}
	note("tokens", strconv.Itoa(tokens))
	note("sessions", strconv.Itoa(sessions))
	note("workspaces", strconv.Itoa(len(live)))
	return nil
}

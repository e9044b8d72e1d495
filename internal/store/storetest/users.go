package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

func addUsers(users ...core.User) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		for _, u := range users {
			if err := tx.Users().Create(ctx, u); err != nil {
				return err
			}
		}
		return nil
	}
}

func updateUser(u core.User, expect int64) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error { return tx.Users().Update(ctx, u, expect) }
}

type findUser func(ctx context.Context, r store.Users) (core.User, error)

func userByID(id string) findUser {
	return func(ctx context.Context, r store.Users) (core.User, error) { return r.Get(ctx, id) }
}

func userByName(name string) findUser {
	return func(ctx context.Context, r store.Users) (core.User, error) { return r.ByName(ctx, name) }
}

func userByEmail(email string) findUser {
	return func(ctx context.Context, r store.Users) (core.User, error) { return r.ByEmail(ctx, email) }
}

func (s suite) user(t testing.TB, find findUser) core.User {
	t.Helper()
	return read(t, s, func(ctx context.Context, tx store.Tx) (core.User, error) { return find(ctx, tx.Users()) })
}

func (s suite) noUser(t testing.TB, find findUser) {
	t.Helper()
	wants(t, s.View(t.Context(), func(tx store.Tx) error { _, err := find(t.Context(), tx.Users()); return err }), core.NotFound)
}

func testUsers(t *testing.T, s suite) {
	a, bare := User("a"), core.User{ID: "b", Name: "b", Version: 1, CreatedAt: at(1)}
	s.noUser(t, userByID("a"))
	same(t, []string{"user user:a a", "user user:b b"}, s.since(t, addUsers(a, bare)))
	for _, find := range []findUser{userByID("a"), userByName("name-a"), userByEmail("a@example.com")} {
		same(t, a, s.user(t, find))
	}
	same(t, bare, s.user(t, userByName("b")))
	for _, find := range []findUser{userByID("A"), userByName("Name-a"), userByName(""), userByEmail(""), userByEmail("A@example.com")} {
		s.noUser(t, find)
	}

	changed := core.User{ID: "a", Name: "renamed", Role: core.RoleUser, Version: 2, CreatedAt: at(1), UpdatedAt: at(9)}
	same(t, []string{"user user:a a"}, s.since(t, updateUser(changed, 1)))
	same(t, changed, s.user(t, userByID("a")))
	s.noUser(t, userByName("name-a"))
	s.noUser(t, userByEmail("a@example.com"))
	s.do(t, addUsers(core.User{ID: "c", Name: "name-a", Email: "a@example.com", Version: 1})) // both are free again
}

func testUserConflicts(t *testing.T, s suite) {
	a, b := User("a"), User("b")
	s.do(t, addUsers(a, b))
	name, email, id := User("c"), User("d"), User("e")
	name.Name, email.Email, id.ID = a.Name, a.Email, "a"
	for _, u := range []core.User{name, email, id} {
		s.fails(t, core.Conflict, addUsers(u))
	}
	wrong := User("f")
	wrong.Version = 0
	s.fails(t, core.Internal, addUsers(wrong))

	for _, stale := range []int64{0, 2} {
		s.fails(t, core.Conflict, updateUser(a, stale))
	}
	name.ID, email.ID = "b", "b"
	s.fails(t, core.Conflict, updateUser(name, 1))
	s.fails(t, core.Conflict, updateUser(email, 1))
	s.fails(t, core.NotFound, updateUser(User("gone"), 1))
	same(t, a, s.user(t, userByID("a")))
	same(t, b, s.user(t, userByID("b")))
}

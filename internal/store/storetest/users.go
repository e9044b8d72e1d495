package storetest

import (
	"context"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

type findUser func(ctx context.Context, tx store.Tx) (core.User, error)

func userByID(id string) findUser {
	return func(ctx context.Context, tx store.Tx) (core.User, error) { return tx.Users().Get(ctx, id) }
}

func userByName(name string) findUser {
	return func(ctx context.Context, tx store.Tx) (core.User, error) { return tx.Users().ByName(ctx, name) }
}

func userByEmail(email string) findUser {
	return func(ctx context.Context, tx store.Tx) (core.User, error) { return tx.Users().ByEmail(ctx, email) }
}

func testUsers(t *testing.T, s suite) {
	a, bare := User("a"), core.User{ID: "b", Name: "b", Version: 1, CreatedAt: at(1)}
	missing(t, s, userByID("a"))
	same(t, []string{"user user:a a", "user user:b b"}, s.since(t, add(store.Tx.Users, a, bare)))
	for _, find := range []findUser{userByID("a"), userByName("name-a"), userByEmail("a@example.com")} {
		same(t, a, read(t, s, find))
	}
	same(t, bare, read(t, s, userByName("b")))
	for _, find := range []findUser{userByID("A"), userByName("Name-a"), userByName(""), userByEmail(""), userByEmail("A@example.com")} {
		missing(t, s, find)
	}

	changed := core.User{ID: "a", Name: "renamed", Role: core.RoleUser, Version: 2, CreatedAt: at(1), UpdatedAt: at(9)}
	same(t, []string{"user user:a a"}, s.since(t, update(store.Tx.Users, changed, 1)))
	same(t, changed, read(t, s, userByID("a")))
	missing(t, s, userByName("name-a"))
	missing(t, s, userByEmail("a@example.com"))
	s.do(t, add(store.Tx.Users, core.User{ID: "c", Name: "name-a", Email: "a@example.com", Version: 1})) // both are free again
}

func testUserConflicts(t *testing.T, s suite) {
	a, b := User("a"), User("b")
	s.do(t, add(store.Tx.Users, a, b))
	name, email, id := User("c"), User("d"), User("e")
	name.Name, email.Email, id.ID = a.Name, a.Email, "a"
	for _, u := range []core.User{name, email, id} {
		s.fails(t, core.Conflict, add(store.Tx.Users, u))
	}
	wrong := User("f")
	wrong.Version = 0
	s.fails(t, core.Internal, add(store.Tx.Users, wrong))

	for _, stale := range []int64{0, 2} {
		s.fails(t, core.Conflict, update(store.Tx.Users, a, stale))
	}
	name.ID, email.ID = "b", "b"
	s.fails(t, core.Conflict, update(store.Tx.Users, name, 1))
	s.fails(t, core.Conflict, update(store.Tx.Users, email, 1))
	s.fails(t, core.NotFound, update(store.Tx.Users, User("gone"), 1))
	same(t, a, read(t, s, userByID("a")))
	same(t, b, read(t, s, userByID("b")))
}

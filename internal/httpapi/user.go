package httpapi

import (
	"context"
	"net/http"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/identity"
)

const tagUsers = "users"

func (s *Server) userRoutes() []Route {
	const all, one = "/v1/users", "/v1/users/{user}"
	return []Route{
		{Method: http.MethodGet, Path: all, ID: "listUsers", Tag: tagUsers, Summary: "List users, in order of name",
			Who: Admins, Server: true, Acts: []string{guard.UserList}, Status: http.StatusOK, Paged: true, typed: gives(s.listUsers)},
		{Method: http.MethodPost, Path: all, ID: "createUser", Tag: tagUsers, Summary: "Make a user, who signs in by a link or a proxy's word",
			Who: Admins, Server: true, Acts: []string{guard.UserCreate}, Status: http.StatusCreated, Once: true, Tagged: true, typed: takes(s.createUser)},
		{Method: http.MethodGet, Path: one, ID: "getUser", Tag: tagUsers, Summary: "Show one user",
			Who: Admins, Server: true, Acts: []string{guard.UserList}, Status: http.StatusOK, Tagged: true, Fresh: true, typed: gives(s.getUser)},
		{Method: http.MethodPatch, Path: one, ID: "updateUser", Tag: tagUsers, Summary: "Change a user; disabling one ends all their proofs and workspaces at once",
			Who: Admins, Server: true, Acts: []string{guard.UserUpdate}, Status: http.StatusOK, Tagged: true, Match: true, now: versionOf(s.getUser), typed: takes(s.updateUser)},
	}
}

func (s *Server) listUsers(ctx context.Context, c *call) (api.UserList, error) {
	list, err := s.Identity.Users(ctx, c.actor, more(c.page))
	list, next := onePage(list, c.page, c.list(), func(u core.User) string { return u.Name })
	return api.UserList{Users: listOf(list, userOf), Next: next}, err
}

func (s *Server) createUser(ctx context.Context, c *call, in api.UserCreate) (api.User, error) {
	made, err := s.Identity.CreateUser(ctx, c.actor, identity.NewUser{Name: in.Name, Email: in.Email, Role: core.Role(in.Role)})
	if err != nil {
		return api.User{}, err
	}
	c.made(made.Name)
	c.version(made.Version)
	return userOf(made), nil
}

func (s *Server) getUser(ctx context.Context, c *call) (api.User, error) {
	got, err := s.Identity.User(ctx, c.actor, c.value("user"))
	c.version(got.Version)
	return userOf(got), err
}

func (s *Server) updateUser(ctx context.Context, c *call, in api.UserUpdate) (api.User, error) {
	got, err := s.Identity.UpdateUser(ctx, c.actor, c.value("user"), identity.Edit{
		Email: in.Email, Role: (*core.Role)(in.Role), Disabled: in.Disabled,
	}, c.expect)
	c.version(got.Version)
	return userOf(got), err
}

func userOf(u core.User) api.User {
	return api.User{
		ID: u.ID, Name: u.Name, Email: u.Email, Role: string(u.Role), Disabled: u.Disabled,
		Version: u.Version, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

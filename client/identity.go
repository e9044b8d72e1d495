package client

import (
	"context"
	"errors"
	"iter"
	"net/url"

	"keyfob/api"
)

// Me says who the token is for and what it may do.
func (c *Client) Me(ctx context.Context) (api.Me, error) {
	var out api.Me
	err := c.get(ctx, "/v1/me", &out)
	return out, err
}

// StartLogin begins a sign-in that somebody approves in a browser.
func (c *Client) StartLogin(ctx context.Context, in api.DeviceStart) (api.DeviceStarted, error) {
	var out api.DeviceStarted
	err := c.post(ctx, "/v1/login/device", in, &out)
	return out, err
}

// Login asks for the tokens of a sign-in. While nobody has approved it the error
// is forbidden with reason api.ReasonPending, or exhausted with reason
// api.ReasonSlowDown. A code is used up by it.
func (c *Client) Login(ctx context.Context, in api.LoginRequest) (api.Login, error) {
	var out api.Login
	err := c.post(ctx, "/v1/login/token", in, &out)
	return out, err
}

// ListTokens lists the personal tokens, oldest first, without their texts.
func (c *Client) ListTokens(ctx context.Context) ([]api.Token, error) {
	var out api.TokenList
	err := c.get(ctx, "/v1/tokens", &out)
	return out.Tokens, err
}

// CreateToken makes a personal token; its text is in the answer, this once.
func (c *Client) CreateToken(ctx context.Context, in api.TokenCreate) (api.TokenCreated, error) {
	var out api.TokenCreated
	err := c.create(ctx, "/v1/tokens", in, &out)
	if errors.Is(err, &api.Error{Code: api.CodeConflict, Reason: api.ReasonAlreadyMade}) {
		return out, &api.Error{
			Code: api.CodeConflict, Reason: api.ReasonAlreadyMade, Message: "the token was made, but the answer with its text was lost",
			Hint: "revoke it and make another: keyfob token list shows it",
		}
	}
	return out, err
}

// DeleteToken revokes a personal token at once.
func (c *Client) DeleteToken(ctx context.Context, id string) error {
	return c.delete(ctx, "/v1/tokens/"+url.PathEscape(id), "")
}

// ListSessions lists the browsers that are signed in, oldest first.
func (c *Client) ListSessions(ctx context.Context) ([]api.BrowserSession, error) {
	var out api.BrowserSessionList
	err := c.get(ctx, "/v1/sessions", &out)
	return out.Sessions, err
}

// DeleteSession signs a browser out at once.
func (c *Client) DeleteSession(ctx context.Context, id string) error {
	return c.delete(ctx, "/v1/sessions/"+url.PathEscape(id), "")
}

// ListLaunchers lists the programs that may make workspaces for the user.
func (c *Client) ListLaunchers(ctx context.Context) ([]api.Launcher, error) {
	var out api.LauncherList
	err := c.get(ctx, "/v1/launchers", &out)
	return out.Launchers, err
}

// UsersPage is one page of the users in order of name.
func (c *Client) UsersPage(ctx context.Context, p Page) (api.UserList, error) {
	var out api.UserList
	err := c.get(ctx, p.on("/v1/users"), &out)
	return out, err
}

// Users walks all users in order of name.
func (c *Client) Users(ctx context.Context) iter.Seq2[api.User, error] {
	return all(ctx, func(ctx context.Context, p Page) ([]api.User, string, error) {
		l, err := c.UsersPage(ctx, p)
		return l.Users, l.Next, err
	})
}

// ListUsers is all of Users.
func (c *Client) ListUsers(ctx context.Context) ([]api.User, error) { return collect(c.Users(ctx)) }

// CreateUser makes a user; conflict if the name or e-mail address is taken.
func (c *Client) CreateUser(ctx context.Context, in api.UserCreate) (api.User, error) {
	var out api.User
	err := c.create(ctx, "/v1/users", in, &out)
	return out, err
}

// GetUser is one user, by name.
func (c *Client) GetUser(ctx context.Context, name string) (api.User, error) {
	var out api.User
	err := c.get(ctx, "/v1/users/"+url.PathEscape(name), &out)
	return out, err
}

// UpdateUser changes what in names and keeps the rest.
func (c *Client) UpdateUser(ctx context.Context, name string, in api.UserUpdate, m Match) (api.User, error) {
	var out api.User
	err := c.patch(ctx, "/v1/users/"+url.PathEscape(name), in, m, &out)
	return out, err
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/app"
	"keyfob/internal/core"
)

// checkVault opens the vault, which checks the home's modes, the store and the
// root key, and then everything in it.
func (e *Env) checkVault(ctx context.Context) []check {
	home, err := e.Home()
	if err != nil {
		return []check{failed("home", err)}
	}
	switch s, err := e.server(); {
	case err != nil:
		return []check{failed("login", err)}
	case s != nil:
		return checkServer(ctx, s)
	}
	a, err := e.openExisting(ctx)
	switch {
	case errors.Is(err, &core.Error{Code: core.NotFound, Reason: "no_vault"}):
		return []check{{
			Name: "vault", State: checkWarn, Message: "there is no vault in " + home + " yet",
			Hint: "the first command that needs one makes it, such as: keyfob secret set NAME --env NAME",
		}}
	case err != nil:
		return []check{failed(failedPart(err), err)}
	}
	return append([]check{checkHome(home)}, checkOpened(ctx, a)...)
}

func checkHome(home string) check {
	if dir := app.OpenParent(home); dir != "" {
		return check{
			Name: "home", State: checkWarn, Message: home + " is yours alone, but everybody on this machine may put something else in its place",
			Hint: "chmod o-w " + dir,
		}
	}
	return check{Name: "home", State: checkOK, Message: home + " is yours alone"}
}

// failedPart names the part that kept the vault from opening.
func failedPart(err error) string {
	e, ok := errors.AsType[*core.Error](err)
	switch {
	case ok && (e.Reason == "open_permissions" || e.Reason == "foreign_owner"):
		return "home"
	case ok && strings.Contains(e.Message, "root key"):
		return "custody"
	}
	return "vault"
}

func checkOpened(ctx context.Context, a *app.App) []check {
	custody := check{Name: "custody", State: checkOK, Message: "the key in " + a.Custody().Place() + " opens this vault"}
	return append([]check{custody}, checkRecords(ctx, a.Client(), true)...)
}

// checkServer asks the server what this sign-in may know.
func checkServer(ctx context.Context, s *server) []check {
	me, err := s.client.Me(ctx)
	if err != nil {
		return []check{failed("server", err)}
	}
	c := check{Name: "server", State: checkOK, Message: s.url + " answers, and knows you as " + me.Name}
	if at := s.saved.Token.ExpiresAt; !at.IsZero() && time.Until(at) < 3*24*time.Hour {
		c.State, c.Message, c.Hint = checkWarn, c.Message+" until "+localTime(at), "sign in again: keyfob login "+s.url
	}
	return append([]check{c}, checkRecords(ctx, s.client, me.Org)...)
}

// checkRecords leaves out what is the administrators' to know.
func checkRecords(ctx context.Context, cl *client.Client, admin bool) []check {
	var out []check
	for _, one := range []struct {
		name  string
		run   func(context.Context, *client.Client) (check, error)
		admin bool
	}{
		{"values", checkValues, true}, {"audit", checkAudit, true},
		{"accounts", checkAccounts, false}, {"workspaces", checkWorkspaces, false},
	} {
		if one.admin && !admin {
			continue
		}
		c, err := one.run(ctx, cl)
		if err != nil {
			c = failed(one.name, err)
		}
		c.Name = one.name
		out = append(out, c)
	}
	return out
}

func checkValues(ctx context.Context, cl *client.Client) (check, error) {
	v, err := cl.VerifyValues(ctx)
	if err != nil {
		return check{}, err
	}
	if !v.OK {
		return check{
			State: checkFail, code: api.CodeInternal, Message: strings.Join(v.Problems, "; "),
			Hint: "enter these again: keyfob secret set NAME, keyfob account edit ACCOUNT --key; the rest is sound",
		}, nil
	}
	return check{State: checkOK, Message: fmt.Sprintf("%s and %s open", count(v.Secrets, "secret"), count(v.Accounts, "account"))}, nil
}

func checkAudit(ctx context.Context, cl *client.Client) (check, error) {
	v, err := cl.VerifyAudit(ctx)
	if err != nil {
		return check{}, err
	}
	if !v.OK {
		return check{}, auditBroken(v, hintVault)
	}
	return check{State: checkOK, Message: entryCount(v.Entries) + ", every link holds"}, nil
}

func checkAccounts(ctx context.Context, cl *client.Client) (check, error) {
	all, err := wholeAccounts(cl, ctx)
	if err != nil {
		return check{}, err
	}
	list, ready := all.Accounts, 0
	var held, refused []string
	for _, a := range list {
		switch {
		case a.Enabled && a.Refused:
			refused = append(refused, a.Ref)
		case a.Enabled && len(a.Health) == 0:
			ready++
		case a.Enabled:
			held = append(held, a.Ref+" ("+accountState(a)+")")
		}
	}
	c := check{State: checkOK, Message: fmt.Sprintf("%d of %d ready", ready, len(list))}
	if len(list) == 0 {
		c.Message = "none of your own"
	}
	if all.Shared > 0 {
		c.Message += fmt.Sprintf(", and %d of the organisation's", all.Shared)
	}
	if len(held) > 0 {
		c.State, c.Message = checkWarn, c.Message+"; "+strings.Join(held, ", ")
		c.Hint = "keyfob account test ACCOUNT tries one; keyfob account clear ACCOUNT ends a cooldown"
	}
	if len(refused) > 0 {
		c.State, c.Message = checkWarn, c.Message+fmt.Sprintf("; %d refused by the server for the base URL: ", len(refused))+strings.Join(refused, ", ")
		c.Hint = strings.TrimPrefix(c.Hint+"; whoever runs the server can allow the hosts: upstream_allow", "; ")
	}
	return c, nil
}

// checkWorkspaces counts: what dead processes left was taken back when the
// vault was opened.
func checkWorkspaces(ctx context.Context, cl *client.Client) (check, error) {
	list, err := cl.ListWorkspaces(ctx)
	return check{State: checkOK, Message: count(len(list), "live workspace") + "; nothing is left of ended ones"}, err
}

package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

func accountCommand(e *Env) *cobra.Command {
	c := &cobra.Command{
		Use: "account", Short: "Keep provider accounts, in the order in which they are used",
		Long: "An account is one credential at a provider, written PROVIDER[/NAMESPACE]/LABEL. Those of one\n" +
			"provider and namespace are a pool: the first that is ready answers, and the order is yours.",
	}
	asGroup(c)
	e.bindOrg(c)
	c.AddCommand(
		accountAddCommand(e), accountListCommand(e), accountShowCommand(e), accountEditCommand(e),
		accountRenameCommand(e), accountMoveCommand(e),
		accountSwitchCommand(e, "enable", true), accountSwitchCommand(e, "disable", false),
		accountRmCommand(e), accountClearCommand(e), accountTestCommand(e),
	)
	return c
}

// parseRef reads PROVIDER[/NAMESPACE]/LABEL.
func parseRef(s string) (client.AccountRef, error) {
	parts := strings.Split(s, "/")
	bad := withHint(usagef("an account is written PROVIDER/LABEL or PROVIDER/NAMESPACE/LABEL"), "keyfob account list shows them")
	bad.Field = "account"
	for _, p := range parts {
		if p == "" || p == "." || p == ".." {
			return client.AccountRef{}, bad
		}
	}
	switch len(parts) {
	case 2:
		return client.AccountRef{Provider: parts[0], Label: parts[1]}, nil
	case 3:
		return client.AccountRef{Provider: parts[0], Namespace: parts[1], Label: parts[2]}, nil
	}
	return client.AccountRef{}, bad
}

// onAccount is the body of every command that acts on one account.
func (e *Env) onAccount(fn func(ctx context.Context, cl *client.Client, ref client.AccountRef) error) func(*cobra.Command, []string) error {
	return on(e.records, parseRef, fn)
}

func accountListCommand(e *Env) *cobra.Command {
	return listCommand("List accounts in the order in which they are used", e.records, wholeAccounts, func(list api.AccountList) error {
		return e.Print(list, func() { e.accountTable(list.Accounts); e.sharedNote(list.Shared, "account") })
	})
}

// wholeAccounts is every page in one. The client comes first, as in a method of its own.
func wholeAccounts(cl *client.Client, ctx context.Context) (out api.AccountList, err error) {
	out.Accounts = []api.Account{}
	for p := (client.Page{Limit: wholePage}); ; {
		l, err := cl.AccountsPage(ctx, p)
		if err != nil {
			return out, err
		}
		l.Accounts, l.Shared = append(out.Accounts, l.Accounts...), out.Shared+l.Shared
		if out, p.Cursor = l, l.Next; p.Cursor == "" {
			return out, nil
		}
	}
}

func (e *Env) accountTable(list []api.Account) {
	if len(list) == 0 {
		add := "keyfob account add PROVIDER --label LABEL"
		if e.Org {
			add += " --org"
		}
		e.Notef("there are no accounts yet; add one with: %s", add)
		return
	}
	rows := make([][]string, 0, len(list))
	for _, a := range list {
		rows = append(rows, []string{fmt.Sprint(a.Position + 1), a.Ref, keyHint(a), a.BaseURL, accountState(a)})
	}
	e.Table([]string{"#", "ACCOUNT", "KEY", "UPSTREAM", "STATE"}, rows)
}

// keyHint is the few last characters by which people tell keys apart.
func keyHint(a api.Account) string {
	if a.Fingerprint == "" {
		return "-"
	}
	return "…" + a.Fingerprint
}

// accountState is what an account can do now, in a few words.
func accountState(a api.Account) string {
	switch {
	case !a.Enabled:
		return "disabled"
	case a.Refused:
		return "its base URL is refused by the server"
	case len(a.Health) == 0:
		return "ready"
	}
	parts := make([]string, 0, len(a.Health))
	for _, h := range a.Health {
		parts = append(parts, cooldown(h))
	}
	return strings.Join(parts, "; ")
}

func cooldown(h api.Cooldown) string {
	text := map[string]string{
		"limited": "rate limited", "expired": "credential expired", "no_credit": "out of credit",
		"dead": "key refused", "overloaded": "overloaded", "transient": "failing",
	}[h.Kind]
	if text == "" {
		text = h.Kind
	}
	if h.Model != "" {
		text += " for " + h.Model
	}
	if h.Until.IsZero() {
		return text + " until tested or cleared"
	}
	return text + ", " + left(h.Seconds.Duration()) + " left"
}

// left is a duration in its two largest units.
func left(d time.Duration) string {
	switch {
	case d >= 24*time.Hour:
		return fmt.Sprintf("%dd %dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh %dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm %ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

func accountShowCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "show ACCOUNT", Short: "Show an account, without its credential",
		Args: argCount(1, 1, "PROVIDER[/NAMESPACE]/LABEL"), ValidArgsFunction: e.completeAccounts,
		RunE: e.onAccount(func(ctx context.Context, cl *client.Client, ref client.AccountRef) error {
			a, err := cl.GetAccount(ctx, ref)
			if err != nil {
				return err
			}
			return e.Print(a, func() { e.accountFields(a) })
		}),
	}
}

func (e *Env) accountFields(a api.Account) {
	e.Fields([][2]string{
		{"account", a.Ref}, {"kind", a.Kind}, {"key", keyHint(a)},
		{"upstream", a.BaseURL}, {"quota group", a.QuotaGroup},
		{"workspaces", orAll(a.Selector)}, {"limit", limitText(a.Limit)},
		{"place", fmt.Sprintf("%d in its pool", a.Position+1)}, {"state", accountState(a)},
		{"delivery", "gateway (the key never leaves Keyfob; a workspace holds a gateway key)"},
		{"policy", policyLine(a.Policy, a.PolicyNote)}, {"version", fmt.Sprint(a.Version)},
		{"created", localTime(a.CreatedAt)}, {"updated", localTime(a.UpdatedAt)},
	}...)
}

// limitText is what one user may take a day; empty: there is no limit.
func limitText(l api.Limit) string {
	var parts []string
	if l.Requests > 0 {
		parts = append(parts, fmt.Sprintf("%d requests", l.Requests))
	}
	if l.Tokens > 0 {
		parts = append(parts, fmt.Sprintf("%d tokens", l.Tokens))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, " and ") + " a day for each user"
}

// policyLine is what the provider's terms say of such a credential. The note of
// one that is allowed says so itself.
func policyLine(policy, note string) string {
	switch {
	case note == "":
		return strings.ReplaceAll(policy, "_", " ")
	case policy == "" || policy == "allowed":
		return note
	}
	return strings.ReplaceAll(policy, "_", " ") + ": " + note
}

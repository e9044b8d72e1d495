package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/core"
)

func tokenCommand(e *Env) *cobra.Command {
	c := &cobra.Command{Use: "token", Short: "Personal tokens: what programs prove at a server that they act for you"}
	asGroup(c)
	c.AddCommand(tokenCreateCommand(e), tokenListCommand(e), tokenRevokeCommand(e))
	return c
}

func tokenCreateCommand(e *Env) *cobra.Command {
	var scopes []string
	var life string
	c := &cobra.Command{
		Use: "create NAME --scope SCOPE", Short: "Make a token, and print it this once",
		Long: "Make a token with no more scopes than your own proof has, and print it on standard output,\n" +
			"this once. A token that reveals secrets cannot hand out keys of workspaces. It ends with the\n" +
			"login that made it: when that expires, at the latest, and at keyfob logout.\n\n" +
			"Scopes: " + wrapped(core.ScopeNames, 8),
		Example: "  keyfob token create ci --scope workspaces:keys,workspaces:read --expires 14d",
		Args:    argCount(1, 1, "NAME --scope SCOPE"),
		RunE:    func(c *cobra.Command, args []string) error { return e.tokenCreate(c.Context(), args[0], scopes, life) },
	}
	c.Flags().StringSliceVar(&scopes, "scope", nil, "what it may be used for, `SCOPE,...`; may be repeated")
	c.Flags().StringVar(&life, "expires", "30d", "how long it is good, a `DURATION` such as 12h or 14d; no longer than your login")
	_ = c.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions(core.ScopeNames, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// wrapped sets words in lines that suit a help text.
func wrapped(list []string, indent int) string {
	var b strings.Builder
	width := indent
	for i, w := range list {
		if i > 0 && width+len(w)+2 > 88 {
			b.WriteString(",\n" + strings.Repeat(" ", indent))
			width = indent
		} else if i > 0 {
			b.WriteString(", ")
			width += 2
		}
		b.WriteString(w)
		width += len(w)
	}
	return b.String()
}

func (e *Env) tokenCreate(ctx context.Context, name string, scopes []string, life string) error {
	if len(scopes) == 0 {
		return withHint(usagef("the token could be used for nothing"), "add --scope: %s", strings.Join(core.ScopeNames, ", "))
	}
	d, err := parseLength("--expires", life)
	if err != nil {
		return err
	}
	cl, err := e.Client(ctx)
	if err != nil {
		return err
	}
	t, err := cl.CreateToken(ctx, api.TokenCreate{Name: name, Scopes: scopes, Seconds: api.SecondsOf(d)})
	if err != nil {
		return err
	}
	if e.JSON() {
		return e.Print(t, nil)
	}
	e.Notef("made the token %s (%s), good until %s; it is not shown again", t.Name, t.ID, localTime(t.ExpiresAt))
	return e.write(append(t.Value.Bytes(), '\n'))
}

func tokenListCommand(e *Env) *cobra.Command {
	return listCommand("List your tokens, without their texts", e.Client, (*client.Client).ListTokens, func(list []api.Token) error {
		return e.Print(api.TokenList{Tokens: list}, func() { e.tokenTable(list) })
	})
}

func (e *Env) tokenTable(list []api.Token) {
	rows := make([][]string, 0, len(list))
	for _, t := range list {
		rows = append(rows, []string{t.ID, t.Name, words(t.Scopes), localTime(t.ExpiresAt), usedAt(t.UsedAt, t.Current)})
	}
	e.Table([]string{"ID", "NAME", "SCOPES", "UNTIL", "USED"}, rows)
}

// usedAt also marks the proof that this very command showed.
func usedAt(t time.Time, current bool) string {
	switch {
	case current:
		return "now, by this command"
	case t.IsZero():
		return "never"
	}
	return localTime(t)
}

func tokenRevokeCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Revoke a token at once",
		Args: argCount(1, 1, "ID"), ValidArgsFunction: e.completeTokens,
		RunE: func(c *cobra.Command, args []string) error {
			return e.revokeOne(c, args[0], "token")
		},
	}
}

// revokeOne ends a token or a browser session.
func (e *Env) revokeOne(c *cobra.Command, id, kind string) error {
	if err := plainID(id, kind); err != nil {
		return err
	}
	cl, err := e.Client(c.Context())
	if err != nil {
		return err
	}
	end := cl.DeleteToken
	if kind == "session" {
		end = cl.DeleteSession
	}
	if err := end(c.Context(), id); err != nil {
		return err
	}
	return e.Print(map[string]string{"revoked": id, "kind": kind}, func() { e.Printf("revoked %s", Clean(id)) })
}

// plainID refuses what cannot be an id before a path is made of it.
func plainID(id, kind string) error {
	if strings.Trim(id, ".") == "" || strings.ContainsAny(id, "/?#% ") || len(id) > 128 {
		return withHint(usagef("that is not the id of a %s", kind), "keyfob %s list shows them", kind)
	}
	return nil
}

func (e *Env) completeTokens(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListTokens, func(t api.Token) (string, string) { return t.ID, Clean(t.Name) })
}

func sessionCommand(e *Env) *cobra.Command {
	c := &cobra.Command{Use: "session", Short: "Browsers that are signed in to the server as you"}
	asGroup(c)
	c.AddCommand(
		sessionListCommand(e),
		&cobra.Command{
			Use: "revoke ID", Short: "Sign a browser out at once",
			Args: argCount(1, 1, "ID"), ValidArgsFunction: e.completeSessions,
			RunE: func(c *cobra.Command, args []string) error { return e.revokeOne(c, args[0], "session") },
		},
	)
	return c
}

func sessionListCommand(e *Env) *cobra.Command {
	return listCommand("List the browsers that are signed in", e.Client, (*client.Client).ListSessions, func(list []api.BrowserSession) error {
		return e.Print(api.BrowserSessionList{Sessions: list}, func() {
			rows := make([][]string, 0, len(list))
			for _, s := range list {
				rows = append(rows, []string{s.ID, s.Agent, s.Address, localTime(s.ExpiresAt), usedAt(s.UsedAt, s.Current)})
			}
			e.Table([]string{"ID", "BROWSER", "FROM", "UNTIL", "USED"}, rows)
		})
	})
}

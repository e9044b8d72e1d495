package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

func tokenCommand(e *Env) *cobra.Command {
	c := &cobra.Command{Use: "token", Short: "Personal tokens: what programs prove at a server that they act for you"}
	asGroup(c)
	c.AddCommand(tokenCreateCommand(e), tokenListCommand(e), tokenRevokeCommand(e))
	return c
}

func tokenListCommand(e *Env) *cobra.Command {
	return listCommand("List your tokens, without their texts", e.Client, (*client.Client).ListTokens, func(list []api.Token) error {
		return e.Print(api.TokenList{Tokens: list}, func() { e.tokenTable(list) })
	})
}

func (e *Env) tokenTable(list []api.Token) {
	rows := make([][]string, 0, len(list))
	for _, t := range list {
		rows = append(rows, []string{t.ID, t.Name, areas(t.Scopes), localTime(t.ExpiresAt), endsWith(list, t.Maker), usedAt(t.UsedAt, t.Current)})
	}
	e.TableOr("there are no tokens", []string{"ID", "NAME", "SCOPES", "UNTIL", "ENDS WITH", "USED"}, rows)
}

// endsWith names the token with which another ends: by its name where that is
// only one's, else by its id.
func endsWith(list []api.Token, maker string) string {
	if maker == "" {
		return "-"
	}
	count, name := map[string]int{}, ""
	for _, t := range list {
		count[t.Name]++
		if t.ID == maker {
			name = t.Name
		}
	}
	if count[name] == 1 {
		return name
	}
	return maker
}

// areas is scopes in short: secrets:read,write for secrets:read and secrets:write.
func areas(scopes []string) string {
	var b strings.Builder
	last := ""
	for _, s := range scopes {
		area, what, _ := strings.Cut(s, ":")
		switch {
		case area == last:
			b.WriteString("," + what)
		case last == "":
			b.WriteString(s)
		default:
			b.WriteString(" " + s)
		}
		last = area
	}
	return b.String()
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
			e.TableOr("no browser is signed in as you", []string{"ID", "BROWSER", "FROM", "UNTIL", "USED"}, rows)
		})
	})
}

package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/core"
)

func tokenCreateCommand(e *Env) *cobra.Command {
	var scopes []string
	var life string
	var lasting bool
	c := &cobra.Command{
		Use: "create NAME --scope SCOPE", Short: "Make a token, and print it this once",
		Long: "Make a token with no more scopes than your own proof has, and print it on standard output,\n" +
			"this once. A token that reveals secrets cannot hand out keys of workspaces. It ends with the\n" +
			"login that made it: when that expires, at the latest, and at keyfob logout.\n\n" +
			"--lasting makes one that ends with no login, such as for CI: only when it expires, or at\n" +
			"keyfob token revoke. You approve it in a browser that is signed in to the server, which shows\n" +
			"the name, the scopes and the end.\n\n" +
			"Scopes: " + wrapped(core.ScopeNames, 8),
		Example: "  keyfob token create try --scope secrets:read --expires 1d\n" +
			"  keyfob token create ci --scope workspaces:keys,workspaces:read --expires 90d --lasting",
		Args: argCount(1, 1, "NAME --scope SCOPE"),
		RunE: func(c *cobra.Command, args []string) error {
			return e.tokenCreate(c.Context(), args[0], scopes, tokenLife{text: life, said: c.Flags().Changed("expires"), lasting: lasting})
		},
	}
	c.Flags().StringSliceVar(&scopes, "scope", nil, "what it may be used for, `SCOPE,...`, also in short: secrets:read,write; may be repeated")
	c.Flags().StringVar(&life, "expires", "30d", "how long it is good, a `DURATION` such as 12h or 14d; without --lasting no longer than your login")
	c.Flags().BoolVar(&lasting, "lasting", false, "it does not end with your login; a browser approves it")
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

// tokenLife is how long a token is to live.
type tokenLife struct {
	text    string
	said    bool // and not left to the default
	lasting bool
}

func (e *Env) tokenCreate(ctx context.Context, name string, scopes []string, life tokenLife) error {
	scopes, err := fullScopes(scopes)
	if err != nil {
		return err
	}
	d, err := parseLength("--expires", life.text)
	if err != nil {
		return err
	}
	cl, err := e.Client(ctx)
	if err != nil {
		return err
	}
	in := api.TokenCreate{Name: name, Scopes: scopes, Seconds: api.SecondsOf(d)}
	if life.lasting {
		if in.StepUp, err = e.tokenStepUp(ctx, cl, in); err != nil {
			return err
		}
	}
	t, err := cl.CreateToken(ctx, in)
	if err != nil {
		return err
	}
	login := ""
	if s, err := e.server(); err == nil && s != nil {
		login = s.saved.Token.ID
	}
	if life.said && t.ExpiresAt.Before(t.CreatedAt.Add(d-time.Second)) {
		e.Notef("%s", shortenedToken(t.Token, login, life.text))
	}
	if e.JSON() {
		return e.Print(t, nil)
	}
	e.Notef("made the token %s (%s), good until %s; it is not shown again", t.Name, t.ID, localTime(t.ExpiresAt))
	e.Notef("%s", endOfToken(t.Token, login))
	return e.write(append(t.Value.Bytes(), '\n'))
}

// fullScopes reads scopes, also in short as areas writes them: a word without an
// area has that of the one before.
func fullScopes(in []string) ([]string, error) {
	out, area := []string{}, ""
	for _, s := range strings.Fields(strings.Join(in, " ")) {
		before, what, whole := strings.Cut(s, ":")
		if whole {
			area = before
		} else {
			what = s
		}
		if !slices.Contains(core.ScopeNames, area+":"+what) {
			return nil, withHint(usagef("there is no such scope%s", plainScope(s)), "the scopes are %s", strings.Join(core.ScopeNames, ", "))
		}
		out = append(out, area+":"+what)
	}
	if len(out) == 0 {
		return nil, withHint(usagef("the token could be used for nothing"), "add --scope: %s", strings.Join(core.ScopeNames, ", "))
	}
	return out, nil
}

// plainScope is plainWord of a scope.
func plainScope(s string) string {
	area, what, whole := strings.Cut(s, ":")
	if plainWord(area) == "" || whole && plainWord(what) == "" {
		return ""
	}
	return ` "` + s + `"`
}

// tokenStepUp waits until a browser has approved this token.
func (e *Env) tokenStepUp(ctx context.Context, cl *client.Client, in api.TokenCreate) (string, error) {
	return e.stepUp(ctx, cl, "make the token "+Clean(in.Name), "made", func(ctx context.Context) (api.StepUp, error) {
		return cl.AskTokenStepUp(ctx, api.TokenAsk{Name: in.Name, Scopes: in.Scopes, Seconds: in.Seconds})
	})
}

// shortenedToken says of a token that it lives less than was asked for.
func shortenedToken(t api.Token, login, asked string) string {
	maker := "the token that made it"
	if t.Maker == login {
		maker = "your login"
	}
	return "shortened to the end of " + maker + " (" + localTime(t.ExpiresAt) + "); --lasting makes one that lives " + asked
}

// endOfToken says what ends a token before it expires. login is the token of this
// sign-in, if that is what commands show.
func endOfToken(t api.Token, login string) string {
	switch t.Maker {
	case "":
		return "it ends with no login: keyfob token revoke " + t.ID + " ends it sooner"
	case login:
		return "it ends with this login, at keyfob logout; --lasting makes one that does not"
	}
	return "it ends with the token that made it; --lasting makes one that does not"
}

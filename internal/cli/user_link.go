package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/internal/app"
)

// links is what `user link` prints as JSON, and `serve` when it is ready.
type links struct {
	URL     string  `json:"url"`
	Pages   string  `json:"pages"`
	Metrics string  `json:"metrics,omitempty"`
	User    string  `json:"user,omitempty"`
	Link    api.Key `json:"link,omitzero"`
	Code    api.Key `json:"code,omitzero"`
}

func linksOf(r app.Ready) links {
	out := links{URL: r.URL, Pages: r.Pages, Metrics: r.Metrics, User: r.User}
	if !r.Link.IsZero() {
		out.Link = api.NewKey(r.Link.Reveal())
	}
	if !r.Code.IsZero() {
		out.Code = api.NewKey(r.Code.Reveal())
	}
	return out
}

func userLinkCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "link NAME", Short: "On the server's machine: make a one-time link that signs a user in",
		Long: "Make a link that signs a browser in as this user, and a code for keyfob login, each once and\n" +
			"within 15 minutes. This is for whoever operates the server: run it on its machine, as the\n" +
			"user who runs it, while it runs. No administrator can do this over the network.",
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeUsers,
		RunE: func(c *cobra.Command, args []string) error { return e.userLink(c.Context(), args[0]) },
	}
}

func (e *Env) userLink(ctx context.Context, name string) error {
	a, err := e.vaultHere(ctx, "keyfob user link")
	if err != nil {
		return err
	}
	r, err := a.UserLink(ctx, name)
	if err != nil {
		return err
	}
	out := linksOf(r)
	return e.Print(out, func() { e.printLinks(out) })
}

func (e *Env) printLinks(l links) {
	if !l.Link.IsZero() {
		e.Printf("sign a browser in as %s, once, within 15 minutes:\n  %s", Clean(l.User), Clean(string(l.Link.Bytes())))
	}
	if !l.Code.IsZero() {
		e.Printf("sign a command line in as %s, once, within 15 minutes:\n  keyfob login %s\nand give it this code where it asks for one:\n  %s", Clean(l.User), Clean(l.URL), Clean(string(l.Code.Bytes())))
	}
}

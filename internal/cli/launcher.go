package cli

import (
	"encoding/hex"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/core"
)

func launcherCommand(e *Env) *cobra.Command {
	c := &cobra.Command{
		Use: "launcher", Short: "Programs that make workspaces for users of a server",
		Long: "A launcher is a program that makes workspaces for named users and receives their session\n" +
			"keys. Launchers stand in the server's configuration, where its operator writes them.",
	}
	asGroup(c)
	c.AddCommand(
		launcherListCommand(e),
		&cobra.Command{
			Use: "key", Short: "Make a launcher's key, with its digest for the server's configuration",
			Long: "Print a new key on standard output, for the launcher, and on standard error the line for the\n" +
				"server's configuration, which holds the key's digest alone. Nothing is stored.",
			Example: "  keyfob launcher key >launcher.key",
			Args:    argCount(0, 0, ""),
			RunE:    func(*cobra.Command, []string) error { return e.launcherKey() },
		},
	)
	return c
}

func launcherListCommand(e *Env) *cobra.Command {
	return listCommand("List the launchers that may act for you", e.Client, (*client.Client).ListLaunchers, func(list []api.Launcher) error {
		return e.Print(api.LauncherList{Launchers: list}, func() {
			if len(list) == 0 {
				e.Notef("no launcher may act for you")
				return
			}
			rows := make([][]string, 0, len(list))
			for _, l := range list {
				rows = append(rows, []string{l.Name, core.Selector(l.Labels).String()})
			}
			e.Table([]string{"NAME", "LABELS OF ITS WORKSPACES"}, rows)
		})
	})
}

// launcherKeyMade is what `launcher key` prints as JSON.
type launcherKeyMade struct {
	Key       api.Key `json:"key"`
	KeyDigest string  `json:"key_digest"`
}

func (e *Env) launcherKey() error {
	key := core.NewToken(core.LauncherPrefix).Reveal()
	digest := hex.EncodeToString(core.TokenDigest(string(key)))
	if e.JSON() {
		return e.Print(launcherKeyMade{Key: api.NewKey(key), KeyDigest: digest}, nil)
	}
	e.Notef("for the launcher's entry in the server's configuration: key_digest: %s", digest)
	return e.write(append(key, '\n'))
}

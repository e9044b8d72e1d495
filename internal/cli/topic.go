package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/internal/app"
	"keyfob/internal/config"
)

// exitCodes is every exit code, in the order of the reference.
func exitCodes() [][]string {
	rows := [][]string{{"0", "", "it worked"}}
	for _, c := range api.Codes {
		rows = append(rows, []string{fmt.Sprint(c.Exit), c.Code, c.Means})
	}
	return append(rows,
		[]string{"125", "", "run: a fault of Keyfob's before the command started"},
		[]string{"126", "", "run: the command cannot be executed"},
		[]string{"127", "", "run: there is no such command"},
		[]string{"128+N", "", "run: the command ended by signal N; else run gives the command's own code"},
		[]string{fmt.Sprint(exitInterrupted), "", "a prompt was interrupted"},
	)
}

// variables is every environment variable that Keyfob reads or sets.
func variables() [][]string {
	return [][]string{
		{"KEYFOB_HOME", "read", "the directory of all state, instead of the platform's directory for data"},
		{vaultKeyVariable, "read", "the root key of a vault with custody env: 32 bytes in base64; never passed on to a child"},
		{app.NewKeyVariable, "read", "with custody env: the root key that keyfob vault rekey is to change to; never passed on to a child"},
		{serverVariable, "read", "the server that commands act on, in place of the one that was signed in to; never passed on to a child"},
		{tokenVariable, "read", "the personal token, or the launcher's key, to act there with; never passed on to a child"},
		{localVariable, "read", "1: act on this machine's vault, as with --local"},
		{caVariable, "read, and set in a workspace", "a PEM file of further certificate authorities, as with --ca-file"},
		{config.FileVariable, "read by serve", "the configuration file; each setting is a variable too, see keyfob serve --help"},
		{"XDG_DATA_HOME", "read", "Linux: state is in its keyfob directory; by default in ~/.local/share"},
		{"HOME, LocalAppData", "read", "what the platform's directory for data is in (LocalAppData: Windows); ~/ of a delivered file is HOME (Windows: USERPROFILE)"},
		{"NO_COLOR", "read", "where it is not empty: no colours; as with TERM=dumb"},
		{"HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "read", "how providers' servers are reached, in lower case too; a child's NO_PROXY gets 127.0.0.1 and ::1"},
		{urlVariable, "set in a workspace", "the address of the keyfob that started it, or of the server"},
		{sessionKeyVariable, "set in a workspace", "proves that a process runs in the workspace: manifest, lookup, report"},
		{"KEYFOB_GATEWAY_KEY", "set in a workspace", "the workspace's key for the gateway"},
		{"KEYFOB_WORKSPACE", "set in a workspace", "the workspace's id"},
	}
}

// topicCommands are helps without a command: keyfob help exit-codes.
func topicCommands() []*cobra.Command {
	return []*cobra.Command{
		topic("exit-codes", "The exit codes", exitCodes),
		topic("environment", "The environment variables", variables),
	}
}

// topic puts its rows in line when somebody reads them.
func topic(name, short string, rows func() [][]string) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short}
	c.SetHelpFunc(func(c *cobra.Command, args []string) {
		c.Long = aligned(rows())
		c.Root().HelpFunc()(c, args)
	})
	return c
}

func aligned(rows [][]string) string {
	var b strings.Builder
	(&Env{Stdout: &b}).Table(make([]string, 3), rows)
	return strings.Trim(b.String(), "\n")
}

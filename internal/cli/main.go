package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/internal/deliver"
)

// Main runs the command that env.Args name and returns the exit code: 0, one of
// api.Codes, or what an Exit carries.
func Main(ctx context.Context, env *Env) int {
	// A second line, so a kernel that refuses stops nothing; doctor says so.
	_ = deliver.Harden()
	cmd := newRoot(env)
	cmd.SetArgs(env.Args)
	cmd.SetIn(env.Stdin)
	cmd.SetOut(env.Stdout)
	cmd.SetErr(env.Stderr)
	ran, err := cmd.ExecuteContextC(ctx)
	// What is still to be written, such as counts, is written even where ctx
	// is over.
	if cerr := env.close(context.WithoutCancel(ctx)); err == nil {
		err = cerr
	}
	if err == nil {
		err = env.lost
	}
	code := env.fail(err)
	if e, ok := errors.AsType[*api.Error](err); ok && e.Reason == reasonUsage && ran.Name() == "run" {
		return deliver.ExitFailed // 2 could be the command's own
	}
	return code
}

func newRoot(e *Env) *cobra.Command {
	root := &cobra.Command{
		Use:   "keyfob",
		Short: "Your credentials in every agent session, without handing them over",
		Long: "Keyfob keeps your secrets and provider accounts encrypted and delivers them to the\n" +
			"programs that you run through it, each in the least exposing way that still works.",
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			if err := c.ValidateFlagGroups(); err != nil { // its text holds names of flags alone
				return withHint(usagef("%v", err), "see: %s --help", c.CommandPath())
			}
			if e.Output != OutputText && e.Output != OutputJSON {
				e.Output = OutputText
				return withHint(usagef("there is no such form of output"), "--output is text or json")
			}
			return nil
		},
	}
	f := root.PersistentFlags()
	f.StringVarP(&e.Output, "output", "o", OutputText, "the `FORM` in which data and errors are printed: text or json")
	f.StringVar(&e.CAFile, "ca-file", e.Getenv(caVariable), "a PEM `FILE` of further certificate authorities, for a server and for providers")
	f.Lookup("ca-file").DefValue = "" // the reference is the same everywhere
	f.BoolVar(&e.Local, "local", false, "act on this machine's vault, though signed in to a server")
	f.BoolVar(&e.NoColor, "no-color", false, "no colours, as with NO_COLOR")
	root.SetFlagErrorFunc(flagError)
	root.SetUsageFunc(e.showUsage)
	asGroup(root)
	addGroups(root, e)
	root.InitDefaultHelpCmd()
	if c, _, err := root.Find([]string{"help"}); err == nil {
		asHelp(c)
		c.Short = "Show the help of a command"
	}
	root.InitDefaultCompletionCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil {
		asGroup(c) // else it shows its help for a shell that it does not know
		c.Short = "Print a script for a shell's completion"
	}
	if e.completing() {
		e.completeRest(root)
	}
	return root
}

// addGroups puts each command under its heading of the help.
func addGroups(root *cobra.Command, e *Env) {
	for _, g := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"use", "Use:", []*cobra.Command{runCommand(e), getCommand(e), workspaceCommand(e), statusCommand(e), usageCommand(e), orgCommand(e), demoCommand(e)}},
		{"keep", "Keep:", []*cobra.Command{secretCommand(e), accountCommand(e), poolCommand(e), llmCommand(e), mcpCommand(e), vaultCommand(e)}},
		{"server", "Be signed in:", []*cobra.Command{loginCommand(e), logoutCommand(e), whoamiCommand(e), tokenCommand(e), sessionCommand(e), launcherCommand(e)}},
		{"team", "Run a server:", []*cobra.Command{serveCommand(e), userCommand(e), applyCommand(e)}},
		{"look", "Look after:", []*cobra.Command{auditCommand(e), eventsCommand(e), doctorCommand(e)}},
	} {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, c := range g.commands {
			c.GroupID = g.id
			root.AddCommand(c)
		}
	}
	root.AddCommand(versionCommand(e), genDocsCommand(e))
	root.AddCommand(topicCommands()...)
}

// asGroup makes a command that only holds others: alone it shows its help, and
// a word that is none of its commands is an error.
func asGroup(c *cobra.Command) {
	c.Args = cobra.ArbitraryArgs
	c.SuggestionsMinimumDistance = 2
	c.DisableFlagsInUseLine = true
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		return unknownCommand(c, args[0])
	}
}

// asHelp makes help of what there is not an error, as the command itself is.
func asHelp(c *cobra.Command) {
	c.Run = nil
	c.RunE = func(c *cobra.Command, args []string) error {
		of, rest, err := c.Root().Find(args)
		if err != nil {
			return err
		}
		if len(rest) > 0 && of.HasSubCommands() {
			return unknownCommand(of, rest[0])
		}
		of.InitDefaultHelpFlag()
		return of.Help()
	}
}

// Exit is an error that ends Main with this code and prints nothing: whoever
// returns it has said all there is to say.
type Exit int

func (Exit) Error() string { return "exit" }

// fail prints err and gives its exit code.
func (e *Env) fail(err error) int {
	if err == nil {
		return 0
	}
	if code, ok := errors.AsType[Exit](err); ok {
		return int(code)
	}
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	a := publicError(err)
	e.printError(a)
	return api.ExitOf(a.Code)
}

// exitInterrupted is what a shell makes of a SIGINT.
const exitInterrupted = 130

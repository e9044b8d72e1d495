package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// usageWidth is how wide a help is where no terminal says it, and the most that
// a wide one gets.
const usageWidth = 100

// showUsage prints what cobra's own does, with flags' texts in lines that fit, and
// without a line for groups alone, which do nothing but show this.
func (e *Env) showUsage(c *cobra.Command) error {
	var b strings.Builder
	b.WriteString("Usage:\n")
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s COMMAND [flags]\n", c.CommandPath())
	} else {
		fmt.Fprintf(&b, "  %s\n", c.UseLine())
	}
	if len(c.Aliases) > 0 {
		fmt.Fprintf(&b, "\nAlso: %s\n", strings.Join(c.Aliases, ", "))
	}
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", c.Example)
	}
	usageCommands(&b, c)
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	own.AddFlagSet(c.LocalFlags())
	own.AddFlagSet(inherited(c, true))
	e.usageFlags(&b, "Flags:", own)
	e.usageFlags(&b, "Flags of every command:", inherited(c, false))
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n%s COMMAND --help says more about a command.\n", c.CommandPath())
	}
	_, err := io.WriteString(c.OutOrStderr(), b.String())
	return err
}

func usageCommands(b *strings.Builder, c *cobra.Command) {
	for _, g := range append(c.Groups(), &cobra.Group{Title: otherTitle(c)}) {
		list, topics := "", ""
		for _, sub := range c.Commands() {
			line := fmt.Sprintf("  %-*s  %s\n", sub.NamePadding(), sub.Name(), sub.Short)
			switch {
			case sub.GroupID != g.ID:
			case sub.IsAdditionalHelpTopicCommand():
				topics += line
			case sub.IsAvailableCommand() || sub.Name() == "help":
				list += line
			}
		}
		if list != "" {
			fmt.Fprintf(b, "\n%s\n%s", g.Title, list)
		}
		if topics != "" {
			fmt.Fprintf(b, "\nTopics, each with %s help TOPIC:\n%s", c.CommandPath(), topics)
		}
	}
}

// otherTitle is the heading of the commands that are in no group.
func otherTitle(c *cobra.Command) string {
	if len(c.Groups()) > 0 {
		return "Other:"
	}
	return "Commands:"
}

// inherited are the flags of the commands above c: the root's, or those of its
// group.
func inherited(c *cobra.Command, group bool) *pflag.FlagSet {
	out := pflag.NewFlagSet("", pflag.ContinueOnError)
	root := c.Root().PersistentFlags()
	c.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if (root.Lookup(f.Name) == nil) == group {
			out.AddFlag(f)
		}
	})
	return out
}

func (e *Env) usageFlags(b *strings.Builder, title string, flags *pflag.FlagSet) {
	if flags.HasAvailableFlags() {
		fmt.Fprintf(b, "\n%s\n%s", title, flags.FlagUsagesWrapped(e.usageColumns()))
	}
}

// usageColumns is the width of the terminal that help is printed on.
func (e *Env) usageColumns() int {
	f := asFile(e.Stdout)
	if f == nil {
		return usageWidth
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width > usageWidth || width < 1 {
		return usageWidth
	}
	return width
}

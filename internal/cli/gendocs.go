package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go run keyfob/cmd/keyfob gen-docs ../../docs/reference

func genDocsCommand(*Env) *cobra.Command {
	return &cobra.Command{
		Use: "gen-docs DIRECTORY", Short: "Write the reference in Markdown", Hidden: true,
		Args: argCount(1, 1, "DIRECTORY"),
		RunE: func(c *cobra.Command, args []string) error { return writeReference(c.Root(), args[0]) },
	}
}

func writeReference(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fileError("cannot make", dir, err)
	}
	for name, text := range reference(root) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return fileError("cannot write", path, err)
		}
	}
	return nil
}

// reference is the files of the reference by name: the same on every machine.
func reference(root *cobra.Command) map[string]string {
	const made = "<!-- Written by `go generate ./internal/cli`; edit the commands instead. -->\n\n"
	return map[string]string{
		"commands.md":    made + commandsPage(root),
		"exit-codes.md":  made + "# Exit codes\n\nWith `--output json` an error is one JSON object on standard error, `{\"error\":{\"code\",\"message\",\"hint\",…}}`.\n\n" + markdownTable([]string{"exit", "code", "meaning"}, exitCodes()),
		"settings.md":    made + "# Settings of keyfob serve\n\nA flag goes before a variable, and that before the file. Values with several parts have commas between them; in the file they are lists.\n\n" + markdownTable([]string{"key in the file", "flag", "variable", "meaning"}, settingRows()),
		"environment.md": made + "# Environment variables\n\n" + markdownTable([]string{"variable", "", "meaning"}, asCode(variables())),
	}
}

func commandsPage(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# Commands\n\n" + root.Long + "\n\nFlags of every command:\n\n" + flagList(root.PersistentFlags()) +
		"\n`keyfob completion bash`, `zsh`, `fish` or `powershell` writes a script for the shell's completion, which\n" +
		"also knows the names of secrets and accounts; `keyfob completion bash --help` says where it goes.\n")
	walkCommands(root, func(c *cobra.Command) { commandSection(&b, c) })
	return b.String()
}

// walkCommands visits what has a page, groups before their commands.
func walkCommands(c *cobra.Command, visit func(*cobra.Command)) {
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Name() == "help" || sub.Name() == "completion" || sub.IsAdditionalHelpTopicCommand() {
			continue
		}
		visit(sub)
		walkCommands(sub, visit)
	}
}

func commandSection(b *strings.Builder, c *cobra.Command) {
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(b, "\n## %s\n\n%s\n", c.CommandPath(), textOf(c))
		if flags := flagList(c.PersistentFlags()); flags != "" {
			b.WriteString("\nFlags of each of these:\n\n" + flags)
		}
		return
	}
	level := "##"
	if c.Parent() != c.Root() {
		level = "###"
	}
	fmt.Fprintf(b, "\n%s %s\n\n```\n%s\n```\n\n%s\n", level, c.CommandPath(), c.UseLine(), textOf(c))
	if c.Example != "" {
		fmt.Fprintf(b, "\n```\n%s\n```\n", strings.ReplaceAll(strings.TrimPrefix(c.Example, "  "), "\n  ", "\n"))
	}
	if flags := flagList(c.LocalNonPersistentFlags()); flags != "" {
		b.WriteString("\n" + flags)
	}
}

func textOf(c *cobra.Command) string {
	if c.Long == "" {
		return c.Short + "."
	}
	return c.Long
}

func flagList(flags *pflag.FlagSet) string {
	var rows [][]string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		kind, usage := pflag.UnquoteUsage(f)
		name := "`" + strings.TrimSpace("--"+f.Name+" "+kind) + "`"
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		rows = append(rows, []string{name, usage + defaultOf(f)})
	})
	if len(rows) == 0 {
		return ""
	}
	return markdownTable([]string{"flag", "meaning"}, rows)
}

// defaultOf is what a flag is where it is not given, if that is something.
func defaultOf(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "0", "false", "[]":
		return ""
	case "0s":
		if f.Value.Type() == "duration" {
			return "" // it is not given, which is something else than no time at all
		}
	}
	return " (default " + f.DefValue + ")"
}

// asCode sets the first column as code.
func asCode(rows [][]string) [][]string {
	for _, row := range rows {
		row[0] = "`" + strings.ReplaceAll(row[0], ", ", "`, `") + "`"
	}
	return rows
}

func markdownTable(head []string, rows [][]string) string {
	var b strings.Builder
	b.WriteString("| " + strings.Join(head, " | ") + " |\n|" + strings.Repeat("---|", len(head)) + "\n")
	for _, row := range rows {
		b.WriteString("| " + strings.ReplaceAll(strings.Join(row, "\x00"), "|", `\|`) + " |\n")
	}
	return strings.ReplaceAll(b.String(), "\x00", " | ")
}

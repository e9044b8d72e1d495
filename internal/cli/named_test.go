package cli

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Hints, helps, pages and documents name commands, and people type what they
// name. A hint named a flag that was renamed since; so all of them are held
// against the tree of commands.
func TestCommandsThatAreNamedExist(t *testing.T) {
	found := 0
	for _, m := range mentions(t) {
		found++
		if err := m.check(); err != nil {
			t.Errorf("%s: %q: %v", m.where, m.text, err)
		}
	}
	if found < 300 {
		t.Errorf("only %d are found: this test is blind", found)
	}
}

func TestCheckOfMentions(t *testing.T) {
	for text, ok := range map[string]bool{
		"run: keyfob doctor": true, "run: keyfob docter": false, "keyfob secret lst shows": false, "keyfob that started it": true,
		"`keyfob secret show NAME`": true, "`keyfob secret show`": true, "`keyfob secret show A B`": false, "`keyfob secret set --env`": true, "write: keyfob secret show --org": false, "`keyfob secret show --frob A`": false,
		"keyfob secret set NAME --env NAME makes one": true, "keyfob secret set NAME --envv NAME makes one": false,
		"`keyfob run -- true --no-such`": true, "write: keyfob audit list --limit 50": true, "write: keyfob audit list --limit fifty": false,
	} {
		bad := error(nil)
		for _, m := range mentionsIn("here", text, false) {
			bad = errors.Join(bad, m.check())
		}
		if (bad == nil) != ok {
			t.Errorf("%q: %v", text, bad)
		}
	}
}

// mention is a place where a command is named.
type mention struct {
	where, text string
	whole       bool // text is what one would type, else it goes on as prose
	code        bool // and it is all of it: in quotes a command may stand without its arguments
}

// proseWords may follow the program's name without being a command.
var proseWords = []string{"that", "this", "on", "at", "as", "itself", "to", "anew", "is", "and", "in", "does", "with", "directory", "binary", "command", "keyfob", "below", "has", "was", "or", "the", "starts", "idempotency"}

var (
	mentioned = regexp.MustCompile(`\bkeyfob (-{0,2}[a-z][a-z_-]*\b[^\x60\n]*)`)
	askedFor  = regexp.MustCompile(`(\x60|(?:^|\n)  |(?:run|write|with|in with|put back with): )$`)
)

func mentionsIn(where, text string, code bool) []mention {
	var out []mention
	for _, at := range mentioned.FindAllStringSubmatchIndex(text, -1) {
		rest := text[at[2]:at[3]]
		before := askedFor.FindString(text[:at[0]])
		if i := strings.Index(rest, "keyfob "); i > 0 {
			rest = rest[:i] // another one, which is found by itself
			out = append(out, mentionsIn(where, text[at[2]+i:at[3]], code)...)
		}
		if !code && before != "`" {
			rest, _, _ = strings.Cut(rest, ";")
			rest, _, _ = strings.Cut(rest, ", ")
			rest, _, _ = strings.Cut(rest, ": ")
		}
		wrapped := before == "`" && at[3] == len(text) // it goes on in the next line
		out = append(out, mention{where, rest, code || before != "" && !wrapped, code || before != "`"})
	}
	return out
}

func (m mention) check() error {
	words := shellWords(m.text)
	c, rest := newRoot(&Env{Output: OutputText}), words
	for len(rest) > 0 && c.HasSubCommands() {
		i := slices.IndexFunc(c.Commands(), func(s *cobra.Command) bool { return s.Name() == rest[0] || s.HasAlias(rest[0]) })
		if i < 0 {
			break
		}
		c, rest = c.Commands()[i], rest[1:]
	}
	if len(rest) > 0 && c == c.Root() && (!m.whole || rest[0] == "keyfob") && slices.Contains(proseWords, rest[0]) {
		return nil
	}
	if c.HasSubCommands() && len(rest) > 0 && wordText().MatchString(rest[0]) && rest[0][0] != '-' && (m.whole || c == c.Root() || !slices.Contains(proseWords, rest[0])) {
		return errors.New("there is no such command: " + rest[0])
	}
	if m.whole && len(rest) > 0 && !c.HasSubCommands() {
		return m.parses(c, rest)
	}
	return flagsExist(c, rest)
}

// parses says whether the command takes these arguments.
func (m mention) parses(c *cobra.Command, args []string) error {
	if c.Name() == "help" {
		_, _, err := c.Root().Find(args)
		return err
	}
	c.InitDefaultHelpFlag()
	if err := c.ParseFlags(args); err != nil {
		if _, bare := errors.AsType[*pflag.ValueRequiredError](err); bare && !m.code {
			return nil
		}
		return err
	}
	if help := c.Flags().Lookup("help"); help.Changed || c.Flags().NArg() == 0 && !m.code {
		return nil
	}
	return c.ValidateArgs(c.Flags().Args())
}

// flagsExist looks at flags alone, since nothing says where the command ends.
func flagsExist(c *cobra.Command, words []string) error {
	c.InitDefaultHelpFlag()
	for _, w := range words {
		name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
		if w == "--" {
			return nil
		}
		if strings.HasPrefix(w, "--") && c.Flags().Lookup(name) == nil && c.InheritedFlags().Lookup(name) == nil {
			return errors.New("there is no such flag: " + w)
		}
	}
	return nil
}

// shellWords are the words of the first command of a line, without what a
// synopsis has in brackets.
func shellWords(line string) []string {
	var out []string
	for _, w := range regexp.MustCompile(`'[^']*'|"[^"]*"|\S*\$\([^)]*\)\S*|\S+`).FindAllString(line, -1) {
		if w[0] == '|' || w[0] == '>' || w[0] == '<' || w[0] == '#' || w[0] == '&' || w[0] == '\\' {
			break
		}
		end := strings.ContainsAny(w[len(w)-1:], ";)") || strings.Contains(w, `)"`)
		w = strings.TrimRight(strings.Trim(w, `'"`), `;).,:"`)
		if w != "" && w[0] != '[' && w[0] != '(' {
			out = append(out, w)
		}
		if end {
			break
		}
	}
	return out
}

// mentions looks through the program's texts, its pages and the documents.
func mentions(t *testing.T) []mention {
	var out []mention
	for _, dir := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "deploy", "api", "client", "cmd", "failover", "internal", "keyfobtest"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			switch ext := filepath.Ext(path); {
			case ext == ".go" && !strings.HasSuffix(path, "_test.go"):
				out = append(out, inLiterals(t, path)...)
			case ext == ".md":
				out = append(out, inMarkdown(path, read(t, path))...)
			case ext == ".html" || ext == ".yaml":
				out = append(out, mentionsIn(path, read(t, path), false)...)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func read(t *testing.T, path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func inMarkdown(path, text string) []mention {
	var out []mention
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		out = append(out, mentionsIn(path, strings.TrimRight(line, "\n"), fenced)...)
	}
	return out
}

func inLiterals(t *testing.T, path string) []mention {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var out []mention
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, _ := strconv.Unquote(lit.Value)
			out = append(out, mentionsIn(fset.Position(lit.Pos()).String(), text, false)...)
		}
		return true
	})
	return out
}

// Every flag that takes a value says in capitals what; what helps align by is
// ASCII.
func TestFlagsHavePlaceholders(t *testing.T) {
	ok := regexp.MustCompile(`^[A-Z][A-Z:=,.-]*$`)
	root := newRoot(&Env{})
	check := func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			name, usage := pflag.UnquoteUsage(f)
			if f.Value.Type() != "bool" && !f.Hidden && !ok.MatchString(name) {
				t.Errorf("%s --%s %q", c.CommandPath(), f.Name, name)
			}
			if strings.HasSuffix(usage, ", "+name) && name != "LABEL,..." || strings.HasSuffix(strings.TrimSuffix(usage, "..."), ".") {
				t.Errorf("%s --%s ends oddly: %q", c.CommandPath(), f.Name, usage)
			}
		})
	}
	check(root)
	walkCommands(root, check)
}

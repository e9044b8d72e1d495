//go:build linux

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPromptHidesTheValueAndDropsItsLineBreak(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	s := onTerminal(t, home, "secret", "set", "TOKEN", "--env", "TOKEN")
	s.expect("made a vault in ")
	s.expect("Value of TOKEN (not shown): ")
	s.sendHidden("typed-canary\n")
	s.expect("made TOKEN: env TOKEN")
	if out := s.exits(0); strings.Contains(out, "typed-canary") {
		t.Errorf("the value was shown:\n%s", out)
	}
	if !s.echo() {
		t.Error("the terminal stays without echo")
	}
	if got := reveal(t, home, "TOKEN"); got != "typed-canary" {
		t.Errorf("stored %q", got)
	}
}

func TestReplacingAsks(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	pipe(t, home, "first", "secret", "set", "TOKEN", "--lookup")

	s := onTerminal(t, home, "secret", "set", "TOKEN")
	s.expect("Replace the value of TOKEN, last changed ")
	s.expect("? [y/N]: ")
	s.send("\n")
	s.expect("keyfob: not confirmed: nothing was done")
	s.exits(2)
	if got := reveal(t, home, "TOKEN"); got != "first" {
		t.Errorf("stored %q after a no", got)
	}

	s = onTerminal(t, home, "secret", "set", "TOKEN")
	s.expect("[y/N]: ")
	s.send("yes\n")
	s.expect("(not shown): ")
	s.sendHidden("second\n")
	s.exits(0)
	if got := reveal(t, home, "TOKEN"); got != "second" {
		t.Errorf("stored %q after a yes", got)
	}

	s = onTerminal(t, home, "secret", "set", "TOKEN", "--yes")
	s.expect("(not shown): ")
	s.sendHidden("third\n")
	if out := s.exits(0); strings.Contains(out, "[y/N]") {
		t.Errorf("--yes asks:\n%s", out)
	}
}

func TestInterruptAtAPromptGivesTheTerminalBack(t *testing.T) {
	t.Parallel()
	s := onTerminal(t, t.TempDir(), "secret", "set", "TOKEN", "--env", "TOKEN")
	s.expect("(not shown): ")
	s.sendHidden("half\x03")
	out := s.exits(130)
	if strings.Contains(out, "half") || strings.Contains(out, "keyfob: context") {
		t.Errorf("printed:\n%s", out)
	}
	if !s.echo() {
		t.Error("the terminal stays without echo")
	}
}

func TestEndOfInputAtAPromptIsANo(t *testing.T) {
	t.Parallel()
	s := onTerminal(t, t.TempDir(), "secret", "set", "TOKEN", "--env", "TOKEN")
	s.expect("(not shown): ")
	s.sendHidden("\x04")
	s.expect("keyfob: not confirmed: nothing was done")
	s.exits(2)
}

func TestRevealOnATerminalTakesTheName(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	pipe(t, home, "shown-canary", "secret", "set", "TOKEN", "--lookup")
	pipe(t, home, "\x1b]0;title\x07", "secret", "set", "ESC", "--lookup")

	s := onTerminal(t, home, "secret", "reveal", "TOKEN")
	s.expect("Type TOKEN to print its value: ")
	s.send("TOKEM\n")
	s.expect("not confirmed")
	if out := s.exits(2); strings.Contains(out, "shown-canary") {
		t.Errorf("shown without a confirmation:\n%s", out)
	}

	s = onTerminal(t, home, "secret", "reveal", "TOKEN")
	s.expect("its value: ")
	s.send("TOKEN\n")
	s.expect("shown-canary\r\n")
	s.exits(0)

	// A value may hold what a terminal would act on.
	s = onTerminal(t, home, "secret", "reveal", "ESC", "--confirm", "ESC")
	s.expect("the value is not plain text, and a terminal may act on it")
	if out := s.exits(2); strings.Contains(out, "\x1b") {
		t.Errorf("the terminal got %q", out)
	}
}

func TestRemovingAndImportingAsk(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	pipe(t, home, "v", "secret", "set", "TOKEN", "--lookup")
	s := onTerminal(t, home, "secret", "rm", "TOKEN")
	s.expect("Remove TOKEN and its value for good? [y/N]: ")
	s.send("n\n")
	s.exits(2)
	reveal(t, home, "TOKEN")

	file := filepath.Join(home, "x.env")
	if err := os.WriteFile(file, []byte("A=1\nB=2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = onTerminal(t, home, "secret", "import", file)
	s.expect("WOULD MAKE")
	s.expect("Make these 2 secrets? [y/N]: ")
	s.send("y\n")
	s.expect("made 2 secrets")
	s.exits(0)
	if got := reveal(t, home, "B"); got != "2" {
		t.Errorf("stored %q", got)
	}
}

func TestAccountKeyIsAskedFor(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	s := onTerminal(t, home, "account", "add", "anthropic", "--label", "work")
	s.expect("API key of anthropic (not shown): ")
	s.sendHidden("sk-ant-api03-typed-canary-0123456789\n")
	s.expect("added anthropic/work")
	if out := s.exits(0); strings.Contains(out, "typed-canary") {
		t.Errorf("the key was shown:\n%s", out)
	}
	s = onTerminal(t, home, "account", "rm", "anthropic/work")
	s.expect("Remove anthropic/work and its key for good? [y/N]: ")
	s.send("y\n")
	s.expect("removed anthropic/work")
	s.exits(0)
}

// Somebody who has pasted a key should not learn only then that the address
// beside it cannot be.
func TestWhatIsWrongIsToldBeforeAValueIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"account", "add", "nosuch", "--label", "x"},
		{"account", "add", "anthropic", "--label", "-x"},
		{"account", "add", "openai", "--label", "x", "--base-url", "http://example.com/v1"},
		{"account", "add", "openai-compatible", "--label", "x"},
		{"secret", "set", "A", "--env", "PATH"},
		{"secret", "set", "A", "--env", "1A"},
		{"secret", "set", "A", "--file", "relative"},
		{"secret", "set", "a/b", "--lookup"},
	} {
		s := onTerminal(t, t.TempDir(), args...)
		if out := s.exits(2); strings.Contains(out, "not shown") {
			t.Errorf("%v asked first:\n%s", args, out)
		}
	}
}

// With the messages going elsewhere nobody would see the question.
func TestHalfATerminalIsNone(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	file := filepath.Join(home, "stderr")
	s := start(t, home, "sh", "-c", `keyfob secret set TOKEN --env TOKEN 2>"$0"`, file)
	s.exits(2)
	b, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(b), "keyfob: there is no terminal to ask on") || !strings.Contains(string(b), "\nhint: ") {
		t.Errorf("%v: %s", err, b)
	}
}

func TestColoursAreForTerminalsAlone(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	pipe(t, home, "v", "secret", "set", "TOKEN", "--lookup")
	s := onTerminal(t, home, "doctor")
	s.expect("\x1b[32mok\x1b[0m")
	s.exits(0)
	s = onTerminal(t, home, "doctor", "--no-color")
	if out := s.exits(0); strings.Contains(out, "\x1b") {
		t.Errorf("--no-color has colours: %q", out)
	}
	s = start(t, home, "sh", "-c", "NO_COLOR=1 keyfob doctor")
	if out := s.exits(0); strings.Contains(out, "\x1b") {
		t.Errorf("NO_COLOR has colours: %q", out)
	}
}

// A terminal that edits the line itself would cut it at 4,096 bytes.
func TestALongTokenIsStoredWhole(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	token := strings.Repeat("0123456789", 900)
	s := onTerminal(t, home, "secret", "set", "TOKEN", "--lookup")
	s.expect("(not shown): ")
	s.sendHidden(token + "\r")
	s.exits(0)
	if got := reveal(t, home, "TOKEN"); got != token {
		t.Errorf("stored %d of %d bytes", len(got), len(token))
	}
}

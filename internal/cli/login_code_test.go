//go:build linux

package cli_test

import (
	"net/url"
	"strings"
	"testing"
)

// What the server printed to be typed held the one-time code as an argument, and
// every user of the machine could read it in the list of processes while login
// ran. So it is asked for, and no line to type holds one.
func TestOneTimeCodeIsNoArgument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serverFor(t, dir)
	link := keyfobIn(dir, "user", "link", "local")
	link.Env = append(link.Env, "KEYFOB_HOME="+s.home)
	said, err := link.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	login, code := "keyfob login "+s.ready.URL+"\n", ""
	if !strings.Contains(string(said), login) {
		t.Errorf("no line to type:\n%s", said)
	}
	for line := range strings.Lines(string(said)) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "kfo_"):
			code = line
		case strings.Contains(line, "keyfob login") && strings.Contains(line, "kfo_"):
			t.Errorf("a code among the arguments: %s", line)
		}
	}
	typed := onTerminal(t, dir, "login", s.ready.URL)
	typed.expect("one-time code, or Enter to approve in a browser: ")
	typed.sendHidden(code + "\r")
	typed.expect("signed in to " + s.ready.URL + " as local until ")
	typed.exits(0)
	if strings.Contains(string(typed.seen), code) {
		t.Error("what is typed is shown")
	}
}

func TestLoginWithoutACodeOnATerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := serverFor(t, dir)
	typed := onTerminal(t, dir, "login", s.ready.URL)
	typed.expect("one-time code, or Enter to approve in a browser: ")
	typed.sendHidden("\r")
	typed.expect("if that is what it shows")
	code := userCode.FindSubmatch(typed.seen)
	if code == nil {
		t.Fatalf("no code in %q", typed.seen)
	}
	if err := s.press("/device", url.Values{"code": {string(code[1])}, "decision": {"approve"}}); err != nil {
		t.Fatal(err)
	}
	typed.expect("signed in to ")
	typed.exits(0)
}

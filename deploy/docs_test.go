//go:build deploy

package deploy

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// Every command that the guide for operators tells must be there, with its flags.
func TestCommandsOfTheGuide(t *testing.T) {
	b, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	keyfob := release(t)
	help := func(words ...string) (string, bool) {
		out, err := exec.Command(keyfob, append(words, "--help")...).CombinedOutput()
		return string(out), err == nil
	}
	found := regexp.MustCompile("(?m)(?:^|`)keyfob(-admin|) (?:--local )?((?:[a-z]+ ?)+)([^`\n]*)").FindAllStringSubmatch(string(b), -1)
	if len(found) < 30 {
		t.Fatalf("only %d commands in the guide", len(found))
	}
	for _, m := range found {
		words := strings.Fields(m[2])
		text, ok := help(words...)
		command := func() string { return "keyfob " + strings.Join(words, " ") }
		for len(words) > 1 && (!ok || !strings.Contains(text, command())) { // what follows is an argument
			words = words[:len(words)-1]
			text, ok = help(words...)
		}
		if !ok || !strings.Contains(text, command()) {
			t.Errorf("%s: there is no such command", m[0])
			continue
		}
		line, _, _ := strings.Cut(m[3], "#")
		if here := strings.Contains(m[0], "--local") || m[1] != ""; !here && onTheServersMachine(words, line) {
			t.Errorf("%s: as root that is another user's vault, or none", m[0])
		}
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(line, -1) {
			if !strings.Contains(text, flag+" ") {
				t.Errorf("%s has no flag %s", command(), flag)
			}
		}
	}
}

// onTheServersMachine says whether a command works on the vault that is there.
func onTheServersMachine(words []string, rest string) bool {
	switch command := strings.Join(words, " "); command {
	case "user link", "doctor", "audit key", "audit export":
		return true
	case "audit verify":
		return !strings.Contains(rest, "--key")
	default:
		return words[0] == "vault"
	}
}

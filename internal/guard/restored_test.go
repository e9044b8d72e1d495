package guard

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// backWithout are the writing actions whose undoing by a restored backup gives
// nothing back to anybody, and why.
var backWithout = map[string]string{
	SecretCreate: "what was made is gone", ProfileCreate: "what was made is gone", MCPCreate: "what was made is gone",
	AccountAdd: "what was made is gone", WorkspaceCreate: "what was made is gone", TokenCreate: "what was made is gone",
	UserCreate: "what was made is gone", UserSignUp: "what was made is gone", VaultInit: "what was made is gone",
	LoginStart: "over within minutes", LoginDecide: "over within minutes", LoginGrant: "over within minutes",
	LinkCreate: "over within minutes", TokenAsk: "over within minutes", TokenDecide: "over within minutes",
	AccountClear: "learnt anew from the provider", AccountTest: "learnt anew from the provider", AccountHealth: "learnt anew from the provider",
	WorkspaceManifest: "it handed out", WorkspaceLookup: "it handed out", WorkspaceReport: "it told",
	VaultVerify: "of the vault's own", VaultBackup: "of the vault's own", VaultRestore: "of the vault's own", AuditCheckpoint: "of the vault's own",
	VaultRekey: "the older root key must be put back to restore at all", VaultReencrypt: "values are sealed in another way",
}

// The guide tells how to list what a restored backup undoes. What was missing
// there came back with nobody looking.
func TestGuideListsWhatARestoreUndoes(t *testing.T) {
	b, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	told := regexp.MustCompile("`grep -E '([^']*)'").FindStringSubmatch(string(b))
	if told == nil {
		t.Fatal("the guide lists nothing")
	}
	listed, err := regexp.Compile(told[1])
	if err != nil {
		t.Fatal(err)
	}
	for action, r := range policy {
		want := r.write && backWithout[action] == ""
		if got := listed.MatchString(`"action":"` + action + `"`); got != want {
			t.Errorf("%s: listed %v, want %v", action, got, want)
		}
	}
	for action := range backWithout {
		if !policy[action].write {
			t.Errorf("%s does not write", action)
		}
	}
	if strings.Count(told[1], `"action":"`) != 1 {
		t.Errorf("%s: the lines have one action", told[1])
	}
}

package cli

import (
	"cmp"
	"strings"
	"testing"

	"keyfob/api"
)

func TestOrgFileFaultsHaveLinesAndNoValues(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "empty",
		"a: [":                             "it is not YAML",
		"secrets: {}":                      "of a wrong kind",
		"- a":                              "of a wrong kind",
		"secrets:\n- name: A\n  valu: x":   `there is no key "valu" here`,
		"secrets:\n- name: A\n  value: x":  "a value never stands in the file",
		"accounts:\n- key: sk-canary":      "a value never stands in the file",
		"secret: []":                       `there is no key "secret" here; secrets is meant? (line 1)`,
		"accounts:\n- limit: {request: 1}": `there is no key "request" here; requests is meant? (line 2)`,
		"secrets:\n- Pasted-canary: x":     "there is no such key here; there are name,",
		"secrets: &x []\naccounts: *x":     "an alias is not taken (line 2)",
		"secrets: []\n---\nsecrets: []":    "more than one document",
		"secrets:\n- {name: A, name: B}":   "of a wrong kind",
		"secrets:\n- {lookup: sk-canary}":  "of a wrong kind",
	} {
		err := faultIn(text)
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		e := publicError(err)
		all := e.Message
		for _, d := range e.Details {
			all += "\n" + d.Message
		}
		if !strings.Contains(all, want) || strings.Contains(all, "canary") || e.Hint == "" || e.Code != api.CodeInvalid {
			t.Errorf("%q: %+v, want %q", text, e, want)
		}
	}
}

func faultIn(text string) error {
	_, doc, err := parseOrgFile([]byte(text))
	return cmp.Or(err, doc.fault())
}

func TestOrgFileKeepsWhatItSays(t *testing.T) {
	f, doc, err := parseOrgFile([]byte("secrets:\n- {name: A, env: B, enabled: false, selector: {team: web}, value_from: {env: C}}\naccounts:\n- {provider: p, label: l, limit: {tokens: 5}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := envIn(t, "C=value").orgSpec(f, doc, ".")
	if err := doc.fault(); err != nil || len(s.Secrets) != 1 || len(s.Accounts) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	one := s.Secrets[0]
	if one.Name != "A" || one.Env != "B" || one.Enabled == nil || *one.Enabled || one.Selector["team"] != "web" || string(one.Value.Bytes()) != "value" {
		t.Errorf("the secret is %+v", one)
	}
	if a := s.Accounts[0]; a.Key != nil || a.Limit.Tokens != 5 || a.Enabled != nil {
		t.Errorf("the account is %+v", a)
	}
}

// No file, however broken, is taken by half or has its text repeated.
func FuzzOrgFile(f *testing.F) {
	f.Add("secrets:\n- name: A\n  value_from: {env: X}\n")
	f.Add("accounts:\n- {provider: p, Canary-9-Canary-9: x}\n")
	f.Add("? !!binary x\n: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		err := faultIn(text)
		if err == nil {
			return
		}
		e := publicError(err)
		if e.Code != api.CodeInvalid || e.Hint == "" {
			t.Errorf("%q: %+v", text, e)
		}
		for _, d := range e.Details {
			if strings.Contains(d.Message, "Canary-9") {
				t.Errorf("%q is repeated: %s", text, d.Message)
			}
		}
	})
}

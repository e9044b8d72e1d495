package webui_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/identity"
)

// The page says all of the token that is to be made, and who asks: a login, or
// what came of one.
func TestApproveAToken(t *testing.T) {
	r := newRig(t)
	b := r.signedIn(t, "local")
	_, login, _ := r.commandLine(t, "laptop <i>")
	_, text, err := r.CreateToken(t.Context(), login, identity.TokenSpec{Name: "script", Scopes: core.TokensWrite | core.WorkspacesKeys | core.AuditRead})
	if err != nil {
		t.Fatal(err)
	}
	script, err := r.Bearer(t.Context(), string(text.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	spec := identity.TokenSpec{Name: "ci <b>of ours", Scopes: core.WorkspacesKeys | core.AuditRead, Life: 24 * time.Hour}
	asked, err := r.AskToken(t.Context(), script, spec, "192.0.2.7")
	if err != nil {
		t.Fatal(err)
	}
	at := "/step-up/" + asked.ID
	until := asked.Until.Format("2006-01-02 15:04") + " UTC"
	for language, want := range map[string][]string{
		"en": {"<b>ci &lt;b&gt;of ours</b>", asked.Code, until, "make workspaces and get their keys", "(workspaces:keys)", "read the audit trail", "192.0.2.7",
			"asked by the token <b>script</b> (made 0 minutes ago with <b>laptop &lt;i&gt;</b>)", "does not end when the command line that asks signs out"},
		"de": {"<b>ci &lt;b&gt;of ours</b>", asked.Code, until, "Workspaces anlegen und ihre Schlüssel", "Prüfprotokoll", "mit <b>laptop &lt;i&gt;</b>"},
	} {
		got := ask(t, b, "GET", r.url+at, map[string]string{"Accept-Language": language}, nil)
		for _, text := range want {
			if got.status != 200 || !strings.Contains(got.body, text) {
				t.Errorf("the page lacks %q: %d %s", text, got.status, got.body)
			}
		}
		if strings.Contains(got.body, "secrets:") || strings.Contains(got.body, script.Via.ID) {
			t.Errorf("the page says more than is asked: %s", got.body)
		}
	}
	if got := ask(t, browser(t), "GET", r.url+at, nil, nil); got.status != 401 || strings.Contains(got.body, "of ours") {
		t.Errorf("nobody sees it: %d %s", got.status, got.body)
	}
	if got := ask(t, b, "POST", r.url+at, map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}, url.Values{"decision": {"approve"}}); got.status != 403 {
		t.Errorf("another site's form: %d", got.status)
	}
	spec.StepUp = asked.ID
	if _, _, err := r.CreateToken(t.Context(), script, spec); err == nil {
		t.Error("it was approved by being looked at")
	}
	if got := r.send(t, b, at, url.Values{"decision": {"approve"}}); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
	if made, _, err := r.CreateToken(t.Context(), script, spec); err != nil || made.Maker != "" || !made.ExpiresAt.Equal(asked.Until) {
		t.Errorf("made %+v, %v", made, err)
	}
	if got := ask(t, b, "GET", r.url+at, nil, nil); !strings.Contains(got.body, "decided already") || strings.Contains(got.body, "<button name") {
		t.Errorf("afterwards: %s", got.body)
	}
}

// A name that was made before such names were refused turns the text behind it,
// or cannot be seen: the page says what stands there.
func TestApproveANameThatCannotBeSeen(t *testing.T) {
	r := newRig(t)
	b := r.signedIn(t, "local")
	for name, want := range map[string]string{"a\u202eb": `<b>a\u202eb</b>`, "\u200b": `<b>\u200b</b>`, "Schlüssel": "<b>Schlüssel</b>"} {
		_, _, login := r.commandLine(t, "x")
		asked, err := r.AskStepUp(t.Context(), login, core.Secret{ID: "sec_1", Owner: core.Local, Name: name, Version: 1}, "192.0.2.7")
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(t, b, "GET", r.url+"/step-up/"+asked.ID, nil, nil); got.status != 200 || !strings.Contains(got.body, want) {
			t.Errorf("%+q: the page lacks %s: %d %s", name, want, got.status, got.body)
		}
	}
}

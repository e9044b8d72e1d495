package webui

import "sync"

// scopes are what each scope lets a token do, in English and German, for whoever
// is to approve one.
var scopes = sync.OnceValue(func() map[string][2]string {
	return map[string][2]string{
		"secrets:read":     {"see which secrets, LLM profiles and MCP servers there are, without values", "sehen, welche Secrets, LLM-Profile und MCP-Server es gibt, ohne Werte"},
		"secrets:write":    {"add, change and delete secrets, LLM profiles and MCP servers", "Secrets, LLM-Profile und MCP-Server anlegen, ändern und löschen"},
		"secrets:reveal":   {"ask to see a secret's value, which you approve each time", "fragen, den Wert eines Secrets zu sehen, was Sie jedes Mal bestätigen"},
		"accounts:read":    {"see accounts at providers, pools and usage, without keys", "Konten bei Anbietern, Pools und Verbrauch sehen, ohne Schlüssel"},
		"accounts:write":   {"add, change, test and delete accounts, and order pools", "Konten anlegen, ändern, prüfen und löschen, und Pools ordnen"},
		"workspaces:read":  {"see workspaces", "Workspaces sehen"},
		"workspaces:write": {"label and stop workspaces", "Workspaces beschriften und beenden"},
		"workspaces:keys":  {"make workspaces and get their keys, and so the values that your workspaces receive", "Workspaces anlegen und ihre Schlüssel bekommen, und so die Werte, die Ihre Workspaces erhalten"},
		"tokens:read":      {"see tokens, browsers that are signed in, and launchers", "Tokens, angemeldete Browser und Launcher sehen"},
		"tokens:write":     {"make tokens that end with it, revoke any of your tokens, and sign browsers out", "Tokens anlegen, die mit ihm enden, jedes Ihrer Tokens widerrufen und Browser abmelden"},
		"audit:read":       {"read the audit trail", "das Prüfprotokoll lesen"},
		"admin:read":       {"as an administrator: see the users, the organisation's records and the server", "als Administrator: die Benutzer, die Einträge der Organisation und den Server sehen"},
		"admin:write":      {"as an administrator: change the users and the organisation's records", "als Administrator: die Benutzer und die Einträge der Organisation ändern"},
	}
})

// inWords says what a scope lets a token do; one without words by its name.
func inWords(t tongue, scope string) string {
	both, ok := scopes()[scope]
	switch {
	case !ok:
		return scope
	case t == german:
		return both[1]
	}
	return both[0]
}

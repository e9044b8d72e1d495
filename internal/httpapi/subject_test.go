package httpapi_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/httpapi"
	"keyfob/internal/llm"
	"keyfob/internal/secret"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

// subject is what one cell of the matrix asks for: records of its own, since
// many requests end them.
type subject struct {
	path, body       string
	session, gateway string // keys of a live workspace of alice's
	prepare          func(who string, headers []string)
}

func (k *kit) subject(t *testing.T, r httpapi.Route) *subject {
	t.Helper()
	s := &subject{path: r.Path, body: k.body(r)}
	var id string
	id, s.session, s.gateway = k.workspace(t, k.as("alice"))
	owner := k.as("alice")
	if r.Who == httpapi.Admins {
		owner = k.as("root").On(core.Org)
	}
	values := map[string]string{"{user}": "alice", "{id}": id}
	switch r.Tag {
	case "secrets", "inside a workspace", "approval in a browser":
		name := k.secret(t, owner)
		values["{name}"] = name
		s.body = strings.ReplaceAll(s.body, "NAME", name)
	case "accounts", "pools":
		label := k.account(t, owner)
		values["{provider}"], values["{namespace}"], values["{label}"] = "openai", label, label
	case "LLM profiles":
		values["{name}"] = k.profile(t, owner)
	case "MCP servers":
		values["{name}"] = k.mcp(t, owner)
	}
	switch {
	case r.Who == httpapi.Launchers:
		values["{id}"] = k.launched(t)
	case r.Tag == "who asks" && strings.Contains(r.Path, "{id}"):
		values["{id}"] = k.proofID(t, r.Path)
	case r.Tag == "approval in a browser" && strings.Contains(r.Path, "{id}"):
		values["{id}"] = k.askStepUp(t, values["{name}"])
	case strings.HasSuffix(r.Path, "/reveal"):
		s.prepare = func(who string, headers []string) { s.body = k.approved(t, r, who, values["{name}"], headers) }
	}
	for from, to := range values {
		s.path = strings.ReplaceAll(s.path, from, to)
	}
	return s
}

func (k *kit) secret(t *testing.T, a core.Actor) string {
	t.Helper()
	name := k.fresh("SECRET")
	if _, _, err := k.vault.Create(t.Context(), a, vault.NewSecret{Name: name, Value: secret.FromString(canary), Lookup: true}); err != nil {
		t.Fatal(err)
	}
	return name
}

// account is alone in a pool whose namespace is its label.
func (k *kit) account(t *testing.T, a core.Actor) string {
	t.Helper()
	label := k.fresh("acct")
	_, err := k.accounts.Add(t.Context(), a, account.NewAccount{Provider: "openai", Namespace: label, Label: label, Key: secret.FromString(canary)})
	if err != nil {
		t.Fatal(err)
	}
	return label
}

func (k *kit) profile(t *testing.T, a core.Actor) string {
	t.Helper()
	name := k.fresh("profile")
	if _, err := k.config.LLM.CreateProfile(t.Context(), a, llm.NewProfile{Name: name, Model: "m", Provider: "openai"}); err != nil {
		t.Fatal(err)
	}
	return name
}

func (k *kit) mcp(t *testing.T, a core.Actor) string {
	t.Helper()
	name := k.fresh("mcp")
	_, err := k.config.LLM.CreateMCP(t.Context(), a, llm.NewMCPServer{
		Name: name, Transport: core.MCPHTTP, URL: "https://mcp.example", Token: secret.FromString(canary),
		Headers: map[string]secret.Secret{"X-Key": secret.FromString(canary)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// launched is a workspace of alice's that the launcher made.
func (k *kit) launched(t *testing.T) string {
	t.Helper()
	a, err := k.identity.Bearer(t.Context(), k.launcher)
	if err == nil {
		a, err = k.identity.LaunchFor(t.Context(), a, "alice")
	}
	if err != nil {
		t.Fatal(err)
	}
	w, _, _, err := k.ws.Create(t.Context(), a, workspace.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	return w.ID
}

// proofID is a token or a browser session of alice's that nobody uses.
func (k *kit) proofID(t *testing.T, path string) string {
	t.Helper()
	if strings.Contains(path, "tokens") {
		a, err := k.identity.Bearer(t.Context(), k.token(t, "alice", core.AuditRead, 1e12))
		if err != nil {
			t.Fatal(err)
		}
		return a.Via.ID
	}
	_, s, err := k.identity.Browser(t.Context(), k.browser(t, "alice"))
	if err != nil {
		t.Fatal(err)
	}
	return s.ID
}

// askStepUp asks with a token of alice's for one of her secrets.
func (k *kit) askStepUp(t *testing.T, name string) string {
	t.Helper()
	return k.stepUpID(t, name, false, bearer(k.token(t, "alice", core.SecretsRead|core.SecretsReveal, 1e12)))
}

func (k *kit) stepUpID(t *testing.T, name string, org bool, headers []string) string {
	t.Helper()
	in, err := json.Marshal(api.StepUpAsk{Secret: name, Org: org})
	if err != nil {
		t.Fatal(err)
	}
	got := k.send(t, "POST", "/v1/step-ups", string(in), headers...)
	var out api.StepUp
	if got.status == 201 {
		if err := json.Unmarshal([]byte(got.body), &out); err != nil {
			t.Fatal(err)
		}
	}
	return out.ID
}

// approved is the body of a reveal whose step-up the same proof asked for, and a
// browser approved; a step-up that there is not where the proof may ask for none.
func (k *kit) approved(t *testing.T, r httpapi.Route, who, name string, headers []string) string {
	t.Helper()
	org, person := r.Who == httpapi.Admins, "alice"
	switch who {
	case "alice", "bob", "browser":
	case "admin":
		person = "root"
	default:
		return `{"step_up":"stp_none"}`
	}
	if who == "bob" {
		person = "bob"
	}
	if who == "browser" && org {
		person = "root"
	}
	id := k.stepUpID(t, name, org, headers)
	if id == "" {
		return `{"step_up":"stp_none"}`
	}
	k.send(t, "POST", "/v1/step-ups/"+id+"/approve", "", k.sameOrigin(k.browser(t, person))...).want(t, 204, "")
	return `{"step_up":"` + id + `"}`
}

// body is what a route takes, with names that nothing has yet. NAME stands for
// the record's own.
func (k *kit) body(r httpapi.Route) string {
	id := r.ID
	if rest, ok := strings.CutPrefix(id, "org"); ok {
		id = strings.ToLower(rest[:1]) + rest[1:]
	}
	value := base64.StdEncoding.EncodeToString([]byte("some-value"))
	switch id {
	case "createSecret":
		return `{"name":"` + k.fresh("NEW") + `","value":"` + value + `","lookup":true}`
	case "importSecrets":
		return `{"format":"env","lookup":true,"content":"` + base64.StdEncoding.EncodeToString([]byte(k.fresh("IMP")+"=x")) + `"}`
	case "updateSecret":
		return `{"description":"changed"}`
	case "revealSecret":
		return `{}`
	case "createAccount":
		label := k.fresh("new")
		return `{"provider":"openai","namespace":"` + label + `","label":"` + label + `","key":"` + value + `"}`
	case "updateAccount":
		return `{"quota_group":"shared"}`
	case "updatePool":
		return `{"strategy":"round_robin"}`
	case "createProfile":
		return `{"name":"` + k.fresh("p") + `","model":"m","provider":"openai"}`
	case "updateProfile":
		return `{"model":"other"}`
	case "createMCPServer":
		return `{"name":"` + k.fresh("m") + `","transport":"stdio","command":"tool","env":{"A":"` + value + `"}}`
	case "updateMCPServer":
		return `{"timeout_seconds":5}`
	case "createWorkspace", "createUserWorkspace":
		return `{"gateway":true,"seconds":600,"labels":{"a":"b"}}`
	case "updateWorkspace", "updateUserWorkspace":
		return `{"labels":{"a":"c"}}`
	case "reportDeliveries":
		return `{"version":1,"outcomes":[]}`
	}
	return k.otherBody(id)
}

func (k *kit) otherBody(id string) string {
	switch id {
	case "createToken", "askTokenStepUp":
		return `{"name":"new","scopes":["tokens:write"]}`
	case "createUser":
		return `{"name":"` + k.fresh("user") + `"}`
	case "updateUser":
		return `{"email":"` + k.fresh("alice") + `@example.org"}`
	case "askStepUp":
		return `{"secret":"NAME"}`
	case "startLogin":
		return `{"client":"keyfob on here"}`
	case "finishLogin":
		return `{"code":"` + string(core.NewToken(core.LinkPrefix).Reveal()) + `"}`
	case "applyOrg":
		return `{"spec":{},"dry_run":true}`
	}
	return ""
}

//go:build linux

package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/keyfobtest"
)

// value is a known one.
func (c *canaryRun) value(name string) api.Value {
	return val(c.keeps(name, "cnry-"+strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", "")+"-"+fmt.Sprintf("%x", len(name)*7919)+`-<&"é`))
}

// ascii is a known value where only visible ASCII goes.
func (c *canaryRun) ascii(name string) api.Value {
	return val(c.keeps(name, "cnry-"+strings.ReplaceAll(name, " ", "-")+"-"+fmt.Sprintf("%x", len(name)*7919)))
}

// use has every route succeed once.
func (c *canaryRun) use(t *testing.T) {
	c.followEvents(t)
	c.ok(t, "getOpenAPI", "GET", "/openapi.json", nil)
	c.signingIn(t)
	c.ownSecrets(t)
	c.orgSecrets(t)
	c.accounts(t)
	c.profilesAndServers(t)
	c.people(t)
	c.workspaces(t)
	c.fromInside(t)
	c.launchers(t)
}

// followEvents reads a stream until the test ends.
func (c *canaryRun) followEvents(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	resp, _, err := c.send(t, ctx, "GET", "/v1/events", nil, as(c.alice.token))
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("a stream: %v", err)
	}
	c.used["followEvents"] = true
	go func() {
		defer resp.Body.Close()
		_, _ = io.Copy(c.events, resp.Body) // ends with the server
	}()
}

func (c *canaryRun) signingIn(t *testing.T) {
	t.Helper()
	var waits api.DeviceStarted
	c.ok(t, "startLogin", "POST", "/v1/login/device", api.DeviceStart{Client: "the canary's"}).into(t, &waits)
	c.keeps("a device code", key(waits.DeviceCode))
	c.spoken["a user code"] = waits.UserCode
	c.must(t, "GET", "/device?code="+waits.UserCode, nil, c.inBrowser(c.alice))
	c.must(t, "POST", "/device", "decision=approve&code="+waits.UserCode, form(), c.inBrowser(c.alice))
	var in api.Login
	c.ok(t, "finishLogin", "POST", "/v1/login/token", api.LoginRequest{DeviceCode: waits.DeviceCode}).into(t, &in)
	c.keeps("a token of a login", key(in.Token.Value))
	c.keeps("a reveal token of a login", key(in.Reveal.Value))
	c.ok(t, "getMe", "GET", "/v1/me", nil, as(key(in.Token.Value)))
	c.must(t, "GET", "/v1/me", nil, theProxy("carol"))
	var made api.TokenCreated
	c.ok(t, "createToken", "POST", "/v1/tokens", api.TokenCreate{Name: "made", Scopes: []string{"secrets:read"}}, as(c.alice.token)).into(t, &made)
	c.keeps("a token that was made", key(made.Value))
	c.must(t, "GET", "/v1/secrets", nil, as(key(made.Value)))
	c.lastingToken(t)
	c.ok(t, "listTokens", "GET", "/v1/tokens", nil, as(c.alice.token))
	c.ok(t, "deleteToken", "DELETE", "/v1/tokens/"+made.ID, nil, as(c.alice.token))
	link, code := c.links(t, "alice")
	c.keeps("a link", link[strings.LastIndexByte(link, '/')+1:])
	c.keeps("a one-time code", code)
	c.keeps("a second cookie", c.browse(t, link))
	var sessions api.BrowserSessionList
	c.ok(t, "listSessions", "GET", "/v1/sessions", nil, as(c.alice.token)).into(t, &sessions)
	c.ok(t, "deleteSession", "DELETE", "/v1/sessions/"+sessions.Sessions[len(sessions.Sessions)-1].ID, nil, as(c.alice.token))
	c.ok(t, "listLaunchers", "GET", "/v1/launchers", nil, as(c.alice.token))
}

// lastingToken makes one that ends with no login, by way of the page.
func (c *canaryRun) lastingToken(t *testing.T) {
	t.Helper()
	in := api.TokenAsk{Name: "lasting", Scopes: []string{"secrets:read"}, Seconds: 3600}
	var asked api.StepUp
	c.ok(t, "askTokenStepUp", "POST", "/v1/tokens/step-ups", in, as(c.alice.token)).into(t, &asked)
	c.spoken["the step-up of a token"], c.spoken["the code of that"] = asked.ID, asked.Code
	c.must(t, "GET", "/step-up/"+asked.ID, nil, c.inBrowser(c.alice))
	c.must(t, "POST", "/step-up/"+asked.ID, "decision=approve", form(), c.inBrowser(c.alice))
	var made api.TokenCreated
	c.must(t, "POST", "/v1/tokens", api.TokenCreate{Name: in.Name, Scopes: in.Scopes, Seconds: in.Seconds, StepUp: asked.ID}, as(c.alice.token)).into(t, &made)
	c.keeps("a token that lasts", key(made.Value))
}

func (c *canaryRun) ownSecrets(t *testing.T) {
	t.Helper()
	who := as(c.alice.token)
	for _, in := range []api.SecretCreate{{Name: "ENV", Env: "CNRY_ENV"}, {Name: "FILE", File: "~/.cnry"}, {Name: "LOOKUP", Lookup: true}} {
		in.Value = c.value(in.Name)
		c.ok(t, "createSecret", "POST", "/v1/secrets", in, who, with("Idempotency-Key", key(c.ascii("an idempotency key of "+in.Name))))
	}
	c.ok(t, "listSecrets", "GET", "/v1/secrets?limit=2", nil, who)
	c.ok(t, "getSecret", "GET", "/v1/secrets/ENV", nil, who)
	replaced := c.value("a replaced ENV")
	c.ok(t, "updateSecret", "PATCH", "/v1/secrets/ENV", api.SecretUpdate{Value: &replaced}, who, whichever())
	imported := c.ascii("an imported value")
	c.ok(t, "importSecrets", "POST", "/v1/secrets/import", api.SecretImport{Format: "env", Content: val("IMPORTED=" + key(imported) + "\n"), Lookup: true}, who)
	for _, verb := range []string{"approve", "deny"} {
		var asked api.StepUp
		c.ok(t, "askStepUp", "POST", "/v1/step-ups", api.StepUpAsk{Secret: "LOOKUP"}, as(c.alice.reveal)).into(t, &asked)
		c.spoken["a step-up to "+verb] = asked.ID
		c.spoken["the code of a step-up to "+verb] = asked.Code
		c.ok(t, "getStepUp", "GET", "/v1/step-ups/"+asked.ID, nil, as(c.alice.reveal))
		c.ok(t, verb+"StepUp", "POST", "/v1/step-ups/"+asked.ID+"/"+verb, nil, c.inBrowser(c.alice))
		if verb == "approve" {
			c.ok(t, "revealSecret", "POST", "/v1/secrets/LOOKUP/reveal", api.RevealRequest{StepUp: asked.ID}, as(c.alice.reveal), shows("LOOKUP")) // what a reveal is for
		}
	}
}

func (c *canaryRun) orgSecrets(t *testing.T) {
	t.Helper()
	who := as(c.admin.token)
	c.ok(t, "orgCreateSecret", "POST", "/v1/org/secrets", api.SecretCreate{Name: "SHARED", Value: c.value("SHARED"), Env: "CNRY_SHARED", Lookup: true}, who)
	c.ok(t, "orgListSecrets", "GET", "/v1/org/secrets", nil, who)
	c.ok(t, "orgGetSecret", "GET", "/v1/org/secrets/SHARED", nil, who)
	replaced := c.value("a replaced SHARED")
	c.ok(t, "orgUpdateSecret", "PATCH", "/v1/org/secrets/SHARED", api.SecretUpdate{Value: &replaced}, who, whichever())
	c.ok(t, "orgImportSecrets", "POST", "/v1/org/secrets/import", api.SecretImport{Format: "json", Content: val(`{"ORG_IMPORTED":"` + key(c.ascii("an imported value of the organisation")) + `"}`), Lookup: true}, who)
	var revealer api.TokenCreated
	c.must(t, "POST", "/v1/tokens", api.TokenCreate{Name: "for the organisation's", Scopes: []string{"secrets:read", "secrets:reveal", "admin:read", "admin:write"}}, c.inBrowser(c.admin)).into(t, &revealer)
	c.keeps("the organisation's reveal token", key(revealer.Value))
	var asked api.StepUp
	c.must(t, "POST", "/v1/step-ups", api.StepUpAsk{Secret: "SHARED", Org: true}, as(key(revealer.Value))).into(t, &asked)
	c.must(t, "POST", "/step-up/"+asked.ID, "decision=approve", form(), c.inBrowser(c.admin))
	c.ok(t, "orgRevealSecret", "POST", "/v1/org/secrets/SHARED/reveal", api.RevealRequest{StepUp: asked.ID}, as(key(revealer.Value)), shows("a replaced SHARED")) // what a reveal is for
	applied := c.value("an applied value")
	c.ok(t, "applyOrg", "POST", "/v1/org/apply", api.OrgApply{Spec: api.OrgSpec{Secrets: []api.OrgSecret{{Name: "APPLIED", Value: &applied, Lookup: true}}}}, who)
}

func (c *canaryRun) accounts(t *testing.T) {
	t.Helper()
	c.ok(t, "listProviders", "GET", "/v1/providers", nil, as(c.alice.token))
	c.ok(t, "getProvider", "GET", "/v1/providers/anthropic", nil, as(c.alice.token))
	for prefix, p := range map[string]struct {
		who  how
		key  string
		name string
	}{"": {as(c.alice.token), aliceKey, ""}, "org": {as(c.admin.token), orgKey, "/org"}} {
		id := func(verb, what string) string {
			if prefix == "" {
				return verb + what
			}
			return prefix + strings.ToUpper(verb[:1]) + verb[1:] + what
		}
		base := "/v1" + p.name
		c.ok(t, id("create", "Account"), "POST", base+"/accounts", api.AccountCreate{Provider: "anthropic", Label: "work", Key: val(p.key), BaseURL: c.upstream}, p.who)
		c.ok(t, id("create", "Account"), "POST", base+"/accounts", api.AccountCreate{Provider: "anthropic", Label: "dead", Key: c.ascii("sk-ant-api03 dead key" + prefix), BaseURL: c.upstream}, p.who)
		c.ok(t, id("list", "Accounts"), "GET", base+"/accounts", nil, p.who)
		c.ok(t, id("get", "Account"), "GET", base+"/accounts/anthropic/default/work", nil, p.who)
		anew := c.ascii("sk-ant-api03 entered anew" + prefix)
		c.ok(t, id("update", "Account"), "PATCH", base+"/accounts/anthropic/default/dead", api.AccountUpdate{Key: &anew}, p.who, whichever())
		c.ok(t, id("test", "Account"), "POST", base+"/accounts/anthropic/default/work/test", nil, p.who)
		c.provider.Add(keyfobtest.Account{Name: "echo", Key: key(anew), Then: keyfobtest.Status(401, `{"error":{"type":"authentication_error","message":"invalid x-api-key: `+key(anew)+`"}}`)})
		c.ok(t, id("test", "Account"), "POST", base+"/accounts/anthropic/default/dead/test", nil, p.who)
		c.ok(t, id("clear", "Account"), "POST", base+"/accounts/anthropic/default/dead/clear", nil, p.who)
		c.ok(t, id("list", "Pools"), "GET", base+"/pools", nil, p.who)
		c.ok(t, id("get", "Pool"), "GET", base+"/pools/anthropic/default", nil, p.who)
		c.ok(t, id("update", "Pool"), "PATCH", base+"/pools/anthropic/default", api.PoolUpdate{Accounts: &[]string{"dead", "work"}}, p.who, whichever())
		c.ok(t, id("list", "Usage"), "GET", base+"/usage?by=account", nil, p.who)
	}
	c.ok(t, "getStatus", "GET", "/v1/status", nil, as(c.alice.token))
	c.ok(t, "getShared", "GET", "/v1/shared", nil, as(c.alice.token))
}

func (c *canaryRun) profilesAndServers(t *testing.T) {
	t.Helper()
	who := as(c.alice.token)
	model := "test-small"
	c.ok(t, "createProfile", "POST", "/v1/profiles", api.ProfileCreate{Name: "usual", Model: "test-large", Provider: "anthropic", Parameters: json.RawMessage(`{"temperature":1}`)}, who)
	c.ok(t, "listProfiles", "GET", "/v1/profiles", nil, who)
	c.ok(t, "getProfile", "GET", "/v1/profiles/usual", nil, who)
	c.ok(t, "updateProfile", "PATCH", "/v1/profiles/usual", api.ProfileUpdate{Model: &model}, who, whichever())
	c.ok(t, "activateProfile", "POST", "/v1/profiles/usual/activate", nil, who)
	c.ok(t, "createMCPServer", "POST", "/v1/mcp-servers", api.MCPServerCreate{Name: "remote", Transport: "http", URL: "https://mcp.example/x", Token: c.ascii("an MCP token"), Headers: map[string]api.Value{"X-Key": c.ascii("an MCP header")}}, who)
	c.ok(t, "createMCPServer", "POST", "/v1/mcp-servers", api.MCPServerCreate{Name: "local", Transport: "stdio", Command: "npx", Env: map[string]api.Value{"KEY": c.ascii("an MCP variable")}}, who)
	c.ok(t, "listMCPServers", "GET", "/v1/mcp-servers", nil, who)
	c.ok(t, "getMCPServer", "GET", "/v1/mcp-servers/remote", nil, who)
	other := c.ascii("another MCP token")
	c.ok(t, "updateMCPServer", "PATCH", "/v1/mcp-servers/remote", api.MCPServerUpdate{Token: &other}, who, whichever())
}

func (c *canaryRun) people(t *testing.T) {
	t.Helper()
	who, mail := as(c.admin.token), "dora@example.org"
	c.ok(t, "createUser", "POST", "/v1/users", api.UserCreate{Name: "dora"}, who)
	c.ok(t, "listUsers", "GET", "/v1/users", nil, who)
	c.ok(t, "getUser", "GET", "/v1/users/dora", nil, who)
	c.ok(t, "updateUser", "PATCH", "/v1/users/dora", api.UserUpdate{Email: &mail}, who, whichever())
}

func (c *canaryRun) workspaces(t *testing.T) {
	t.Helper()
	who := as(c.alice.token)
	var made api.WorkspaceCreated
	c.ok(t, "createWorkspace", "POST", "/v1/workspaces", api.WorkspaceCreate{Gateway: true, Seconds: 3600}, who).into(t, &made)
	c.keeps("a session key", key(made.SessionKey))
	c.keeps("a gateway key", key(made.GatewayKey))
	c.ok(t, "listWorkspaces", "GET", "/v1/workspaces", nil, who)
	c.ok(t, "getWorkspace", "GET", "/v1/workspaces/"+made.ID, nil, who)
	c.ok(t, "updateWorkspace", "PATCH", "/v1/workspaces/"+made.ID, api.WorkspaceUpdate{Labels: &map[string]string{"team": "web"}}, who, whichever())
	var anew api.WorkspaceCreated
	c.ok(t, "rotateWorkspace", "POST", "/v1/workspaces/"+made.ID+"/rotate", nil, who, whichever()).into(t, &anew)
	c.session, c.gateway, c.workspaceID = key(anew.SessionKey), key(anew.GatewayKey), made.ID
	c.keeps("a session key that replaced it", c.session)
	c.keeps("a gateway key that replaced it", c.gateway)
}

// fromInside is what a workspace does. It is for values that its answers hold.
func (c *canaryRun) fromInside(t *testing.T) {
	t.Helper()
	who := as(c.session)
	c.ok(t, "getManifest", "GET", "/v1/workspace/manifest", nil, who, shows("a replaced ENV", "FILE", "a replaced SHARED")) // what is delivered by variable and file
	c.ok(t, "listLookups", "GET", "/v1/workspace/secrets", nil, who)
	c.ok(t, "lookupSecret", "GET", "/v1/workspace/secrets/LOOKUP", nil, who, shows("LOOKUP")) // what a lookup is for
	c.ok(t, "reportDeliveries", "POST", "/v1/workspace/report", api.Report{Version: 1, Outcomes: []api.Outcome{{Secret: "ENV", Delivery: "env", Target: "CNRY_ENV", State: "delivered"}}}, who)
	c.ok(t, "renewWorkspace", "POST", "/v1/workspace/renew", nil, who)
}

func (c *canaryRun) launchers(t *testing.T) {
	t.Helper()
	who, all := as(launcherKey()), "/v1/users/alice/workspaces"
	var made, anew api.WorkspaceCreated
	c.ok(t, "createUserWorkspace", "POST", all, api.WorkspaceCreate{Gateway: true}, who).into(t, &made)
	c.keeps("a launched session key", key(made.SessionKey))
	c.keeps("a launched gateway key", key(made.GatewayKey))
	c.ok(t, "listUserWorkspaces", "GET", all, nil, who)
	c.ok(t, "getUserWorkspace", "GET", all+"/"+made.ID, nil, who)
	c.ok(t, "updateUserWorkspace", "PATCH", all+"/"+made.ID, api.WorkspaceUpdate{Labels: &map[string]string{"task": "x"}}, who, whichever())
	c.ok(t, "rotateUserWorkspace", "POST", all+"/"+made.ID+"/rotate", nil, who, whichever()).into(t, &anew)
	c.keeps("a launched session key that replaced it", key(anew.SessionKey))
	c.keeps("a launched gateway key that replaced it", key(anew.GatewayKey))
	c.ok(t, "endUserWorkspace", "DELETE", all+"/"+made.ID, nil, who, whichever())
}

// pagesForPeople visits every page.
func (c *canaryRun) pagesForPeople(t *testing.T) {
	t.Helper()
	asked := c.stepUp(t, c.alice.reveal, "LOOKUP")
	for _, path := range []string{"/", "/docs", "/style.css", "/device", "/sessions", "/step-up/" + asked.ID, "/signin/x", "/none", "/healthz", "/readyz"} {
		for _, change := range []how{c.inBrowser(c.alice), toHost(c.hostOfPages()), with("Accept-Language", "de")} {
			c.ask(t, "GET", path, nil, change)
		}
	}
	link, _ := c.links(t, "alice")
	c.keeps("a link for the last page", link[strings.LastIndexByte(link, '/')+1:])
	c.ask(t, "POST", link[len(c.pages):], "", form(), toHost(c.hostOfPages()), with("Origin", c.pages)).want(t, "a link", 303, "")
}

// throughTheGateway has it answer well, fail over, fail, stream and be wrong.
func (c *canaryRun) throughTheGateway(t *testing.T) {
	t.Helper()
	c.throughGateway(t, c.gateway).want(t, "failing over from a key that is dead", 200, "")
	stream := strings.Replace(hello, "{", `{"stream":true,`, 1)
	c.must(t, "POST", "/p/anthropic/default/v1/messages", stream, with("X-Api-Key", c.gateway))
	inQuery := "?key=" + url.QueryEscape(c.gateway)
	c.ask(t, "POST", "/p/anthropic/default/v1/messages"+inQuery, hello).want(t, "a key where no client of the provider's sends it", 401, "")
	c.ask(t, "POST", "/p/google/default/v1beta/models/m:generateContent"+inQuery, hello).want(t, "a key in the query, and no account", 503, "")
	for _, b := range []keyfobtest.Behaviour{keyfobtest.Overloaded(), keyfobtest.NoCredit(), keyfobtest.Redirect("https://evil.example/" + wrongName), keyfobtest.Drop(keyfobtest.AfterRequest)} {
		c.provider.Set(aliceKey, b)
		c.provider.Set(orgKey, b)
		c.throughGateway(t, c.gateway)
		c.must(t, "POST", "/v1/accounts/anthropic/default/work/clear", nil, as(c.alice.token))
		c.must(t, "POST", "/v1/org/accounts/anthropic/default/work/clear", nil, as(c.admin.token))
	}
	c.provider.Set(aliceKey, keyfobtest.OK())
	for _, change := range []how{as(wrongValue), with("X-Api-Key", wrongValue), with("X-Api-Key", wrongValue, "X-Goog-Api-Key", wrongValue), with("X-Api-Key", c.session)} {
		c.ask(t, "POST", "/p/anthropic/default/v1/messages?key="+wrongValue, hello, change).want(t, "no gateway key", 401, "")
		c.ask(t, "POST", "/p/"+wrongName+"/"+wrongName+"/"+wrongName, hello, change)
	}
}

// remove takes everything away again, by the routes for that.
func (c *canaryRun) remove(t *testing.T) {
	t.Helper()
	c.ok(t, "listAudit", "GET", "/v1/audit?limit=1000", nil, as(c.alice.token))
	c.ok(t, "orgListAudit", "GET", "/v1/org/audit?limit=1000", nil, as(c.admin.token))
	for id, path := range map[string]string{"verifyAudit": "/v1/audit/verify", "exportAudit": "/v1/audit/export", "getAuditKey": "/v1/audit/key", "getVault": "/v1/vault", "verifyVault": "/v1/vault/verify"} {
		got := c.ok(t, id, "GET", path, nil, as(c.admin.token))
		if strings.Contains(string(got.body), `"ok":false`) {
			t.Errorf("%s: %v", id, got)
		}
	}
	alice, admin := as(c.alice.token), as(c.admin.token)
	for _, d := range []struct {
		id, path string
		who      how
	}{
		{"deleteProfile", "/v1/profiles/usual", alice}, {"deleteMCPServer", "/v1/mcp-servers/remote", alice}, {"deleteAccount", "/v1/accounts/anthropic/default/dead", alice},
		{"orgDeleteAccount", "/v1/org/accounts/anthropic/default/dead", admin}, {"deleteSecret", "/v1/secrets/FILE", alice}, {"orgDeleteSecret", "/v1/org/secrets/APPLIED", admin},
		{"leaveWorkspace", "/v1/workspace", as(c.session)},
	} {
		c.ok(t, d.id, "DELETE", d.path, nil, d.who, whichever())
	}
	last := c.workspace(t, c.alice, api.WorkspaceCreate{})
	c.ok(t, "endWorkspace", "DELETE", "/v1/workspaces/"+last.ID, nil, alice, whichever())
	yes := true
	c.must(t, "PATCH", "/v1/users/alice", api.UserUpdate{Disabled: &yes}, admin, whichever())
	c.ask(t, "GET", "/v1/me", nil, alice).want(t, "somebody who is disabled", 401, "")
}

package client_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/client"
)

// operation is one of the API's document.
type operation struct {
	Parameters []struct {
		Name string `json:"name"`
		In   string `json:"in"`
	} `json:"parameters"`
}

func (o operation) header(name string) bool {
	for _, p := range o.Parameters {
		if p.In == "header" && strings.EqualFold(p.Name, name) {
			return true
		}
	}
	return false
}

// documented is the API's operations by "METHOD /path".
func documented(t *testing.T) map[string]operation {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "docs", "reference", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	out := map[string]operation{}
	for path, methods := range doc.Paths {
		for method, raw := range methods {
			var o operation
			if method == "parameters" || json.Unmarshal(raw, &o) != nil {
				continue
			}
			out[strings.ToUpper(method)+" "+path] = o
		}
	}
	if len(out) < 50 {
		t.Fatalf("only %d operations in the document", len(out))
	}
	return out
}

// anything answers every request with what fits most types.
type anything struct{ got []*http.Request }

func (a *anything) RoundTrip(r *http.Request) (*http.Response, error) {
	a.got = append(a.got, r)
	return reply(http.StatusOK, "{}"), nil
}

func TestTheClientHasEveryRoute(t *testing.T) {
	docs := documented(t)
	s := &anything{}
	callAll(t, s)
	used := map[string]bool{}
	for _, r := range s.got {
		name := operationOf(docs, r)
		if name == "" {
			t.Errorf("%s %s is no route of the document", r.Method, r.URL.Path)
			continue
		}
		used[name] = true
		for _, h := range []string{"If-Match", "Idempotency-Key"} {
			if docs[name].header(h) && r.Header.Get(h) == "" {
				t.Errorf("%s goes without %s", name, h)
			}
			if !docs[name].header(h) && r.Header.Get(h) != "" {
				t.Errorf("%s takes no %s", name, h)
			}
		}
	}
	for name := range docs {
		if !used[name] {
			t.Errorf("the client has no method for %s", name)
		}
	}
}

// operationOf prefers a path without parameters.
func operationOf(docs map[string]operation, r *http.Request) string {
	exact := r.Method + " " + r.URL.Path
	if _, ok := docs[exact]; ok {
		return exact
	}
	for name := range docs {
		pattern := "^" + regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(name), "[^/]+") + "$"
		if regexp.MustCompile(pattern).MatchString(exact) {
			return name
		}
	}
	return ""
}

// callAll calls every method; what comes back is of no interest here.
func callAll(t *testing.T, s http.RoundTripper) {
	t.Helper()
	ctx := t.Context()
	o := client.Options{BaseURL: "http://x.test", Transport: s}
	c := client.New(o)
	callRecords(ctx, c)
	callRecords(ctx, c.Org())
	callPlaces(ctx, c)
	callPlaces(ctx, c.For("u"))
	callPerson(ctx, c)
	callModels(ctx, c)
	callAdmin(ctx, c)
	w := client.NewWorkspace(o)
	_, _ = w.Manifest(ctx)
	_, _ = w.Lookups(ctx)
	_, _ = w.Lookup(ctx, "n")
	_ = w.Report(ctx, api.Report{})
	_, _ = w.Renew(ctx)
	_ = w.Leave(ctx)
}

func callRecords(ctx context.Context, c *client.Client) {
	ref := client.AccountRef{Provider: "p", Label: "l"}
	_, _ = c.ListSecrets(ctx)
	_, _ = c.CreateSecret(ctx, api.SecretCreate{})
	_, _ = c.GetSecret(ctx, "n")
	_, _ = c.UpdateSecret(ctx, "n", api.SecretUpdate{}, client.Any)
	_ = c.DeleteSecret(ctx, "n", client.Any)
	_, _ = c.RevealSecret(ctx, "n", api.RevealRequest{})
	_, _ = c.ImportSecrets(ctx, api.SecretImport{})
	_, _ = c.ListAccounts(ctx)
	_, _ = c.CreateAccount(ctx, api.AccountCreate{})
	_, _ = c.GetAccount(ctx, ref)
	_, _ = c.UpdateAccount(ctx, ref, api.AccountUpdate{}, client.Any)
	_ = c.DeleteAccount(ctx, ref, client.Any)
	_ = c.ClearAccount(ctx, ref)
	_, _ = c.TestAccount(ctx, ref)
	_, _ = c.ListPools(ctx)
	_, _ = c.GetPool(ctx, "p", "")
	_, _ = c.UpdatePool(ctx, "p", "", api.PoolUpdate{}, client.Any)
	_, _ = c.ListUsage(ctx, client.UsageQuery{By: "day"})
	_, _ = c.AuditPage(ctx, client.Page{Limit: 3})
}

func callPlaces(ctx context.Context, c *client.Client) {
	_, _ = c.ListWorkspaces(ctx)
	_, _ = c.CreateWorkspace(ctx, api.WorkspaceCreate{})
	_, _ = c.GetWorkspace(ctx, "i")
	_, _ = c.UpdateWorkspace(ctx, "i", api.WorkspaceUpdate{}, client.Any)
	_, _ = c.RotateWorkspace(ctx, "i", client.Any)
	_ = c.EndWorkspace(ctx, "i", client.Any)
}

func callPerson(ctx context.Context, c *client.Client) {
	_, _ = c.Me(ctx)
	_, _ = c.StartLogin(ctx, api.DeviceStart{})
	_, _ = c.Login(ctx, api.LoginRequest{})
	_, _ = c.ListTokens(ctx)
	_, _ = c.CreateToken(ctx, api.TokenCreate{})
	_ = c.DeleteToken(ctx, "i")
	_, _ = c.ListSessions(ctx)
	_ = c.DeleteSession(ctx, "i")
	_, _ = c.ListLaunchers(ctx)
	_, _ = c.Shared(ctx)
	_, _ = c.AskStepUp(ctx, api.StepUpAsk{})
	_, _ = c.AskTokenStepUp(ctx, api.TokenAsk{})
	_, _ = c.GetStepUp(ctx, "i")
	_, _ = c.DecideStepUp(ctx, "i", true)
	_, _ = c.DecideStepUp(ctx, "i", false)
}

func callModels(ctx context.Context, c *client.Client) {
	_, _ = c.ListProviders(ctx)
	_, _ = c.GetProvider(ctx, "p")
	_, _ = c.ListProfiles(ctx)
	_, _ = c.CreateProfile(ctx, api.ProfileCreate{})
	_, _ = c.GetProfile(ctx, "n")
	_, _ = c.UpdateProfile(ctx, "n", api.ProfileUpdate{}, client.Any)
	_ = c.DeleteProfile(ctx, "n", client.Any)
	_, _ = c.UseProfile(ctx, "n")
	_, _ = c.ListMCPServers(ctx)
	_, _ = c.CreateMCPServer(ctx, api.MCPServerCreate{})
	_, _ = c.GetMCPServer(ctx, "n")
	_, _ = c.UpdateMCPServer(ctx, "n", api.MCPServerUpdate{}, client.Any)
	_ = c.DeleteMCPServer(ctx, "n", client.Any)
}

func callAdmin(ctx context.Context, c *client.Client) {
	_, _ = c.ListUsers(ctx)
	_, _ = c.CreateUser(ctx, api.UserCreate{})
	_, _ = c.GetUser(ctx, "n")
	_, _ = c.UpdateUser(ctx, "n", api.UserUpdate{}, client.Any)
	_, _ = c.Status(ctx, time.Time{})
	_, _ = c.VerifyAudit(ctx)
	_, _ = c.AuditKey(ctx)
	_ = c.ExportAudit(ctx, io.Discard)
	_, _ = c.ApplyOrg(ctx, api.OrgApply{})
	_, _ = c.Vault(ctx)
	_, _ = c.VerifyValues(ctx)
	_, _ = c.OpenAPI(ctx)
	ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	for range c.Events(ctx, "1") {
		break // the stream ends at once, and is asked for again until ctx is over
	}
}

//go:build linux

package attack

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// schema is the part of the document by which bodies are made.
type schema struct {
	Ref        string `json:"$ref"`
	Properties map[string]json.RawMessage
}

// forms are the bodies of the document: their schemas by operation.
func (c *canaryRun) forms(t *testing.T) (bodies map[string]*schema, named map[string]*schema) {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			RequestBody struct {
				Content map[string]struct{ Schema *schema }
			}
		}
		Components struct {
			Schemas map[string]*schema
		}
	}
	c.ask(t, "GET", "/openapi.json", nil).into(t, &doc)
	bodies = map[string]*schema{}
	for _, methods := range doc.Paths {
		for _, o := range methods {
			for _, content := range o.RequestBody.Content {
				bodies[o.OperationID] = content.Schema
			}
		}
	}
	return bodies, doc.Components.Schemas
}

// wrong sends each operation what is wrong, with a value in every input that
// there is. None may come back, be it to whoever sent it: an error is copied into
// tickets and transcripts.
func (c *canaryRun) wrong(t *testing.T) {
	t.Helper()
	bodies, named := c.forms(t)
	if len(bodies) < 20 || len(named) < 30 {
		t.Fatalf("the document has %d bodies and %d schemas, so this would be blind", len(bodies), len(named))
	}
	for _, o := range c.all {
		if o.id == "followEvents" {
			c.ask(t, "GET", o.path+"?after="+wrongValue, nil, as(c.alice.token), with("Last-Event-ID", wrongValue), kept()).want(t, o.id, 400, "")
			continue
		}
		c.wrongProofs(t, o)
		c.wrongInputs(t, o)
		if form := bodies[o.id]; form != nil {
			for _, body := range wrongBodies(form, named) {
				got := c.ask(t, o.method, o.some(), []byte(body), c.whoMay(o), with("If-Match", `"v99"`), kept())
				if got.status < 400 {
					t.Errorf("%s took %.200s: %v", o.id, body, got)
				}
			}
		}
	}
}

// whoMay is a proof with which an operation gets as far as its inputs.
func (c *canaryRun) whoMay(o operation) how {
	switch {
	case o.id == "leaveWorkspace":
		return as(c.gateway) // what is good would end it, whatever else it says
	case o.id == "getManifest":
		return func(r *request) { as(c.session)(r); shows("a replaced ENV", "FILE", "a replaced SHARED")(r) } // it reads no inputs
	case strings.HasPrefix(o.path, "/v1/workspace/"):
		return as(c.session)
	case strings.HasPrefix(o.path, "/v1/users/{user}/"):
		return func(r *request) {
			as(launcherKey())(r)
			r.URL.Opaque = strings.Replace(r.URL.Opaque, "/v1/users/x/", "/v1/users/alice/", 1)
		}
	case strings.HasSuffix(o.path, "/reveal") || strings.HasPrefix(o.path, "/v1/step-ups"):
		return as(c.alice.reveal)
	case strings.HasPrefix(o.path, "/v1/login/"):
		return with()
	}
	return as(c.admin.token)
}

func (c *canaryRun) wrongProofs(t *testing.T, o operation) {
	t.Helper()
	if o.path == "/openapi.json" || strings.HasPrefix(o.path, "/v1/login/") {
		return
	}
	for name, change := range map[string]how{
		"a token": as(wrongValue), "a token in form": as("kfp_" + wrongValue), "a session key": as("kfs_" + wrongValue), "a password": with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("x:"+wrongValue))),
		"a scheme": with("Authorization", wrongValue), "a key": with("X-Session-API-Key", wrongValue), "several": with("X-Session-API-Key", wrongValue, "Authorization", "Bearer "+wrongValue),
		"a cookie": with("Cookie", "__Host-keyfob="+wrongValue), "a proxy": with("Keyfob-Proxy-Secret", wrongValue, "X-User", wrongValue, "X-Email", wrongValue), "a host": toHost(wrongName + ".example"),
		"an origin": with("Cookie", c.alice.cookie, "Origin", "https://"+wrongName+".example"),
	} {
		if got := c.ask(t, o.method, o.some(), nil, change); got.status < 400 && (name != "an origin" || o.method != "GET") {
			t.Errorf("%s with %s: %v", o.id, name, got)
		}
	}
}

func (c *canaryRun) wrongInputs(t *testing.T, o operation) {
	t.Helper()
	who := c.whoMay(o)
	headers := with("If-Match", wrongValue, "Idempotency-Key", wrongValue+" with spaces", "If-None-Match", wrongValue, "User-Agent", wrongName, "Referer", "https://"+wrongName, "Traceparent", wrongName, "Baggage", "x="+wrongName)
	at := o.some()
	c.ask(t, o.method, at, "{}", who, headers, with("Content-Encoding", wrongName), kept())
	c.ask(t, o.method, at, "{}", who, with("Content-Type", wrongName), kept())
	for _, q := range []string{"limit=" + wrongValue, "cursor=" + wrongValue, "since=" + wrongValue, "by=" + wrongValue, "ended=" + wrongValue, "label=" + wrongName + "%3d%3d", "%zz=" + wrongValue, "x=" + wrongValue} {
		if got := c.ask(t, o.method, at+"?"+q, "{}", who, whichever(), kept()); got.status < 400 {
			t.Errorf("%s with %s: %v", o.id, q, got)
		}
	}
	c.ask(t, o.method, at+"?"+wrongName+"=1", "{}", who, kept())
	c.ask(t, o.method, pathParameter.ReplaceAllString(o.path, wrongName), "{}", who, with("If-Match", `"v99"`), kept())
}

// wrongBodies are bodies that hold a value, each at another place, none of which
// can be.
func wrongBodies(form *schema, named map[string]*schema) []string {
	text := `"` + wrongValue + `"`
	coded := `"` + base64.StdEncoding.EncodeToString([]byte(wrongValue)) + `"`
	out := []string{text, coded, "[" + text + "]", "{" + text, "{" + text + ":1}", `{"x":` + text + "}", text[1:], `{"value":` + text + `,"value":` + text + "}", "{}" + text}
	for form.Ref != "" {
		form = named[form.Ref[strings.LastIndexByte(form.Ref, '/')+1:]]
	}
	for name := range form.Properties {
		if name == "client" {
			continue // what a command line calls itself: any text, which people are shown
		}
		text := text
		if spokenField(name) {
			text = `"` + wrongName + `"`
		}
		wrongValue := strings.Trim(text, `"`)
		for _, v := range []string{
			"[" + text + "]", "{" + text + ":" + text + "}", "{" + text + ":{" + text + ":" + text + "}}", "[[" + text + "]]", "[{" + text + ":" + text + "}]", `"\n` + wrongValue + `\u0000"`, text + text,
			`"` + strings.Repeat(wrongValue, 2000) + `"`, `[{"name":"A","value":` + text + `,"env":"PATH"}]`, `{"secrets":[{"name":"A","env":"PATH","value":` + coded + `}],"accounts":[{"provider":"anthropic","label":"!","key":` + coded + `}]}`,
		} {
			out = append(out, fmt.Sprintf(`{%q:%s}`, name, v))
		}
	}
	return append(out, wrongValues(text, coded)...)
}

// spokenField says whether an error repeats, to whoever sent it, what stands in a
// field though it cannot be: parts of an account's reference and words of a fixed
// set, which nobody keeps a value in and which people must see to mend them.
func spokenField(name string) bool {
	return slices.Contains([]string{"label", "namespace", "quota_group", "format"}, name)
}

// wrongValues are whole bodies of what takes values, wrong in some other part.
func wrongValues(text, coded string) []string {
	bad := base64.StdEncoding.EncodeToString([]byte("A=" + wrongValue + "\nno entry " + wrongValue + "\n{\"" + wrongValue))
	return []string{
		`{"name":"A","value":` + coded + `,"env":"PATH"}`, `{"name":"A/B","value":` + coded + `}`, `{"name":"A","value":` + coded + `,"file":"/etc/passwd\u0000"}`, `{"value":` + coded + `,"env":"LD_PRELOAD"}`,
		`{"format":"env","content":"` + bad + `"}`, `{"format":"json","content":"` + bad + `"}`, `{"format":"yaml","content":"` + bad + `"}`,
		`{"provider":"nosuch","label":"A","key":` + coded + `}`, `{"provider":"anthropic","label":"A","key":"` + base64.StdEncoding.EncodeToString([]byte(wrongValue+"\n"+wrongValue)) + `"}`,
		`{"provider":"anthropic","label":"A","key":` + coded + `,"base_url":"http://user:` + wrongValue + `@127.0.0.1"}`, `{"base_url":"https://user:` + wrongValue + `@evil.example/?` + wrongValue + `","key":` + coded + `}`,
		`{"name":"A","transport":"http","url":"https://user:` + wrongValue + `@mcp.example/?token=` + wrongValue + `","token":` + coded + `}`,
		`{"name":"A","transport":"stdio","command":"x","token":` + coded + `}`, `{"name":"A","transport":"http","url":"https://mcp.example","headers":{"Content-Length":` + coded + `}}`, `{"name":"A","transport":"stdio","command":"x","env":{"A B":` + coded + `}}`,
		`{"spec":{"secrets":[{"name":"A","value":` + coded + `,"file":"~/.bashrc"}]}}`, `{"spec":{"accounts":[{"provider":"anthropic","label":"A","key":` + coded + `,"base_url":"http://127.0.0.1"}]}}`,
		`{"code":` + coded + `}`, `{"device_code":` + coded + `}`, `{"code":` + coded + `,"device_code":` + coded + `}`, `{"code":` + text + `}`, `{"step_up":` + text + `}`, `{"confirm":` + text + `}`, `{"secret":` + text + `,"org":1}`,
		`{"name":` + text + `,"scopes":[` + text + `]}`, `{"name":"x","email":` + text + `,"role":` + text + `}`, `{"version":1,"outcomes":[{"delivery":` + text + `,"state":` + text + `}]}`,
	}
}

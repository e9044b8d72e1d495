package llm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/llm"
	"keyfob/internal/secret"
)

func remote(name string) llm.NewMCPServer {
	return llm.NewMCPServer{Name: name, Transport: core.MCPHTTP, URL: "https://mcp.example.com/v1", Token: val("tok-1"), Headers: vals("X-Key", "head-1", "X-Team", "head-2")}
}

func local(name string) llm.NewMCPServer {
	return llm.NewMCPServer{Name: name, Transport: core.MCPStdio, Command: "npx", Args: []string{"-y", "@acme/mcp"}, Env: vals("ACME_TOKEN", "env-1")}
}

func (f fixture) server(t *testing.T, in llm.NewMCPServer) core.MCPServer {
	t.Helper()
	m, err := f.CreateMCP(t.Context(), me, in)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (f fixture) is(t *testing.T, want core.MCPServer, text string) {
	t.Helper()
	got, err := f.MCPServer(t.Context(), me, want.Name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := f.opened(t, me, want.Name); got != text {
		t.Errorf("sealed is %s, want %s", got, text)
	}
}

const (
	remoteText = `{"token":"dG9rLTE=","headers":{"X-Key":"aGVhZC0x","X-Team":"aGVhZC0y"}}`
	localText  = `{"env":{"ACME_TOKEN":"ZW52LTE="}}`
)

func TestMCPServerIsKept(t *testing.T) {
	f := newFixture(t)
	r := f.server(t, remote("web"))
	if !r.HasToken || !cmp.Equal(r.Headers, []string{"X-Key", "X-Team"}) || !r.Enabled || r.Version != 1 {
		t.Errorf("%+v", r)
	}
	f.is(t, r, remoteText)
	f.is(t, f.server(t, local("cmd")), localText)
	bare := llm.NewMCPServer{Name: "bare", Transport: core.MCPSSE, URL: "http://127.0.0.1:8080/sse", Timeout: 3600, Disabled: true}
	f.is(t, f.server(t, bare), "")
	list, err := f.MCPServers(t.Context(), me)
	if err != nil || len(list) != 3 || list[0].Name != "bare" || list[2].Name != "web" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := f.DeleteMCP(t.Context(), me, "web", 1); err != nil {
		t.Fatal(err)
	}
}

func TestMCPEditOfValues(t *testing.T) {
	f := newFixture(t)
	f.server(t, remote("web"))
	got, err := f.UpdateMCP(t.Context(), me, "web", llm.MCPEdit{Headers: map[string]*secret.Secret{"X-Key": nil, "X-New": to(val("new"))}}, 1)
	if err != nil || !cmp.Equal(got.Headers, []string{"X-New", "X-Team"}) || !got.HasToken || got.Version != 2 || got.ValueVersion != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	f.is(t, got, `{"token":"dG9rLTE=","headers":{"X-New":"bmV3","X-Team":"aGVhZC0y"}}`)
	got, err = f.UpdateMCP(t.Context(), me, "web", llm.MCPEdit{Token: &secret.Secret{}, Headers: map[string]*secret.Secret{"X-New": nil, "X-Team": nil}}, 0)
	if err != nil || got.HasToken || len(got.Headers) > 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	f.is(t, got, "")
	got, err = f.UpdateMCP(t.Context(), me, "web", llm.MCPEdit{URL: to("https://elsewhere.example.com/"), Enabled: to(false), Timeout: to(9)}, 0)
	if err != nil || got.Enabled || got.Timeout != 9 {
		t.Errorf("without values it may go anywhere: %+v, %v", got, err)
	}
	f.is(t, got, "")
}

func TestMCPEditOfTheRest(t *testing.T) {
	f := newFixture(t)
	f.server(t, remote("web"))
	got, err := f.UpdateMCP(t.Context(), me, "web", llm.MCPEdit{URL: to("https://mcp.example.com:443/v2"), Timeout: to(5)}, 0)
	if err != nil || got.ValueVersion != 1 || got.URL != "https://mcp.example.com:443/v2" {
		t.Fatalf("another path of the same origin: %+v, %v", got, err)
	}
	f.is(t, got, remoteText)
	_, err = f.UpdateMCP(t.Context(), me, "web", llm.MCPEdit{Timeout: to(6)}, 1)
	stale(t, err)
	stale(t, f.DeleteMCP(t.Context(), me, "web", 1))
	_, err = f.UpdateMCP(t.Context(), me, "web", llm.MCPEdit{}, 0)
	wants(t, err, core.Invalid, "")
	_, err = f.UpdateMCP(t.Context(), me, "none", llm.MCPEdit{Timeout: to(6)}, 0)
	wants(t, err, core.NotFound, "name")
}

// Story: somebody has a token that may write records but not reveal values. They
// point a server at a host of theirs, or let its command print its environment,
// and wait for the values to come. No such edit is taken unless it brings each
// value itself.
func TestValuesDoNotFollowToAnotherPlace(t *testing.T) {
	f := newFixture(t)
	web, cmd := f.server(t, remote("web")), f.server(t, local("cmd"))
	refused := func(name string, e llm.MCPEdit, names ...string) {
		t.Helper()
		_, err := f.UpdateMCP(t.Context(), me, name, e, 0)
		got, ok := errors.AsType[*core.Error](err)
		if !ok || got.Reason != "values_needed" {
			t.Errorf("%s: %v", name, err)
			return
		}
		var missing []string
		for _, d := range got.Details {
			missing = append(missing, d.Message)
		}
		if diff := cmp.Diff(names, missing); diff != "" {
			t.Error(diff)
		}
	}
	for _, url := range []string{"https://eve.example.com/v1", "https://mcp.example.com:8443/v1", "http://127.0.0.1/", "https://mcp.example.com.eve.example/v1"} {
		refused("web", llm.MCPEdit{URL: to(url)}, "the token", "X-Key", "X-Team")
	}
	refused("web", llm.MCPEdit{URL: to("https://eve.example.com"), Token: to(val("t")), Headers: map[string]*secret.Secret{"X-Key": to(val("h")), "X-Other": to(val("h"))}}, "X-Team")
	refused("cmd", llm.MCPEdit{Command: to("sh")}, "ACME_TOKEN")
	refused("cmd", llm.MCPEdit{Args: to([]string{"-y", "@eve/mcp"})}, "ACME_TOKEN")
	refused("cmd", llm.MCPEdit{Args: to([]string{}), Env: map[string]*secret.Secret{"OTHER": to(val("x"))}}, "ACME_TOKEN")
	f.is(t, web, remoteText)
	f.is(t, cmd, localText)

	got, err := f.UpdateMCP(t.Context(), me, "web", llm.MCPEdit{
		URL: to("https://new.example.com"), Token: to(val("tok-2")), Headers: map[string]*secret.Secret{"X-Key": nil, "X-Team": nil},
	}, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.is(t, got, `{"token":"dG9rLTI="}`)
	got, err = f.UpdateMCP(t.Context(), me, "cmd", llm.MCPEdit{Command: to("uvx"), Env: map[string]*secret.Secret{"ACME_TOKEN": to(val("2"))}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.is(t, got, `{"env":{"ACME_TOKEN":"Mg=="}}`)
}

func TestMCPServersThatCannotBe(t *testing.T) {
	f := newFixture(t)
	with := func(base llm.NewMCPServer, change func(*llm.NewMCPServer)) llm.NewMCPServer {
		change(&base)
		return base
	}
	web := func(change func(*llm.NewMCPServer)) llm.NewMCPServer { return with(remote("a"), change) }
	cmd := func(change func(*llm.NewMCPServer)) llm.NewMCPServer { return with(local("a"), change) }
	url := func(u string) llm.NewMCPServer { return web(func(m *llm.NewMCPServer) { m.URL = u }) }
	header := func(pairs ...string) llm.NewMCPServer {
		return web(func(m *llm.NewMCPServer) { m.Headers = vals(pairs...) })
	}
	env := func(pairs ...string) llm.NewMCPServer {
		return cmd(func(m *llm.NewMCPServer) { m.Env = vals(pairs...) })
	}
	many := make([]string, 0, 130)
	for i := range 65 {
		many = append(many, fmt.Sprintf("N%d", i), "v")
	}
	for field, bad := range map[string][]llm.NewMCPServer{
		"name":            {web(func(m *llm.NewMCPServer) { m.Name = "" }), web(func(m *llm.NewMCPServer) { m.Name = "a/b" })},
		"transport":       {web(func(m *llm.NewMCPServer) { m.Transport = "" }), web(func(m *llm.NewMCPServer) { m.Transport = "ws" })},
		"timeout_seconds": {web(func(m *llm.NewMCPServer) { m.Timeout = -1 }), cmd(func(m *llm.NewMCPServer) { m.Timeout = 3601 })},
		"url": {url(""), url("ftp://x"), url("http://mcp.example.com"), url("http://10.0.0.1"), url("http://localhost.example.com"), url("https://u:p@x.example"), url("https://x.example/#f"),
			url("https://x.example/?api_key=1"), url("https://x.example/?a=1&Access-Token=2"), url("https://x.example/" + strings.Repeat("a", 2048)), url("https://ex\u00e4mple.com"), url("https:///x"), url("//x"),
			cmd(func(m *llm.NewMCPServer) { m.URL = "https://x.example" })},
		"command": {web(func(m *llm.NewMCPServer) { m.Command = "x" }), cmd(func(m *llm.NewMCPServer) { m.Command = "" }), cmd(func(m *llm.NewMCPServer) { m.Command = "a\x00" }),
			cmd(func(m *llm.NewMCPServer) { m.Command = strings.Repeat("x", 4097) })},
		"args": {web(func(m *llm.NewMCPServer) { m.Args = []string{"x"} }), cmd(func(m *llm.NewMCPServer) { m.Args = make([]string, 65) }),
			cmd(func(m *llm.NewMCPServer) { m.Args = []string{strings.Repeat("x", 8<<10+1)} }), cmd(func(m *llm.NewMCPServer) { m.Args = []string{"\x00"} }), cmd(func(m *llm.NewMCPServer) { m.Args = []string{"\xff"} })},
		"token": {cmd(func(m *llm.NewMCPServer) { m.Token = val("x") }), web(func(m *llm.NewMCPServer) { m.Token = val("a\r\nb") }), web(func(m *llm.NewMCPServer) { m.Token = val(strings.Repeat("x", 8<<10+1)) })},
		"headers": {cmd(func(m *llm.NewMCPServer) { m.Headers = vals("X", "y") }), header("X Y", "v"), header("", "v"), header("X:", "v"), header("X", ""), header("X", "a\nb"), header("X", "a\x00"), header("Host", "v"),
			header("transfer-encoding", "v"), header("Authorization", "v"), header("X-A", "1", "x-a", "2"), header(many...), header("X", strings.Repeat("v", 8<<10+1))},
		"env": {web(func(m *llm.NewMCPServer) { m.Env = vals("X", "y") }), env("1X", "v"), env("A=B", "v"), env("", "v"), env("X", ""), env("X", "a\x00"), env(many...), env("X", strings.Repeat("v", 32<<10+1))},
	} {
		for i, in := range bad {
			_, err := f.CreateMCP(t.Context(), me, in)
			if wants(t, err, core.Invalid, field); t.Failed() {
				t.Fatalf("%s, number %d", field, i)
			}
		}
	}
	if got := f.Acts(t); got != nil {
		t.Errorf("what cannot be left entries: %q", got)
	}
	f.server(t, env("X", "line\nline"))
	_, err := f.CreateMCP(t.Context(), me, remote("a"))
	wants(t, err, core.Conflict, "name")
}

// What an edit makes of a server is held to the same rules.
func TestMCPEditsThatCannotBe(t *testing.T) {
	f := newFixture(t)
	web, cmd := f.server(t, remote("web")), f.server(t, local("cmd"))
	for _, c := range []struct {
		name, field string
		e           llm.MCPEdit
	}{
		{"web", "url", llm.MCPEdit{URL: to("https://mcp.example.com/#x")}},
		{"web", "command", llm.MCPEdit{Command: to("sh")}},
		{"web", "env", llm.MCPEdit{Env: map[string]*secret.Secret{"A": to(val("b"))}}},
		{"web", "timeout_seconds", llm.MCPEdit{Timeout: to(-1)}},
		{"web", "headers", llm.MCPEdit{Headers: map[string]*secret.Secret{"Host": to(val("b"))}}},
		{"web", "headers", llm.MCPEdit{Headers: map[string]*secret.Secret{"authorization": to(val("b"))}}},
		{"cmd", "token", llm.MCPEdit{Token: to(val("b"))}},
		{"cmd", "url", llm.MCPEdit{URL: to("https://x.example")}},
		{"cmd", "env", llm.MCPEdit{Env: map[string]*secret.Secret{"A": to(val(""))}}},
	} {
		_, err := f.UpdateMCP(t.Context(), me, c.name, c.e, 0)
		wants(t, err, core.Invalid, c.field)
	}
	f.is(t, web, remoteText)
	f.is(t, cmd, localText)
}

func TestMCPServersAreTheOwners(t *testing.T) {
	f := newFixture(t)
	f.server(t, remote("a"))
	if _, err := f.MCPServer(t.Context(), ann, "a"); core.CodeOf(err) != core.NotFound {
		t.Errorf("another user: %v", err)
	}
	if err := f.DeleteMCP(t.Context(), small, "a", 0); core.CodeOf(err) != core.Forbidden {
		t.Errorf("a token that may only read: %v", err)
	}
	if _, err := f.CreateMCP(t.Context(), ann, local("a")); err != nil {
		t.Errorf("a name of another user's: %v", err)
	}
	if got := f.opened(t, ann, "a"); got != localText {
		t.Errorf("sealed is %s", got)
	}
}

func TestMCPServerLimit(t *testing.T) {
	f := newFixture(t)
	for i := range llm.MaxMCPServers {
		f.server(t, llm.NewMCPServer{Name: fmt.Sprintf("m%d", i), Transport: core.MCPStdio, Command: "x"})
	}
	_, err := f.CreateMCP(t.Context(), me, local("more"))
	wants(t, err, core.Exhausted, "")
	if err := f.DeleteMCP(t.Context(), me, "m9", 0); err != nil {
		t.Fatal(err)
	}
	f.server(t, local("more"))
}

// No value is in an error or an entry.
func TestNoValueGetsOut(t *testing.T) {
	f := newFixture(t)
	const canary = "canary-7f31"
	in := remote("web")
	in.Token, in.Headers = val(canary), vals("X-Key", canary)
	made := f.server(t, in)
	var said []string
	said = append(said, fmt.Sprintf("%+v %#v", made, made))
	for _, bad := range []llm.NewMCPServer{
		{Name: "b", Transport: core.MCPHTTP, URL: "https://x.example", Token: val(canary + "\n")},
		{Name: "b", Transport: core.MCPHTTP, URL: "https://u:" + canary + "@x.example"},
		{Name: "b", Transport: core.MCPHTTP, URL: "https://x.example?token=" + canary},
		{Name: "b", Transport: core.MCPStdio, Command: "x", Args: []string{canary + "\x00"}},
		{Name: "b", Transport: core.MCPStdio, Command: "x", Env: vals("1", canary)},
	} {
		_, err := f.CreateMCP(t.Context(), me, bad)
		said = append(said, fmt.Sprintf("%v %+v", err, err))
	}
	_, err := f.UpdateMCP(t.Context(), me, "web", llm.MCPEdit{URL: to("https://eve.example")}, 0)
	said = append(said, fmt.Sprintf("%v %+v", err, err))
	entries, err := f.Guard.Entries(t.Context(), me, time.Time{}, 100)
	if err != nil || len(entries) == 0 {
		t.Fatal(err)
	}
	said = append(said, fmt.Sprintf("%+v", entries))
	if all := strings.Join(said, "\n"); strings.Contains(all, canary) {
		t.Error(all)
	}
}

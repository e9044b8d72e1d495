package cli

import (
	"context"
	"net/http"

	"keyfob/api"
	"keyfob/client"
)

const gatewayKeyVariable = "KEYFOB_GATEWAY_KEY"

const reasonInside = "inside_workspace"

// inside says whether this process runs in a workspace that somebody else made,
// and nothing here says to act elsewhere.
func (e *Env) inside() bool {
	return !e.here() && e.Getenv(urlVariable) != "" && e.Getenv(sessionKeyVariable) != ""
}

// noVaultHere is what a command says that would need a vault inside a workspace.
func (e *Env) noVaultHere() error {
	return &api.Error{
		Code: api.CodeInvalid, Reason: reasonInside,
		Message: "this is " + e.workspaceName() + " of the keyfob at " + e.Getenv(urlVariable) + ": its secrets are kept there",
		Hint:    "keyfob run -- COMMAND and keyfob get NAME use them, keyfob whoami shows the workspace; --local is for a vault of this machine's own",
	}
}

func (e *Env) workspaceName() string {
	if id := e.Getenv("KEYFOB_WORKSPACE"); id != "" {
		return "workspace " + id
	}
	return "a workspace"
}

// joined is what whoami prints inside a workspace as JSON.
type joined struct {
	Workspace string   `json:"workspace"`
	Server    string   `json:"server"`
	Lookups   []string `json:"lookups"`
}

// whoamiInside asks for names alone: a manifest would hold values.
func (e *Env) whoamiInside(ctx context.Context) error {
	ws, err := e.workspace()
	if err != nil {
		return err
	}
	list, err := ws.Lookups(ctx)
	if err != nil {
		return err
	}
	out := joined{Workspace: e.Getenv("KEYFOB_WORKSPACE"), Server: e.Getenv(urlVariable), Lookups: []string{}}
	for _, l := range list {
		out.Lookups = append(out.Lookups, l.Secret)
	}
	return e.Print(out, func() {
		e.Fields([2]string{"workspace", out.Workspace}, [2]string{"at", out.Server}, [2]string{"proof", "the workspace's session key"}, [2]string{"keyfob get", words(out.Lookups)})
	})
}

// join takes part in the workspace that this process is in, with the keys that
// its environment has.
func (s *session) join() error {
	f := s.flags
	if len(f.labels)+len(f.only)+len(f.except)+len(f.providers) > 0 || f.namespace != "" {
		return withHint(usagef("--label, --namespace, --only, --except and --provider are for a new workspace, and this is inside one"),
			"leave them out: what it receives was said when it was made")
	}
	o, err := s.env.workspaceOptions(s.env.Getenv(urlVariable))
	if err != nil {
		return err
	}
	s.base = o.BaseURL
	s.made.SessionKey = api.NewKey([]byte(s.env.Getenv(sessionKeyVariable)))
	if !s.flags.noGateway {
		s.made.GatewayKey = api.NewKey([]byte(s.env.Getenv(gatewayKeyVariable)))
	}
	o.Token = s.made.SessionKey
	s.transport, _ = o.Transport.(*http.Transport)
	s.ws = client.NewWorkspace(o)
	return nil
}

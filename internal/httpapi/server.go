// Package httpapi serves Keyfob's HTTP API: it finds out who asks, translates
// between package api and the use cases, and holds no rule of its own.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"keyfob/api"
	"keyfob/internal/account"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/provider"
	"keyfob/internal/upkeep"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

// Config is what a Server needs; every field is required.
type Config struct {
	Guard      *guard.Guard
	Vault      *vault.Vault
	Accounts   *account.Accounts
	Workspaces *workspace.Workspaces
	Upkeep     *upkeep.Upkeep
	Providers  provider.Registry
	// Status describes the vault as the process that opened it sees it.
	Status func(ctx context.Context) (api.VaultStatus, error)
	// Flush makes counts that are still in memory durable.
	Flush func(ctx context.Context) error
	Log   *slog.Logger
}

// Server answers API requests. It is safe for concurrent use.
type Server struct{ Config }

// New makes a Server; it does no I/O.
func New(c Config) *Server { return &Server{c} }

// handler answers for an actor that is known already.
type handler func(w http.ResponseWriter, r *http.Request, actor core.Actor) error

// Local serves every route of a person for one actor who needs no further
// proof: whoever can call it is that person, so it must never be put on a
// listener.
func (s *Server) Local(actor core.Actor) http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range s.userRoutes() {
		mux.Handle(pattern, s.serve(h, func(*http.Request) (core.Actor, error) { return actor, nil }))
	}
	mux.Handle("/", s.unknown())
	return mux
}

// Workspace serves the routes of code inside a workspace, by its session key.
func (s *Server) Workspace() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range s.workspaceRoutes() {
		mux.Handle(pattern, s.serve(h, s.session))
	}
	mux.Handle("/", s.unknown())
	return mux
}

func (s *Server) userRoutes() map[string]handler {
	const acct = "/v1/accounts/{provider}/{namespace}/{label}"
	return map[string]handler{
		"GET /v1/secrets":                s.listSecrets,
		"POST /v1/secrets":               s.createSecret,
		"POST /v1/secrets/import":        s.importSecrets,
		"GET /v1/secrets/{name}":         s.getSecret,
		"PATCH /v1/secrets/{name}":       s.updateSecret,
		"DELETE /v1/secrets/{name}":      s.deleteSecret,
		"POST /v1/secrets/{name}/reveal": s.revealSecret,
		"GET /v1/providers":              s.listProviders,
		"GET /v1/providers/{provider}":   s.getProvider,
		"GET /v1/accounts":               s.listAccounts,
		"POST /v1/accounts":              s.createAccount,
		"GET " + acct:                    s.getAccount,
		"PATCH " + acct:                  s.updateAccount,
		"DELETE " + acct:                 s.deleteAccount,
		"POST " + acct + "/clear":        s.clearAccount,
		"POST " + acct + "/test":         s.testAccount,
		"GET /v1/workspaces":             s.listWorkspaces,
		"POST /v1/workspaces":            s.createWorkspace,
		"DELETE /v1/workspaces/{id}":     s.endWorkspace,
		"GET /v1/status":                 s.status,
		"GET /v1/audit":                  s.listAudit,
		"GET /v1/audit/verify":           s.verifyAudit,
		"GET /v1/vault":                  s.vaultStatus,
		"GET /v1/vault/verify":           s.verifyValues,
	}
}

func (s *Server) workspaceRoutes() map[string]handler {
	return map[string]handler{
		"GET /v1/workspace/manifest":       s.manifest,
		"GET /v1/workspace/secrets":        s.lookups,
		"GET /v1/workspace/secrets/{name}": s.lookup,
		"POST /v1/workspace/report":        s.report,
	}
}

// serve finds the actor, runs h and writes its error.
func (s *Server) serve(h handler, identify func(*http.Request) (core.Actor, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		actor, err := identify(r)
		if err == nil {
			err = h(w, r, actor)
		}
		if err != nil {
			s.writeError(w, r, err)
		}
	})
}

// session proves the caller by "Authorization: Bearer kfs_…" or
// "X-Session-API-Key".
func (s *Server) session(r *http.Request) (core.Actor, error) {
	key := bearer(r)
	if key == "" {
		key = r.Header.Get("X-Session-API-Key")
	}
	if key == "" {
		return core.Actor{}, core.Errorf(core.Unauthenticated, "no session key").
			WithHint(`send it as "Authorization: Bearer kfs_…"; inside a workspace it stands in KEYFOB_SESSION_KEY`)
	}
	if strings.HasPrefix(key, core.GatewayKeyPrefix) {
		return core.Actor{}, core.Errorf(core.Unauthenticated, "a gateway key opens the gateway and nothing else").
			WithHint("send the session key; inside a workspace it stands in KEYFOB_SESSION_KEY")
	}
	actor, _, err := s.Workspaces.Session(r.Context(), key)
	return actor, err
}

func (s *Server) unknown() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.writeError(w, r, core.Errorf(core.NotFound, "no such route").WithHint("check the method and the path; inside a workspace there are /v1/workspace/manifest, /secrets, /secrets/NAME and /report"))
	})
}

// Package httpapi serves Keyfob's HTTP API: it finds out who asks, translates
// between package api and the use cases, and holds no rule of its own on
// records.
//
// One table of routes says all there is of each (Routes). Every request goes the
// same way: who asks, whether they may, whether the request makes sense, the use
// case, the answer; every error is problem details (RFC 9457).
package httpapi

import (
	"context"
	"log/slog"
	"time"

	"keyfob/api"
	"keyfob/internal/account"
	"keyfob/internal/event"
	"keyfob/internal/guard"
	"keyfob/internal/identity"
	"keyfob/internal/llm"
	"keyfob/internal/org"
	"keyfob/internal/provider"
	"keyfob/internal/throttle"
	"keyfob/internal/upkeep"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

// Config is what a Server needs. Every field is required that does not say what
// its zero value means.
type Config struct {
	Guard      *guard.Guard
	Vault      *vault.Vault
	Accounts   *account.Accounts
	Workspaces *workspace.Workspaces
	Upkeep     *upkeep.Upkeep
	Providers  provider.Registry
	LLM        *llm.LLM
	// Status describes the vault as the process that opened it sees it.
	Status func(ctx context.Context) (api.VaultStatus, error)
	// Flush makes counts that are still in memory durable.
	Flush func(ctx context.Context) error
	Log   *slog.Logger

	// Orgs makes the organisation's records those of a specification.
	Orgs *org.Orgs
	// Identity says who asks at a server; nil: there is none, on one machine.
	Identity *identity.Identity
	// CookieName is that of the cookie with a browser's session; empty: no cookie
	// counts.
	CookieName string
	// PublicURL is the server's address as people and workspaces call it, without
	// a trailing slash; nil: the one by which it is called.
	PublicURL func() string
	// PagesURL is where the pages for people are; nil: at PublicURL.
	PagesURL func() string

	// Events follows changes; nil: nobody does, in a process that ends soon.
	Events *event.Events
	// MaxValueBytes is the largest value of a secret, in bytes; 0: 1 MiB.
	MaxValueBytes int
	// MaxStreams is how many streams of events a user has at once; 0: 10.
	MaxStreams int

	// Peers says whose word is taken on who asks and from where; the zero value
	// is nobody's.
	Peers Peers
	// Confirmed says why this process may not see every change now, for acts that
	// must; nil: it always does.
	Confirmed func() error
	// Observe is told of each request once it is answered; nil: nobody is.
	Observe func(Observation)
}

// Observation is one answered request. No field comes from whoever asked.
type Observation struct {
	Route  string // as the table has it, such as "/v1/secrets/{name}"
	Method string
	Status int
	Took   time.Duration
}

// Server answers API requests. It is safe for concurrent use.
type Server struct {
	Config
	attempts *throttle.Throttle // what is no proof, and codes that are not good, by address
	queue    *throttle.Queue    // for proofs that are not known, by address
	known    *known
	starts   *throttle.Throttle // logins that were begun, by address
	streams  *streams
	refusals *refusals
}

// maxStarts is how many logins an address begins within a minute.
const maxStarts = 20

// New makes a Server; it does no I/O.
func New(c Config) *Server {
	return &Server{
		Config: c, attempts: throttle.New(throttle.Config{}),
		queue: throttle.NewQueue(throttle.QueueConfig{}), known: newKnown(),
		starts: throttle.New(throttle.Config{Failures: maxStarts}), streams: newStreams(),
		refusals: &refusals{log: c.Log},
	}
}

// Routes is the table of all routes. They are for reading: only a Server's own
// can be called.
func Routes() []Route { return new(Server).routes() }

// routes is the table.
func (s *Server) routes() []Route {
	var out []Route
	for _, some := range [][]Route{
		s.loginRoutes(), s.identityRoutes(), s.stepUpRoutes(), s.userRoutes(), s.orgRoutes(),
		s.secretRoutes(), s.accountRoutes(), s.poolRoutes(), s.providerRoutes(), s.statusRoutes(), s.sharedRoutes(),
		s.profileRoutes(), s.mcpRoutes(), s.workspaceRoutes(), s.launcherRoutes(),
		s.eventRoutes(), s.auditRoutes(), s.vaultRoutes(), s.documentRoutes(), s.sessionKeyRoutes(),
	} {
		out = append(out, some...)
	}
	return out
}

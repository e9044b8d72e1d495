// Package app wires Keyfob: it is the only package that knows which drivers
// there are.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/account"
	"keyfob/internal/audit"
	"keyfob/internal/broker"
	"keyfob/internal/change"
	"keyfob/internal/core"
	"keyfob/internal/custody"
	"keyfob/internal/deliver"
	"keyfob/internal/event"
	"keyfob/internal/guard"
	"keyfob/internal/httpapi"
	"keyfob/internal/llm"
	"keyfob/internal/org"
	"keyfob/internal/provider"
	"keyfob/internal/provider/builtin"
	"keyfob/internal/seal"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/upkeep"
	"keyfob/internal/upstream"
	"keyfob/internal/usage"
	"keyfob/internal/vault"
	"keyfob/internal/workspace"
)

// writer names the audit chain of a machine's own store, which lets one process
// write at a time.
const writer = "local"

// Config says where a vault is and how it reaches the outside.
type Config struct {
	// Home is the directory with all state. It is required.
	Home string
	// Environ is the environment that custody and proxies are read from, as
	// os.Environ gives it; nil is an empty one.
	Environ []string
	// CAFile is a PEM file with certificates to trust beside the system's;
	// empty: none.
	CAFile string
	// Log takes what is not for the person at the terminal; nil: the file
	// log/keyfob.log in Home.
	Log *slog.Logger
}

// App is an opened vault with everything that works on it.
type App struct {
	config    Config
	log       *slog.Logger
	logFile   func() error
	store     store.Store
	header    core.Header
	guard     *guard.Guard
	custody   custody.Driver
	keys      *seal.Keys
	api       *httpapi.Server
	ws        *workspace.Workspaces
	accounts  *account.Accounts
	counter   *usage.Counter
	feed      *change.Feed
	client    *client.Client
	inside    func() http.Handler // of code inside a workspace
	reg       provider.Registry
	upstreams upstream.Rules              // where the gateway may go
	grace     time.Duration               // see broker.Config
	cooled    func(provider, kind string) // see broker.Config

	following atomic.Bool // the feed runs, or ran

	mu     sync.Mutex // guards what is below
	brk    *broker.Broker
	stops  []func(context.Context) error // in the order to run
	closed bool
}

// Exists says whether there is a vault in the home.
func Exists(ctx context.Context, c Config) (bool, error) {
	_, err := readHeader(ctx, c)
	if core.CodeOf(err) == core.NotFound {
		return false, nil
	}
	return err == nil, err
}

// Open opens the vault in the home. It removes what processes that are gone
// left behind.
//
// Errors: not_found (reason "no_vault") where there is none yet; forbidden
// where others may read the home; unavailable where the root key or the disk
// is away; conflict (reason "wrong_root_key") for another vault's root key.
func Open(ctx context.Context, c Config) (*App, error) {
	if err := checkHome(c.Home); err != nil {
		return nil, err
	}
	a := &App{config: c}
	err := a.open(ctx, func(root seal.RootKey) error {
		a.base(root, upstream.Rules{})
		a.api = httpapi.New(a.routes(vault.New(a.guard, a.keys, vault.Limits{KeyEnv: vault.KeyEnv(a.reg)}, nil)))
		a.client = client.New(client.Options{BaseURL: localURL, Transport: inProcess{a.local(ctx), streams}})
		a.inside = sync.OnceValue(a.api.Workspace)
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, a.Close(context.WithoutCancel(ctx)))
	}
	return a, nil
}

// open opens what is stored and has wire make the parts that work on it, which
// does no I/O.
func (a *App) open(ctx context.Context, wire func(seal.RootKey) error) error {
	var err error
	if a.header, err = a.openStore(ctx); err != nil {
		return err
	}
	if a.custody, err = driver(a.header.Custody, a.config); err != nil {
		return err
	}
	if err := a.settle(ctx); err != nil {
		return err
	}
	root, err := openRoot(ctx, a.custody, a.header)
	if err != nil {
		return err
	}
	if a.log, a.logFile, err = openLog(a.config); err != nil {
		return err
	}
	if err := wire(root); err != nil {
		return err
	}
	return a.sweep(ctx)
}

func (a *App) openStore(ctx context.Context) (core.Header, error) {
	path := filepath.Join(a.config.Home, databaseName)
	if !isFile(path) {
		return core.Header{}, noVault(a.config.Home)
	}
	st, err := sqlite.Open(ctx, path)
	if err != nil {
		return core.Header{}, err
	}
	a.store = st
	return headerOf(ctx, st, a.config.Home)
}

// local is the API for the person at this machine. What changes is followed from
// the first stream of events on: other commands need not pay for it.
func (a *App) local(ctx context.Context) http.Handler {
	all := a.api.Local(core.LocalUser)
	events := a.started(ctx, all, a.follow)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if streams(r) {
			events.ServeHTTP(w, r)
			return
		}
		all.ServeHTTP(w, r)
	})
}

func streams(r *http.Request) bool { return r.URL.Path == "/v1/events" }

// follow runs the feed, which is run once, for whoever is first.
func (a *App) follow(ctx context.Context) error {
	if !a.following.CompareAndSwap(false, true) {
		return nil
	}
	return a.feed.Run(ctx)
}

// base makes the parts that both one machine and a server have.
func (a *App) base(root seal.RootKey, rules upstream.Rules, options ...guard.Option) {
	a.upstreams = rules
	a.keys = seal.NewKeys(root)
	a.reg = builtin.Registry()
	a.counter = usage.NewCounter(a.store)
	a.feed = change.New(a.store, 0)
	a.guard = guard.New(a.store, writer, append(options, guard.Signed(audit.NewSigner(root.AuditKey)))...)
	a.ws = workspace.New(a.guard, a.store, a.keys, a.reg)
	a.accounts = account.New(a.guard, a.keys, a.reg, a, rules)
}

// routes is what the API is made of, over the base.
func (a *App) routes(v *vault.Vault) httpapi.Config {
	return httpapi.Config{
		Guard: a.guard, Vault: v, Accounts: a.accounts, Workspaces: a.ws, Upkeep: upkeep.New(a.guard, a.keys),
		Providers: a.reg, LLM: llm.New(a.guard, a.keys, a.reg), Orgs: org.New(a.guard, v, a.accounts),
		Events: event.New(a.guard, a.feed), Status: a.Status, Flush: a.counter.Flush, Log: a.log,
	}
}

// sweep ends the workspaces of processes that are gone and takes back the files
// that they delivered.
func (a *App) sweep(ctx context.Context) error {
	if _, err := a.ws.Sweep(ctx, deliver.Alive); err != nil {
		return err
	}
	return deliver.Sweep(ctx, a.config.Home)
}

// Client speaks to this vault as the person at this machine, in process.
func (a *App) Client() *client.Client { return a.client }

// localURL is what requests in process are addressed to.
const localURL = "http://keyfob.local"

// Workspace speaks to this vault as code inside a live workspace, in process. It
// is proven by its session key like any other.
func (a *App) Workspace(key api.Key) *client.Workspace {
	return client.NewWorkspace(client.Options{BaseURL: localURL, Token: key, Transport: inProcess{handler: a.inside()}})
}

// Home is the directory with all state.
func (a *App) Home() string { return a.config.Home }

// Custody keeps this vault's root key.
func (a *App) Custody() custody.Driver { return a.custody }

// Status says what the vault is and where its root key is kept.
func (a *App) Status(ctx context.Context) (api.VaultStatus, error) {
	out := describe(a.config.Home, a.header, a.custody)
	err := a.store.View(ctx, func(tx store.Tx) (err error) {
		out.Secrets, out.Accounts, err = counted(ctx, tx)
		if err == nil {
			out.Workspaces, err = tx.Workspaces().CountLive(ctx, core.Owner{})
		}
		return err
	})
	return out, err
}

// counted is the number of secrets and of accounts in the whole vault.
func counted(ctx context.Context, tx store.Tx) (secrets, accounts int, err error) {
	owners, err := tx.Vault().Owners(ctx)
	for _, o := range owners {
		list, err := tx.Accounts().List(ctx, o)
		if err != nil {
			return 0, 0, err
		}
		accounts += len(list)
		for p := (store.Page{Limit: countPage}); ; {
			page, err := tx.Secrets().Page(ctx, o, p)
			if err != nil {
				return 0, 0, err
			}
			secrets += len(page)
			if len(page) < p.Limit {
				break
			}
			p.After = page[len(page)-1].Name
		}
	}
	return secrets, accounts, err
}

// countPage is how many secrets are looked at at once.
const countPage = 1000

// closeLimit bounds how long a clean-up may take.
const closeLimit = 10 * time.Second

// Close ends what was started, makes counts and health durable and closes the
// store. It may be called again.
func (a *App) Close(ctx context.Context) error {
	a.mu.Lock()
	stops := a.stops
	a.stops, a.closed = nil, true
	a.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	var errs []error
	for _, stop := range stops {
		errs = append(errs, stop(ctx))
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
		a.store = nil
	}
	if a.logFile != nil {
		errs = append(errs, a.logFile())
		a.logFile = nil
	}
	return errors.Join(errs...)
}

// Package gateway is the HTTP face of the broker: a client sends to
// /p/PROVIDER/NAMESPACE/… what it would send to the provider, with a gateway key
// where the provider's key would stand, and gets the provider's answer.
package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"keyfob/internal/broker"
)

// Config is what a Gateway works with. Broker is required.
type Config struct {
	Broker *broker.Broker
	// Log takes one line per request, made of fixed fields; nil drops them.
	Log *slog.Logger
	// Hosts are the values of the Host header that are answered, beside those
	// of Loopback; nil: none.
	Hosts []string
	// NotLoopback takes away 127.0.0.1, localhost and [::1] with the port that
	// is listened on, which are answered otherwise.
	NotLoopback bool
	// Memory is how much of a request's body is kept in memory so that it can
	// be sent again, in bytes; 0: 1 MiB. What is larger goes to a file.
	Memory int64
	// MemoryBudget bounds that over all requests, in bytes; 0: 64 MiB.
	MemoryBudget int64
	// MaxBody is from where on a body is no longer kept: it is sent once, to
	// one account, and the answer says so by HeaderSingleShot. In bytes; 0: 64 MiB.
	MaxBody int64
	// DiskBudget bounds the files over all requests, in bytes; 0: 1 GiB.
	DiskBudget int64
	// SpoolDir is where the files are; empty: the system's temporary directory.
	SpoolDir string
	// MaxInFlight bounds the requests that are under way at once; 0: 4096, less:
	// no bound. What is over it gets a 503 at once.
	MaxInFlight int
	// MaxPerWorkspace bounds those of one workspace; 0: 256, less: no bound. What
	// is over it gets a 429 at once.
	MaxPerWorkspace int
	// ReadIdle is how long a client may not send any of its request's body; 0:
	// one minute. It may be an eighth longer before the request is given up.
	ReadIdle time.Duration
	// WriteIdle is how long a client may not take any of its answer; 0: 5 minutes.
	// It may be an eighth longer before the connection is cut.
	WriteIdle time.Duration
	// Observe is told of each request once, when it is over, under the context of
	// the request. It must not block. nil: nobody is told.
	Observe func(context.Context, Observation)
}

// Observation is what became of one request. Nothing in it is text of the
// client's.
type Observation struct {
	Method    string        // one that is sent on, or "other"
	Provider  string        // of the path, if there is one of that name; else empty
	Account   string        // that answered, as in the header Keyfob-Account; empty: none
	Status    int           // of the answer; 0: none was sent
	Local     string        // why the answer was made here; empty: it is an upstream's
	Workspace string        // id of the workspace that asked; empty: its key was not looked at
	Rotations int           // attempts that failed over to another account
	Cut       bool          // the answer was not passed on whole
	Wait      time.Duration // until the answer's headers came; 0: they never did
	Took      time.Duration
}

// HeaderSingleShot is set, to "body", on the answer to a request that could not
// have been sent to a second account.
const HeaderSingleShot = "Keyfob-Single-Shot"

// Gateway answers below /p/. It is safe for concurrent use.
type Gateway struct {
	Config
	spool   spooler
	buffers sync.Pool
}

// New makes a Gateway; it does no I/O.
func New(c Config) *Gateway {
	or := func(v *int64, def int64) {
		if *v == 0 {
			*v = def
		}
	}
	or(&c.Memory, 1<<20)
	or(&c.MemoryBudget, 64<<20)
	or(&c.MaxBody, 64<<20)
	or(&c.DiskBudget, 1<<30)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{Config: c}
	g.spool.dir, g.spool.memory, g.spool.limit = c.SpoolDir, c.Memory, c.MaxBody
	g.spool.budget.Store(c.MemoryBudget)
	g.spool.disk.Store(c.DiskBudget)
	g.buffers.New = func() any { b := make([]byte, 32<<10); return &b }
	return g
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{g: g, w: w, r: r, start: time.Now()}
	defer x.end()
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

// exchange is one request and its answer.
type exchange struct {
	g        *Gateway
	w        http.ResponseWriter
	r        *http.Request
	target   target
	start    time.Time
	headers  time.Time // when the answer's headers came; zero: not yet
	provider string    // known to be one, unlike the path's
	account  string
	local    string // why the answer was made here
	status   int    // 0: none was sent
}

// serve gives an error only while nothing has been sent.
func (x *exchange) serve() error {
	if err := x.g.admit(x.r); err != nil {
		return err
	}
	var err error
	if x.target, err = parseTarget(x.r.URL.EscapedPath()); err != nil {
		return err
	}
	if x.r.Method == http.MethodHead && x.target.path == "" {
		x.hello()
		return nil
	}
	if method(x.r.Method) == otherMethod {
		return noMethod()
	}
	if x.r.Header.Get("Upgrade") != "" {
		return noUpgrade()
	}
	key, err := gatewayKey(x.r)
	if err != nil {
		return err
	}
	grant, err := x.g.Broker.Grant(x.r.Context(), key)
	if err != nil {
		return err
	}
	return x.forward(grant, key)
}

// hello answers the HEAD by which Claude Code looks whether its base URL is
// there. It needs no key and tells nothing.
func (x *exchange) hello() {
	x.status = http.StatusOK
	x.w.WriteHeader(http.StatusOK)
}

// end contains a panic and writes the log's line. A stream that broke goes on
// as http.ErrAbortHandler: the client must not take it for complete.
func (x *exchange) end() {
	p := recover()
	if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // the documented sentinel is compared as such
		// The value may hold text of the request; the stack holds none.
		x.g.Log.LogAttrs(context.Background(), slog.LevelError, "panic", slog.String("stack", string(debug.Stack())))
		if x.status == 0 {
			x.broken()
			p = nil
		}
	}
	x.log()
	if p != nil {
		panic(http.ErrAbortHandler)
	}
}

// broken answers after a panic, with the help of nothing that may panic again.
func (x *exchange) broken() {
	x.status, x.local = http.StatusInternalServerError, "panic"
	x.w.Header().Set(broker.HeaderLocal, x.local)
	http.Error(x.w, "Keyfob: the gateway failed. Its log says more", x.status)
}

// log writes fixed fields only: no path, no query, no header of the client's.
func (x *exchange) log() {
	ctx := x.r.Context()
	if !x.g.Log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	var wait time.Duration
	if !x.headers.IsZero() {
		wait = x.headers.Sub(x.start)
	}
	x.g.Log.LogAttrs(ctx, slog.LevelInfo, "request",
		slog.String("method", method(x.r.Method)), slog.String("provider", x.provider), slog.Int("status", x.status),
		slog.String("account", x.account), slog.String("local", x.local),
		slog.Duration("headers_after", wait), slog.Duration("took", time.Since(x.start)))
}

const otherMethod = "other"

// method is a method that is sent on, as it is; any other is "other", which
// keeps the client's text out of the log, too.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return otherMethod
}

// aborted says that nobody waits for an answer any more.
func aborted(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled)
}

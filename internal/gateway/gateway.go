// Package gateway is the HTTP face of the broker: a client sends to
// /p/PROVIDER/NAMESPACE/… what it would send to the provider, with a gateway key
// where the provider's key would stand, and gets the provider's answer.
package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"keyfob/internal/broker"
	"keyfob/internal/core"
)

// Config is what a Gateway works with. Broker is required.
type Config struct {
	Broker *broker.Broker
	// Log takes one line per request, made of fixed fields; at level debug where
	// the request's key opens no workspace. nil drops them.
	Log *slog.Logger
	// Hosts are the values of the Host header that are answered, beside those
	// of Loopback; nil: none.
	Hosts []string
	// Client is the key of the client that a request comes from, by which keys
	// that are not known wait for each other; nil: the address of the connection.
	Client func(*http.Request) string
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
	// MaxPerUser bounds those of all workspaces of one user; 0: a quarter of
	// MaxInFlight, and no fewer than of one workspace; less, or with no bound of
	// all: no bound. What is over it gets a 429 at once.
	MaxPerUser int
	// ReadIdle is how long a client may not send any of its request's body; 0:
	// one minute. It may be an eighth longer before the request is given up.
	ReadIdle time.Duration
	// WriteIdle is how long a client may not take any of its answer; 0: 5 minutes.
	// It may be an eighth longer before the connection is cut.
	WriteIdle time.Duration
	// Observe is told of each request once, when it is over, under the context of
	// the request. It must not block. nil: nobody is told.
	Observe func(context.Context, Observation)
	// Refused is told of each request whose key opens no workspace, and why, in a
	// word of a fixed set. It must not block. nil: nobody is told.
	Refused func(r *http.Request, reason string)
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
	Owner     string        // whose it is, as core.Owner has it
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
	flights flights
	spool   spooler
	buffers sync.Pool
}

func or[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// New makes a Gateway; it does no I/O.
func New(c Config) *Gateway {
	or(&c.Memory, 1<<20)
	or(&c.MemoryBudget, 64<<20)
	or(&c.MaxBody, 64<<20)
	or(&c.DiskBudget, 1<<30)
	or(&c.MaxInFlight, 4096)
	or(&c.MaxPerWorkspace, 256)
	if c.MaxInFlight < 0 {
		or(&c.MaxPerUser, -1)
	}
	or(&c.MaxPerUser, max(c.MaxInFlight/4, c.MaxPerWorkspace))
	or(&c.ReadIdle, time.Minute)
	or(&c.WriteIdle, 5*time.Minute)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{Config: c, flights: flights{most: c.MaxInFlight, mostOf: c.MaxPerWorkspace, mostBy: c.MaxPerUser, of: map[string]int{}, by: map[core.Owner]int{}}}
	g.spool.dir, g.spool.memory, g.spool.limit = c.SpoolDir, c.Memory, c.MaxBody
	g.spool.budget.Store(c.MemoryBudget)
	g.spool.disk.Store(c.DiskBudget)
	g.buffers.New = func() any { b := make([]byte, 32<<10); return &b }
	return g
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{g: g, w: w, r: r, start: time.Now(), control: *http.NewResponseController(w)}
	x.pace = pace{control: &x.control, idle: g.WriteIdle, h2: r.ProtoMajor == 2}
	defer x.end()
	protect(w.Header())
	if r.ContentLength != 0 {
		x.body = reader{from: r.Body, control: &x.control, idle: g.ReadIdle}
		x.body.move()
	}
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

// exchange is one request and its answer.
type exchange struct {
	g        *Gateway
	w        http.ResponseWriter
	r        *http.Request
	control  http.ResponseController
	body     reader // the client's; used only where there is one
	pace     pace
	target   target
	start    time.Time
	headers  time.Time // when the answer's headers came; zero: not yet
	provider string    // known to be one, unlike the path's
	account  string
	local    string         // why the answer was made here
	status   int            // 0: none was sent
	cut      bool           // the answer was not passed on whole
	entered  bool           // it is counted as under way
	of       string         // the workspace that it is counted for; empty: none
	flight   *broker.Flight // ends with the grant; nil: there is none yet
	note     broker.Note
}

// serve gives an error only while nothing has been sent.
func (x *exchange) serve() error {
	if err := x.g.admit(x.r); err != nil {
		return err
	}
	if x.entered = x.g.flights.enter(); !x.entered {
		return busy()
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
	key, inQuery, err := gatewayKey(x.r)
	if err != nil {
		return err
	}
	ctx, flight, err := x.g.Broker.Begin(x.r.Context(), key, x.client)
	if err != nil {
		return err
	}
	x.flight = flight
	if err := x.g.flights.enterAs(flight.Workspace, flight.Owner); err != nil {
		return err
	}
	x.of = flight.Workspace
	return x.forward(ctx, flight.Grant, key, inQuery)
}

func (x *exchange) leave() {
	var owner core.Owner
	if x.flight != nil {
		owner = x.flight.Owner
	}
	x.g.flights.leave(x.of, owner)
}

// hello answers the HEAD by which Claude Code looks whether its base URL is
// there. It needs no key and tells nothing.
func (x *exchange) hello() {
	x.status = http.StatusOK
	x.pace.write()
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
	x.body.end()
	x.pace.write() // what is still to be written, the server writes
	if x.flight != nil {
		x.flight.End()
	}
	if x.entered {
		x.leave()
	}
	x.cut = x.cut || p != nil
	x.told()
	if p != nil {
		panic(http.ErrAbortHandler)
	}
}

// broken answers after a panic, with the help of nothing that may panic again.
func (x *exchange) broken() {
	x.status, x.local = http.StatusInternalServerError, "panic"
	h := x.w.Header()
	h[broker.HeaderLocal], h["Content-Type"] = []string{x.local}, []string{"text/plain; charset=utf-8"}
	delete(h, "Content-Length") // may be that of another answer
	x.w.WriteHeader(x.status)
	_, _ = io.WriteString(x.w, "Keyfob: the gateway failed. Its log says more\n") // a client that went away needs no answer
}

// told tells whoever observes and the log what became of the request: fixed
// fields only, no path, no query, no header of the client's.
func (x *exchange) told() {
	ctx := x.r.Context()
	level := slog.LevelInfo
	if x.of == "" {
		level = slog.LevelDebug // anybody can make such lines
	}
	logs := x.g.Log.Enabled(ctx, level)
	if !logs && x.g.Observe == nil {
		return
	}
	o := Observation{
		Method: method(x.r.Method), Provider: x.provider, Account: x.account, Status: x.status, Local: x.local,
		Workspace: x.of, Rotations: x.note.Rotations, Cut: x.cut, Took: time.Since(x.start),
	}
	if x.flight != nil {
		o.Owner = x.flight.Owner.String()
	}
	if !x.headers.IsZero() {
		o.Wait = x.headers.Sub(x.start)
	}
	if x.g.Observe != nil {
		x.g.Observe(ctx, o)
	}
	if logs {
		x.g.Log.LogAttrs(ctx, level, "request",
			slog.String("workspace", o.Workspace), slog.String("owner", o.Owner),
			slog.String("method", o.Method), slog.String("provider", o.Provider), slog.Int("status", o.Status),
			slog.String("account", o.Account), slog.String("local", o.Local),
			slog.Bool("cut", o.Cut), slog.Float64("headers_after_ms", ms(o.Wait)), slog.Float64("took_ms", ms(o.Took)))
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

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

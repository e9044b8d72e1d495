package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/guard"
)

// Who says what kind of proof a route takes. What a proof may be used for is for
// the guard to say, by the route's acts.
type Who string

// The kinds of proof.
const (
	Anybody         Who = "anybody"          // none
	Users           Who = "user"             // a personal token, a browser session, or a proxy's word
	Admins          Who = "administrator"    // the same, of an administrator
	Launchers       Who = "launcher"         // a launcher's key
	UsersOrLauncher Who = "user or launcher" // either
	Sessions        Who = "workspace"        // a session key
)

func (w Who) takes(a core.Actor) bool {
	switch w {
	case Anybody:
		return true
	case Users, Admins:
		return a.Kind == core.UserActor
	case Launchers:
		return a.Kind == core.LauncherActor
	case UsersOrLauncher:
		return a.Kind == core.UserActor || a.Kind == core.LauncherActor
	case Sessions:
		return a.Kind == core.WorkspaceActor
	}
	return false
}

// Param is a parameter of the query.
type Param struct {
	Name, Text string
	Format     string   // date-time, …; empty: none
	Enum       []string // what it may be; nil: anything
	Min, Max   int      // of a number; both 0: it is no number
}

// Route is one line of the table of routes, from which the server, the OpenAPI
// document and the test of who may do what are made.
type Route struct {
	Method, Path string // as http.ServeMux takes them
	ID           string // the operation's name in the OpenAPI document
	Tag          string
	Summary      string
	Text         string // what a caller should know beyond Summary; may be empty
	Who          Who
	Acts         []string // the guard's actions that it takes; of a create, the first makes the record
	Query        []Param
	Status       int    // of success
	Type         string // of an answer that is not JSON; empty: it is, or there is none
	MaxBody      int64  // bytes; 0: 64 KiB

	Paged     bool // takes limit and cursor
	Tagged    bool // the answer has an ETag
	Match     bool // needs If-Match
	Once      bool // takes an Idempotency-Key
	Fresh     bool // answers 304 to If-None-Match: the version covers all that the answer says
	Confirmed bool // needs to be sure of every change so far
	Exposes   bool // the answer may hold values: never to HEAD
	Stream    bool // the answer goes on until somebody ends it
	Server    bool // only where there is a server
	Long      bool // may take longer than other requests

	Also []int // statuses of errors beyond those that follow from the rest

	// actsOf are the acts where they depend on the path's {id}; nil: they are Acts.
	actsOf func(id string) []string

	// now is the version that the record has, where a write states several.
	now func(context.Context, *call) (int64, error)

	typed
}

// typed is what a route takes and gives.
type typed struct {
	In, Out reflect.Type // nil: no body
	run     handler
}

// handler answers for an actor that is known and admitted.
type handler func(ctx context.Context, c *call, body []byte) error

func gives[Out any](h func(context.Context, *call) (Out, error)) typed {
	return typed{Out: reflect.TypeFor[Out](), run: func(ctx context.Context, c *call, _ []byte) error {
		out, err := h(ctx, c)
		if err != nil {
			return err
		}
		return c.reply(out)
	}}
}

func takes[In, Out any](h func(context.Context, *call, In) (Out, error)) typed {
	return typed{In: reflect.TypeFor[In](), Out: reflect.TypeFor[Out](), run: func(ctx context.Context, c *call, body []byte) error {
		var in In
		if err := decode(body, &in); err != nil {
			return err
		}
		out, err := h(ctx, c, in)
		if err != nil {
			return err
		}
		return c.reply(out)
	}}
}

// hears takes a body and gives none.
func hears[In any](h func(context.Context, *call, In) error) typed {
	return typed{In: reflect.TypeFor[In](), run: func(ctx context.Context, c *call, body []byte) error {
		var in In
		if err := decode(body, &in); err != nil {
			return err
		}
		if err := h(ctx, c, in); err != nil {
			return err
		}
		return c.done()
	}}
}

// does neither takes nor gives a body.
func does(h func(context.Context, *call) error) typed {
	return typed{run: func(ctx context.Context, c *call, _ []byte) error {
		if err := h(ctx, c); err != nil {
			return err
		}
		return c.done()
	}}
}

// writes gives an answer that is not JSON, and writes it by itself.
func writes(h func(context.Context, *call) error) typed {
	return typed{run: func(ctx context.Context, c *call, _ []byte) error { return h(ctx, c) }}
}

// versionOf is the version of the record that h shows.
func versionOf[Out any](h func(context.Context, *call) (Out, error)) func(context.Context, *call) (int64, error) {
	return func(ctx context.Context, c *call) (int64, error) {
		_, err := h(ctx, c)
		return c.seen, err
	}
}

// Scopes are what a user's proof must allow for the route.
func (r Route) Scopes() core.Scopes {
	var need core.Scopes
	o := core.Owner{Kind: core.UserOwner, ID: "somebody"}
	a := core.Actor{Kind: core.UserActor, ID: o.ID, Owner: r.on(o), Admin: true}
	for _, act := range r.Acts {
		for bit := core.Scopes(1); bit&core.AllScopes != 0; bit <<= 1 {
			a.Scopes = core.AllScopes &^ bit
			if !guard.Allows(a, act) {
				need |= bit
			}
		}
	}
	return need
}

// on is whose records the route acts on, for an actor of owner o.
func (r Route) on(o core.Owner) core.Owner {
	if r.Who == Admins {
		return core.Org
	}
	return o
}

// HeadToo says whether the route answers HEAD as well.
func (r Route) HeadToo() bool { return r.Method == http.MethodGet && !r.Exposes && !r.Stream }

// orgToo gives each route of a person's records a second one, by which
// administrators act on the organisation's.
func orgToo(routes []Route) []Route {
	out := slices.Clone(routes)
	for i, r := range routes {
		out[i].Who = Users
		r.Who = Admins
		r.Path = "/v1/org" + strings.TrimPrefix(r.Path, "/v1")
		r.ID = "org" + strings.ToUpper(r.ID[:1]) + r.ID[1:]
		r.Summary += ": the organisation's"
		out = append(out, r)
	}
	return out
}

// Problems are the statuses of the errors that the route may answer with.
func (r Route) Problems() []int {
	out := slices.Clone(r.Also)
	out = append(out, http.StatusForbidden, http.StatusInternalServerError, http.StatusServiceUnavailable)
	if r.Who != Anybody {
		out = append(out, http.StatusUnauthorized, http.StatusTooManyRequests)
	}
	if r.Who != Anybody || r.In != nil || r.Paged || len(r.Query) > 0 {
		out = append(out, http.StatusBadRequest)
	}
	if strings.Contains(r.Path, "{") {
		out = append(out, http.StatusNotFound)
	}
	if r.In != nil {
		out = append(out, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	if r.Once || r.Match {
		out = append(out, http.StatusConflict)
	}
	if r.Match {
		out = append(out, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

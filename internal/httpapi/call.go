package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
)

// Times of one request.
const (
	requestTime = time.Minute      // at a server, from its head to its answer
	answerTime  = time.Minute      // for the answer to be taken
	longTime    = 10 * time.Minute // for what walks through everything
)

// call is one request on its way through a route.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	route  *Route
	actor  core.Actor
	again  func(context.Context) error // proves once more that the actor is who it was
	query  url.Values
	page   store.Page // of a paged route
	expect int64      // of one with If-Match: the version, 0 for any
	peer   Peer
	remote bool // it came over a network
	silent bool // it shows no proof at all
	whole  bool // its proof has the form of one
	status int  // of the answer, once it is written
	tag    string
	seen   int64 // the version that tag is of
}

// value of the path.
func (c *call) value(name string) string { return c.r.PathValue(name) }

// version of the record that the answer shows.
func (c *call) version(v int64) { c.tag, c.seen = tagOf(v), v }

// made says where the record is that the request made.
func (c *call) made(name string) { c.w.Header().Set("Location", c.place(name)) }

// place is the path of a record that this route makes. An account is named by
// its PROVIDER[/NAMESPACE]/LABEL.
func (c *call) place(name string) string {
	base := c.r.URL.EscapedPath() + "/"
	if c.route.Tag != tagAccounts {
		return base + url.PathEscape(name)
	}
	parts := strings.Split(name, "/")
	if len(parts) == 2 {
		parts = []string{parts[0], core.DefaultNamespace, parts[1]}
	}
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return base + strings.Join(parts, "/")
}

// reply writes the answer of a success.
func (c *call) reply(out any) error {
	c.begin()
	if c.tag != "" && c.route.Tagged {
		c.w.Header().Set("ETag", c.tag)
	}
	if c.route.Fresh && c.tag != "" && unchanged(c.r, c.seen) {
		c.status = http.StatusNotModified
		c.w.WriteHeader(c.status)
		return nil
	}
	c.status = c.route.Status
	writeJSON(c.w, c.r, c.status, "application/json", out)
	return nil
}

// done is a success without a body.
func (c *call) done() error {
	c.begin()
	c.status = c.route.Status
	c.w.WriteHeader(c.status)
	return nil
}

// begin gives the answer its headers and its time.
func (c *call) begin() {
	plain(c.w.Header())
	takeWithin(c.w)
}

// takeWithin gives the client its time to take an answer that is ready. There is
// no deadline in process.
func takeWithin(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime))
}

// answer runs the route for whoever prove finds.
func (s *Server) answer(route *Route, prove prover) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		c := &call{w: w, r: r, route: route, query: r.URL.Query(), peer: s.Peers.Of(r), remote: prove.timed}
		ctx, cancel := route.within(r.Context(), prove.timed)
		defer cancel()
		err := s.through(ctx, c, prove)
		if route.Who == Anybody {
			err = s.slowed(c, err) // what was shown stands in the body
		}
		reason := ""
		if err != nil {
			e := PublicError(err)
			if reason = e.Reason; prove.server {
				s.refused(c, e)
			}
			c.status = prove.problem(w, r, s.Log, err)
		}
		s.told(r, Observation{Route: route.Path, Method: route.Method, Status: c.status, Took: time.Since(began)}, c.actor.ID, reason)
	})
}

// within bounds a request's time. In process it is the caller's own to bound.
func (r Route) within(ctx context.Context, timed bool) (context.Context, context.CancelFunc) {
	switch {
	case !timed || r.Stream:
		return ctx, func() {}
	case r.Long:
		return context.WithTimeout(ctx, longTime)
	}
	return context.WithTimeout(ctx, requestTime)
}

// through is the way of every request: who asks, whether they may, whether what
// they ask makes sense, and only then the use case.
func (s *Server) through(ctx context.Context, c *call, prove prover) error {
	if c.route.Server && !prove.server {
		return core.Errorf(core.NotFound, "this takes a server").WithReason(reasonServerOnly).
			WithHint("on one machine nobody signs in; keyfob serve makes a server of this vault")
	}
	if c.r.Method == http.MethodHead && !c.route.HeadToo() {
		return notAllowed(c.w, []string{http.MethodGet, http.MethodOptions})
	}
	if prove.server {
		if err := c.peer.Refused(); err != nil {
			return err
		}
	}
	if c.route.Who != Anybody {
		actor, err := prove.who(ctx, c)
		if err != nil {
			return err
		}
		c.actor = actor
		c.again = func(ctx context.Context) error { return prove.same(ctx, c) }
		if err := s.admit(ctx, c); err != nil {
			return err
		}
	}
	return s.checked(ctx, c)
}

// admit refuses the wrong kind of proof, and what the guard would refuse anyway,
// before anything else is said of the request. The guard writes a denial down.
func (s *Server) admit(ctx context.Context, c *call) error {
	if c.route.Who == Admins {
		c.actor = c.actor.On(core.Org)
	}
	acts := c.route.Acts
	if c.route.actsOf != nil {
		acts = c.route.actsOf(c.value("id"))
	}
	for _, action := range acts {
		if c.actor.Owner.ID == "" || guard.Allows(c.actor, action) {
			continue
		}
		act := guard.Act{Action: action, Subject: "path:" + clip(c.r.URL.EscapedPath(), 200), Owner: c.actor.Owner}
		return s.Guard.Read(ctx, c.actor, act, func(context.Context, store.Tx) error { return nil })
	}
	if !c.route.Who.takes(c.actor) {
		return core.Errorf(core.Forbidden, "this takes another kind of proof: a %s's", c.route.Who).WithReason(reasonNotForBearer).
			WithHint("a personal token speaks for a person, a launcher's key makes workspaces, a session key speaks for code in its workspace")
	}
	return nil
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}

// checked reads what the request says and runs the use case.
func (s *Server) checked(ctx context.Context, c *call) (err error) {
	if err := c.parameters(); err != nil {
		return err
	}
	var body []byte
	if c.route.In != nil {
		if body, err = readBody(c.w, c.r, s.bodyLimit(c.route)); err != nil {
			return err
		}
	}
	if c.route.Match {
		if c.expect, err = expected(c.r, func() (int64, error) { return c.route.now(ctx, c) }); err != nil {
			return err
		}
	}
	if c.route.Confirmed && s.Confirmed != nil {
		if err := s.Confirmed(); err != nil {
			return err
		}
	}
	if ctx, err = s.once(ctx, c, body); err != nil {
		return err
	}
	err = c.route.run(ctx, c, body)
	if isRepeat(err) && c.w.Header().Get("Location") == "" {
		_, err = s.once(ctx, c, body) // another with this key was quicker: say where its record is
	}
	return err
}

// bodyLimit follows the size that a value may have.
func (s *Server) bodyLimit(r *Route) int64 {
	switch {
	case r.MaxBody == 0:
		return smallBody
	case r.MaxBody == valueBody && s.MaxValueBytes > 0:
		return int64(s.MaxValueBytes)/3*4 + smallBody
	}
	return r.MaxBody
}

// parameters refuses a query that the route does not take: a misspelt one would
// be lost in silence.
func (c *call) parameters() error {
	if _, err := url.ParseQuery(c.r.URL.RawQuery); err != nil {
		return core.Errorf(core.Invalid, "the query cannot be read").WithHint("escape what is no letter or digit, and put & between parameters").Wrap(err)
	}
	for name, values := range c.query {
		if !c.route.takesQuery(name) {
			return core.Errorf(core.Invalid, "there is no such parameter").WithField(clip(name, 64)).WithHint("the API reference lists them: /openapi.json")
		}
		if len(values) > 1 {
			return core.Errorf(core.Invalid, "%s is given twice", name).WithField(name)
		}
	}
	if !c.route.Paged {
		return nil
	}
	var err error
	c.page, err = pageOf(c.query, c.list())
	return err
}

// list names the list that a paged route shows, for its cursors.
func (c *call) list() string { return c.route.ID + "?" + c.r.URL.EscapedPath() }

func (r Route) takesQuery(name string) bool {
	if r.Paged && (name == "limit" || name == "cursor") {
		return true
	}
	for _, p := range r.Query {
		if p.Name == name {
			return true
		}
	}
	return false
}

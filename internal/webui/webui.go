// Package webui is the pages of a server: signing a browser in and out,
// what to do then, approving a command line's login, the reveal of one value or a
// token that lasts, the browsers that are signed in, and the API to read. The
// pages need no script and load nothing from elsewhere.
package webui

import (
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"time"

	"keyfob/internal/identity"
	"keyfob/internal/throttle"
)

// Config is what the pages need. Every field is required that does not say what
// its zero value means.
type Config struct {
	Identity *identity.Identity
	// Peer says what is to be believed of where a request comes from.
	Peer func(*http.Request) Peer
	// Attempts counts those who try links that are none, by their address.
	Attempts *throttle.Throttle
	// Cookie is the name of a browser session's cookie. With Secure it must begin
	// with "__Host-", and browsers then send it over TLS alone.
	Cookie string
	Secure bool
	// Address is the server's as keyfob login takes it.
	Address func() string
	// OpenAPI is the document that the page of the API shows.
	OpenAPI func() []byte
	Log     *slog.Logger
	// Observe is told of each request once it is answered, by the pattern of its
	// route; nil: nobody is.
	Observe func(route, method string, status int, took time.Duration)
}

// Peer is what is to be believed of where a request comes from.
type Peer struct {
	Address netip.Addr
	Origin  string // the server's own as the browser sees it, such as https://keyfob.example.com
	User    string // whom a proven proxy vouches for; empty: nobody
	Email   string
	Refused error // why the request must not be looked at any further; nil: it may
}

// Pages answers a browser. It is safe for concurrent use.
type Pages struct {
	Config
	plain bool // nobody is signed in where these are, and no browsers are listed
	mux   *http.ServeMux
}

// New makes the Pages; it does no I/O.
func New(c Config) *Pages {
	p := &Pages{Config: c, mux: http.NewServeMux()}
	p.handle("GET /{$}", p.home)
	p.handle("GET /docs", p.docs)
	p.handle("GET /style.css", p.style)
	p.handle("GET /signin/{code}", p.signInPage)
	p.handle("POST /signin/{code}", p.signIn)
	p.handle("POST /signout", p.signOut)
	p.handle("GET /device", p.devicePage)
	p.handle("POST /device", p.decideDevice)
	p.handle("GET /step-up/{id}", p.stepUpPage)
	p.handle("POST /step-up/{id}", p.decideStepUp)
	p.handle("GET /sessions", p.sessions)
	p.handle("POST /sessions/{id}/end", p.endSession)
	p.handle("/", func(*visit) error { return noPage() })
	return p
}

// Plain answers browsers at an address where no cookie counts: the API to read,
// and where the rest is. It shows nothing that only those may know who are
// signed in, such as the address of the other pages.
func (p *Pages) Plain() http.Handler {
	plain := &Pages{Config: p.Config, plain: true, mux: http.NewServeMux()}
	plain.handle("GET /{$}", func(v *visit) error { return v.see("/docs") })
	plain.handle("GET /docs", plain.docs)
	plain.handle("GET /style.css", plain.style)
	plain.handle("GET /device", func(v *visit) error { return v.show(http.StatusOK, "elsewhere", nil) })
	plain.handle("/", func(*visit) error { return noPage() })
	return plain
}

// ServeHTTP implements http.Handler. It never redirects on its own: a path that
// is not written in the shortest way is none.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path.Clean("/"+r.URL.Path) != r.URL.Path {
		p.answer("none", func(*visit) error { return noPage() })(w, r)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// answerTime is how long a browser may take to send a form and to take a page.
const answerTime = 30 * time.Second

// maxForm bounds a form in bytes; none of ours is larger than a code.
const maxForm = 16 << 10

func (p *Pages) handle(pattern string, page func(*visit) error) {
	p.mux.HandleFunc(pattern, p.answer(routeOf(pattern), page))
}

// answer makes a handler of a page. A method that changes something is for the
// server's own pages alone.
func (p *Pages) answer(route string, page func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rc := http.NewResponseController(w)
		_ = rc.SetReadDeadline(began.Add(answerTime))
		_ = rc.SetWriteDeadline(began.Add(answerTime))
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		v := &visit{pages: p, w: w, r: r, peer: p.Peer(r), tongue: tongueOf(r)}
		v.headers()
		err := v.peer.Refused
		if err == nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
			err = v.sameOrigin()
		}
		if err == nil {
			err = page(v)
		}
		if err != nil {
			v.fail(err)
		}
		if p.Observe != nil {
			p.Observe(route, r.Method, v.status, time.Since(began))
		}
	}
}

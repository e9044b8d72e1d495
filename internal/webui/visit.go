package webui

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/throttle"
)

// visit is one request of a browser.
type visit struct {
	pages  *Pages
	w      http.ResponseWriter
	r      *http.Request
	peer   Peer
	tongue tongue
	status int // of the answer, once it is written
}

func routeOf(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		return strings.TrimSuffix(path, "{$}")
	}
	return "none"
}

// headers keep a page from loading, sending or being framed elsewhere, and from
// being kept. The policy of referrers is not "no-referrer", which would take the
// Origin from our own forms.
func (v *visit) headers() {
	h := v.w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Language, Cookie")
	if strings.HasPrefix(v.peer.Origin, "https://") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// sameOrigin refuses a form that another site's page sends. Browsers say where a
// form comes from in two headers; a request with neither is no browser's.
func (v *visit) sameOrigin() error {
	origin, site := v.r.Header.Get("Origin"), v.r.Header.Get("Sec-Fetch-Site")
	if (origin != "" || site != "") && (origin == "" || origin == v.peer.Origin) && (site == "" || site == "same-origin") {
		return nil
	}
	return core.Errorf(core.Forbidden, "this form was not sent by a page of this server").WithReason("origin").
		WithHint("open the page here and send it again")
}

// actor is the person who asks: by the browser's cookie, or whom a proven proxy
// vouches for.
func (v *visit) actor() (core.Actor, error) {
	ctx, id := v.r.Context(), v.pages.Identity
	cookie, several := v.cookie()
	switch {
	case several || cookie != "" && v.peer.User != "":
		return core.Actor{}, core.Errorf(core.Invalid, "the browser shows several proofs of who asks").WithReason("several_proofs").
			WithHint("sign out, and in again")
	case v.peer.User != "":
		return id.Vouched(ctx, v.peer.User, v.peer.Email)
	case cookie == "":
		return core.Actor{}, core.Errorf(core.Unauthenticated, "nobody is signed in").WithReason("no_proof").
			WithHint("open a sign-in link")
	}
	a, _, err := id.Browser(ctx, cookie)
	return a, err
}

func (v *visit) cookie() (value string, several bool) {
	found := v.r.CookiesNamed(v.pages.Cookie)
	if len(found) == 0 {
		return "", false
	}
	return found[0].Value, len(found) > 1
}

// setCookie signs the browser in until the session is over. Lax, since the link
// is opened from outside.
func (v *visit) setCookie(value string, seconds int) {
	http.SetCookie(v.w, &http.Cookie{
		Name: v.pages.Cookie, Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: v.pages.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// see leads the browser to another page of ours.
func (v *visit) see(path string) error {
	v.status = http.StatusSeeOther
	v.w.Header().Set("Location", path)
	v.w.WriteHeader(v.status)
	return nil
}

// view is what every page shows.
type view struct {
	Title string
	User  string // who is signed in; empty: nobody
	Out   bool   // whether that can be ended here: not of whom a proxy vouches for
	Plain bool   // these are the pages that need nobody signed in
	Data  any
}

// show writes a page.
func (v *visit) show(status int, page string, data any) error {
	out := view{Data: data, Plain: v.pages.plain}
	if a, err := v.actor(); err == nil {
		out.Out = a.Via.Kind == core.ViaBrowser
		if u, err := v.pages.Identity.Self(v.r.Context(), a); err == nil {
			out.User = u.Name
		}
	}
	var b bytes.Buffer
	t, err := templates(v.tongue)
	if err == nil {
		err = t.ExecuteTemplate(&b, page, out)
	}
	if err != nil {
		return core.Errorf(core.Internal, "the page cannot be shown").Wrap(err)
	}
	v.write(status, "text/html; charset=utf-8", b.Bytes())
	return nil
}

func (v *visit) write(status int, contentType string, body []byte) {
	v.status = status
	v.w.Header().Set("Content-Type", contentType)
	v.w.WriteHeader(status)
	_, _ = v.w.Write(body) // the browser went away
}

// problem is what the page of an error shows.
type problem struct {
	Reason, Message, Hint, ID string
	Wait                      int // seconds
}

// fail shows an error. What is internal stays in the log, under an id.
func (v *visit) fail(err error) {
	p := problem{Reason: "internal", Message: "internal error"}
	status := http.StatusInternalServerError
	e, known := errors.AsType[*core.Error](err)
	if known && e.Code != core.Internal {
		p = problem{Reason: e.Reason, Message: e.Message, Hint: e.Hint, Wait: int(api.SecondsOf(e.RetryAfter))}
		status = api.StatusOf(string(e.Code))
	} else if errors.Is(err, context.Canceled) {
		return
	} else {
		p.ID = core.NewID("err")
		v.pages.Log.LogAttrs(v.r.Context(), slog.LevelError, "page failed", slog.String("id", p.ID), slog.String("cause", err.Error()))
	}
	if p.Wait > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(p.Wait))
	}
	if v.show(status, "error", p) != nil {
		v.write(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("Keyfob: the page cannot be shown\n"))
	}
}

// key is whom failed attempts are counted for.
func (v *visit) key() string { return throttle.Client(v.peer.Address) }

func noPage() error {
	return core.Errorf(core.NotFound, "there is no such page").WithReason("no_page").WithHint("the API is described at /docs")
}

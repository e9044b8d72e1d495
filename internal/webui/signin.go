package webui

import (
	"net/http"
	"strings"
	"time"

	"keyfob/internal/core"
)

// signInPage uses a link up, where a person opened it: typed, from a terminal or
// a page of ours. What another site's page leads to could sign somebody in as
// somebody else unawares, so that takes a click; what only looks (HEAD, a
// browser's prefetch) uses nothing up.
func (p *Pages) signInPage(v *visit) error {
	if v.r.Method == http.MethodHead {
		v.write(http.StatusOK, "text/html; charset=utf-8", nil)
		return nil
	}
	if ahead(v.r) {
		return core.Errorf(core.Forbidden, "a sign-in link is opened by a person, not ahead of one").WithReason("prefetch").
			WithHint("open the link")
	}
	switch v.r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return p.signIn(v)
	}
	return v.show(http.StatusOK, "signin", nil)
}

// ahead says whether a browser asks before a person does.
func ahead(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		for _, value := range r.Header.Values(name) {
			value = strings.ToLower(value)
			if strings.Contains(value, "prefetch") || strings.Contains(value, "prerender") || strings.Contains(value, "preview") {
				return true
			}
		}
	}
	return false
}

func (p *Pages) signIn(v *visit) error {
	if v.peer.User != "" {
		return core.Errorf(core.Conflict, "the proxy in front of this server has signed you in already").WithReason("proxy_signed_in").
			WithHint("as another user, use the link's code with keyfob login, or open the link past the proxy")
	}
	s, cookie, _, err := p.Identity.SignIn(v.r.Context(), v.r.PathValue("code"), v.r.UserAgent(), v.peer.Address.String())
	if err != nil {
		return p.refused(v, err)
	}
	v.setCookie(string(cookie.Reveal()), int(time.Until(s.ExpiresAt).Seconds()))
	return v.see("/")
}

// refused counts a link that is none, and slows down whoever shows many. A good
// one counts whatever the address: nobody guesses 256 bits, and else whoever shares
// an address with others could keep them out.
func (p *Pages) refused(v *visit, err error) error {
	if core.CodeOf(err) != core.Unauthenticated {
		return err
	}
	if slow := p.Attempts.Allow(v.key()); slow != nil {
		return slow
	}
	p.Attempts.Failed(v.key())
	return err
}

// signOut ends the browser's session; the cookie goes in any case.
func (p *Pages) signOut(v *visit) error {
	a, err := v.actor()
	if err == nil && a.Via.Kind == core.ViaBrowser {
		err = p.Identity.DeleteSession(v.r.Context(), a, a.Via.ID)
	}
	v.setCookie("", -1)
	if err != nil && core.CodeOf(err) != core.Unauthenticated && core.CodeOf(err) != core.NotFound {
		return err
	}
	return v.show(http.StatusOK, "signedout", nil)
}

package webui

import "net/http"

// home is where a browser comes to that was signed in: who that is, and what to
// do next. Where nobody is signed in, the API to read is all there is.
func (p *Pages) home(v *visit) error {
	if _, err := v.actor(); err != nil {
		return v.see("/docs")
	}
	return v.show(http.StatusOK, "home", p.Address())
}

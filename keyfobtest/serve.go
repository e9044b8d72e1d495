package keyfobtest

import "net/http"

// ServeHTTP implements http.Handler.
func (p *Provider) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "not written yet", http.StatusNotImplemented)
}

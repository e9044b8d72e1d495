package listen

import (
	"net/http"
	"time"
)

// bodyTime is how long the body of a request may take to arrive.
const bodyTime = 30 * time.Second

// Bounded gives the body of a request half a minute to arrive. next may set
// another limit (http.ResponseController), as whoever reads a body should: the
// rest of one that is not read, net/http waits for before it sends the answer,
// and for as long as the client likes. Without a limit whoever sends none of it
// holds a connection forever, though nobody asked for the body.
func Bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // a connection has deadlines
		}
		next.ServeHTTP(w, r)
	})
}

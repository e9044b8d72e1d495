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

// answerTime is how long the client of a brief answer may take it.
const answerTime = 30 * time.Second

// Brief gives the client half a minute to take the answer, and next as long to
// make it. Without a limit whoever takes none of it holds a connection forever:
// by a window of nothing (HTTP/2), or by asking on and on and never reading
// (HTTP/1). What takes longer sets a limit of its own.
func Brief(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTime)) // as above
		next.ServeHTTP(w, r)
	})
}

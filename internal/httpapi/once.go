package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
)

// Lengths of an Idempotency-Key, in characters.
const (
	minOnceKey = 16
	maxOnceKey = 255
)

// onceOf reads the Idempotency-Key of a request that makes a record by action.
// What is kept of it is a digest, and of the request one that the key keys: a
// body may hold a value that is easy to guess, and who reads the database must
// not be able to try.
func onceOf(r *http.Request, action string, body []byte) (guard.Once, bool, error) {
	lines := r.Header.Values("Idempotency-Key")
	if len(lines) == 0 {
		return guard.Once{}, false, nil
	}
	key := lines[0]
	if len(lines) > 1 || len(key) < minOnceKey || len(key) > maxOnceKey || strings.ContainsFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return guard.Once{}, false, core.Errorf(core.Invalid, "the idempotency key is not %d to %d visible ASCII characters", minOnceKey, maxOnceKey).
			WithField("Idempotency-Key").WithHint("send a random one, such as a UUID, and the same one again only with the same request")
	}
	digest := sha256.Sum256([]byte("keyfob idempotency key\x00" + key))
	asked := hmac.New(sha256.New, []byte(key))
	_, _ = asked.Write([]byte(r.Method + "\x00" + r.URL.EscapedPath() + "\x00"))
	_, _ = asked.Write(body)
	return guard.Once{Action: action, Key: hex.EncodeToString(digest[:]), Request: asked.Sum(nil)}, true, nil
}

// once lets the request make its record once. Where it did so already the answer
// says where the record is. In process no answer is lost on its way, so there is
// nothing to remember.
func (s *Server) once(ctx context.Context, c *call, body []byte) (context.Context, error) {
	if !c.route.Once {
		return ctx, nil
	}
	o, sent, err := onceOf(c.r, c.route.Acts[0], body)
	if err != nil || !sent || !c.remote {
		return ctx, err
	}
	subject, err := s.Guard.Made(ctx, c.actor, o)
	if err != nil {
		c.madeBefore(subject)
		return ctx, err
	}
	return guard.WithOnce(ctx, o), nil
}

// madeBefore sets Location to what the first request made; subject is as the
// audit trail names it.
func (c *call) madeBefore(subject string) {
	if _, name, ok := strings.Cut(subject, ":"); ok {
		c.w.Header().Set("Location", c.place(name))
	}
}

func isRepeat(err error) bool {
	return errors.Is(err, &core.Error{Code: core.Conflict, Reason: api.ReasonAlreadyMade})
}

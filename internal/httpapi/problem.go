package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"keyfob/api"
	"keyfob/internal/core"
)

// Reasons of refusals that come before any use case is asked.
const (
	reasonNoRoute      = "no_route"
	reasonMethod       = "method_not_allowed" // status 405
	reasonTooLarge     = "too_large"          // status 413
	reasonSlow         = "body_timeout"       // status 408
	reasonProofs       = "several_proofs"
	reasonOrigin       = "origin"
	reasonIdentity     = "identity_header"
	reasonServerOnly   = "server_only"
	reasonManyStreams  = "too_many_streams"
	reasonDraining     = "draining"
	reasonTimeout      = "timeout"
	reasonMismatch     = "idempotency_mismatch"
	reasonNotForBearer = "wrong_proof"
	reasonLabel        = "launcher_label"
)

// statuses are those that a reason gives where its code alone would give another.
func statusOf(e *api.Error) int {
	switch e.Reason {
	case api.ReasonStale:
		return http.StatusPreconditionFailed
	case api.ReasonNoPrecondition:
		return http.StatusPreconditionRequired
	case api.ReasonUnsupportedFormat:
		return http.StatusUnsupportedMediaType
	case reasonTooLarge:
		return http.StatusRequestEntityTooLarge
	case reasonMethod:
		return http.StatusMethodNotAllowed
	case reasonSlow:
		return http.StatusRequestTimeout
	}
	return api.StatusOf(e.Code)
}

// PublicError is what a client may see of err.
func PublicError(err error) *api.Error {
	e, ok := errors.AsType[*core.Error](err)
	switch {
	case !ok && errors.Is(err, context.DeadlineExceeded):
		return &api.Error{Code: api.CodeUnavailable, Reason: reasonTimeout, Message: "this took too long", Hint: "try again", RetryAfter: 1}
	case !ok && errors.Is(err, context.Canceled):
		return &api.Error{Code: api.CodeUnavailable, Reason: "canceled", Message: "the request was given up", Hint: "send it again"}
	case !ok:
		return &api.Error{Code: api.CodeInternal, Message: "internal error", Hint: "run keyfob doctor; the log has the cause under this id"}
	}
	out := &api.Error{
		Code: string(e.Code), Reason: e.Reason, Message: e.Message, Hint: e.Hint,
		Field: e.Field, RetryAfter: api.SecondsOf(e.RetryAfter),
	}
	for _, d := range e.Details {
		out.Details = append(out.Details, api.Detail{Field: d.Field, Message: d.Message})
	}
	return out
}

// ProblemOf is an error as it travels.
func ProblemOf(e *api.Error) api.Problem {
	status := statusOf(e)
	return api.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Message,
		Code: e.Code, Reason: e.Reason, Hint: e.Hint, Field: e.Field, Details: e.Details,
		RetryAfter: e.RetryAfter, ID: e.ID,
	}
}

// WriteProblem answers with the public part of err, as problem details. The
// cause of an internal error, and of one of a file of this machine, goes to the
// log under an id that the client gets too. It gives the status.
func WriteProblem(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) int {
	e := PublicError(err)
	file := fileOf(err)
	if e.Code == api.CodeInternal || file != "" {
		e.ID = logged(r, log, err)
	}
	if file != "" { // not the fault of whoever asks, and not what they can mend
		e.Code, e.Hint = api.CodeUnavailable, "try again; if it lasts, tell whoever operates the server: the log has the cause under this id"
	}
	return write(w, r, e)
}

// writeHere is WriteProblem for this machine's own user, who is told the file.
func writeHere(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) int {
	e := PublicError(err)
	if known, ok := errors.AsType[*core.Error](err); ok {
		e.Message = known.Here()
	}
	if e.Code == api.CodeInternal {
		e.ID = logged(r, log, err)
	}
	return write(w, r, e)
}

// logged writes the cause down and gives the id under which it stands there.
func logged(r *http.Request, log *slog.Logger, err error) string {
	id := core.NewID("err")
	log.LogAttrs(r.Context(), slog.LevelError, "internal error",
		slog.String("id", id), slog.String("route", r.Pattern), slog.String("cause", err.Error()))
	return id
}

// fileOf is the file that an error is about; empty: none.
func fileOf(err error) string {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e.File
	}
	return ""
}

func write(w http.ResponseWriter, r *http.Request, e *api.Error) int {
	p := ProblemOf(e)
	takeWithin(w)
	h := w.Header()
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(e.RetryAfter), 10))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="keyfob"`)
	}
	writeJSON(w, r, p.Status, api.ProblemType, p)
	return p.Status
}

// plain is set on every answer: it is nobody's to keep, to guess the type of, or
// to show as a page.
func plain(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}

// writeJSON writes v; a client that is gone is nobody to tell.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, contentType string, v any) {
	plain(w.Header())
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_ = json.NewEncoder(w).Encode(v)
	}
}

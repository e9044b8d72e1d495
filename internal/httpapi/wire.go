package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"keyfob/api"
	"keyfob/internal/core"
)

// MaxBody is the largest request body, in bytes: an import of a full vault's
// environment in base64 fits.
const MaxBody = 16 << 20

// decode reads one JSON object. Unknown fields are refused, so that a misspelt
// one is not lost in silence. Its errors never quote the body.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		_, err = dec.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		err = errors.New("more than one value")
	}
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return core.Errorf(core.Invalid, "the body is larger than %d MiB", MaxBody>>20)
	}
	return core.Errorf(core.Invalid, "the body is not the JSON object that this route takes").WithHint("the API reference shows it")
}

// reply writes v as JSON.
func reply(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone; there is nobody to tell
	return nil
}

// writeError writes the public part of err. The cause of an internal error goes
// to the log under an id that the client gets too.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	e := PublicError(err)
	if e.Code == api.CodeInternal {
		e.ID = core.NewID("err")
		s.Log.LogAttrs(r.Context(), slog.LevelError, "internal error",
			slog.String("id", e.ID), slog.String("route", r.Pattern), slog.String("cause", err.Error()))
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64(e.RetryAfter), 10))
	}
	_ = reply(w, api.StatusOf(e.Code), api.ErrorBody{Error: e})
}

// PublicError is what a client may see of err.
func PublicError(err error) *api.Error {
	e, ok := errors.AsType[*core.Error](err)
	if !ok {
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

func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"keyfob/api"
	"keyfob/internal/core"
)

// Sizes of bodies, in bytes. A value travels in base64, which adds a third.
const (
	smallBody = 64 << 10
	valueBody = 1<<20*4/3 + smallBody
	bulkBody  = 16 << 20
)

// bodyTime is how long a body may take to arrive.
const bodyTime = 30 * time.Second

// readBody reads a JSON body of at most limit bytes. Encoded ones are refused:
// what is small on the wire must not be large in memory.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "" {
		return nil, core.Errorf(core.Invalid, "an encoded body is not taken").WithReason(api.ReasonUnsupportedFormat).
			WithHint("send it without Content-Encoding")
	}
	if !isJSON(r.Header.Values("Content-Type")) {
		return nil, core.Errorf(core.Invalid, "the body must be JSON").WithReason(api.ReasonUnsupportedFormat).
			WithHint("send Content-Type: application/json")
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(time.Now().Add(bodyTime)) // not in process, where nobody is slow
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err == nil { // else net/http still waits for the rest
		_ = rc.SetReadDeadline(time.Time{})
	}
	if _, big := errors.AsType[*http.MaxBytesError](err); big {
		return nil, tooLarge(limit)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, core.Errorf(core.Unavailable, "the body took longer than %s to arrive", bodyTime).WithReason(reasonSlow).Wrap(err)
	}
	if err != nil {
		return nil, core.Errorf(core.Invalid, "the body did not arrive whole").WithHint("send the request again").Wrap(err)
	}
	return b, nil
}

// isJSON takes one application/json, with or without charset=utf-8.
func isJSON(values []string) bool {
	if len(values) != 1 {
		return false
	}
	kind, params, err := mime.ParseMediaType(values[0])
	if err != nil || kind != "application/json" {
		return false
	}
	for k, v := range params {
		if k != "charset" || !strings.EqualFold(v, "utf-8") {
			return false
		}
	}
	return true
}

func tooLarge(limit int64) error {
	return core.Errorf(core.Invalid, "the body is larger than the %d KiB that this route takes", limit>>10).WithReason(reasonTooLarge)
}

// maxDepth bounds how deep objects and lists stand in each other.
const maxDepth = 32

// decode reads one JSON object into a struct of package api. It refuses what
// encoding/json would pass over: a name in other capitals, a name twice, an
// unknown name, null, a missing name that must be there. Its errors name the
// field and never quote the body, which may hold a value.
func decode(raw []byte, into any) error {
	if !utf8.Valid(raw) {
		return notTaken("", "is not UTF-8")
	}
	w := walker{dec: json.NewDecoder(bytes.NewReader(raw)), known: map[reflect.Type]fields{}}
	if err := w.value(reflect.TypeOf(into).Elem(), "", 0); err != nil {
		return err
	}
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return notTaken("", "goes on after its end")
	}
	err := json.Unmarshal(raw, into)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return notTaken(wrong.Field, "is of another type")
	}
	if err != nil {
		return notTaken("", "is not the JSON object that this route takes")
	}
	return nil
}

func notTaken(field, why string) error {
	if field == "" {
		return core.Errorf(core.Invalid, "the body %s", why).WithReason("body").WithHint("the API reference shows it: /openapi.json")
	}
	return core.Errorf(core.Invalid, "%s %s", field, why).WithReason("body").WithField(field).WithHint("the API reference shows it: /openapi.json")
}

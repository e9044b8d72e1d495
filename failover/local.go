package failover

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"
)

// LocalHeader marks an answer that was made here and not by an upstream; its
// value is the Local's Reason.
const LocalHeader = "Keyfob-Local"

// The reasons of local answers.
const (
	AllCooling          = "all_cooling"          // 429: every account is cooling down
	NoAccount           = "no_account"           // 503: no account, or none that waiting would bring back
	UpstreamAmbiguous   = "upstream_ambiguous"   // 502: sent, no answer, and it may have done its work
	UpstreamUnreachable = "upstream_unreachable" // 502: no account's upstream could be reached
)

// Local is an answer to be made here.
type Local struct {
	Status     int           // 429, 502 or 503
	Reason     string        // one of the reasons
	Message    string        // for people, one line, nothing secret in it
	RetryAfter time.Duration // 0: unknown
	Cause      string        // of AllCooling: the Reason of what holds the account that is back first
}

// local makes the answer and marks it.
func (t *Transport) local(req *http.Request, l Local) *http.Response {
	build := t.Local
	if build == nil {
		build = jsonAnswer
	}
	resp := build(req, l)
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	resp.Header.Set(LocalHeader, l.Reason)
	if l.RetryAfter > 0 {
		// Rounded up: a client that comes back at once finds an account.
		resp.Header.Set("Retry-After", strconv.FormatInt(int64((l.RetryAfter+time.Second-1)/time.Second), 10))
	}
	return resp
}

func jsonAnswer(_ *http.Request, l Local) *http.Response {
	var body struct {
		Error struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"error"`
	}
	body.Error.Type, body.Error.Message = l.Reason, l.Message
	b, _ := json.Marshal(body) // two strings always marshal
	return &http.Response{
		Status: strconv.Itoa(l.Status) + " " + http.StatusText(l.Status), StatusCode: l.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		Body:          io.NopCloser(bytes.NewReader(b)),
		ContentLength: int64(len(b)),
	}
}

package wire

import (
	"net/http"
	"slices"
	"strings"

	"keyfob/internal/provider"
	"keyfob/internal/provider/scan"
)

// sessionHeaders name a conversation, whichever provider it goes to: OpenCode
// (X-Session-Id, X-Session-Affinity) and Codex (session_id, Session-Id) send
// them.
var sessionHeaders = []string{"X-Session-Id", "X-Session-Affinity", "Session_id", "Session-Id"}

const maxMark = 256 // bytes; what is longer is no conversation's name

// Session gives the conversation that the headers name: the dialect's own
// first, then those that clients send to any provider.
func Session(h http.Header, own ...string) string {
	for _, list := range [][]string{own, sessionHeaders} {
		for _, name := range list {
			if v := headerValue(h, name); v != "" && len(v) <= maxMark {
				return v
			}
		}
	}
	return ""
}

// headerValue reads a canonical name directly, which is quicker than Get.
func headerValue(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return strings.TrimSpace(v[0])
	}
	return ""
}

// Mark is a text of a body as a mark, or "" where it is too long to be one.
func Mark(v scan.Value) string {
	if v.Long || len(v.Text) > maxMark {
		return ""
	}
	return string(v.Text)
}

// Short is a text as a mark, or "" where it is too long to be one.
func Short(s string) string {
	if len(s) > maxMark {
		return ""
	}
	return s
}

// Collections are the parts of a path that hold state of one account, such as
// "files"; Actions are what stands below them and is no id.
type Collections struct{ Names, Actions []string }

// State finds the id of the innermost collection that the path names the
// member of, and says whether the request is about an account's state: one
// member, or (reading) the list of all.
func (c Collections) State(method, path string) (id string, stateful bool) {
	collection := false
	for seg := range strings.SplitSeq(path, "/") {
		switch {
		case collection && seg != "" && !slices.Contains(c.Actions, seg):
			id, stateful, collection = seg, true, slices.Contains(c.Names, seg)
		default:
			collection = slices.Contains(c.Names, seg)
		}
	}
	if collection && method == http.MethodGet {
		stateful = true
	}
	if len(id) > maxStateID {
		id = ""
	}
	return id, stateful
}

// Refer notes a reference to state of one account, the first one found, unless
// a stronger one is to replace it.
func Refer(m *provider.Marks, id string, stronger bool) {
	m.Stateful = true
	if m.State == "" || stronger && id != "" {
		m.State = id
	}
}

package httpapi_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/httpapi"
)

// A line of the table without all of its columns would make a hole in the
// document and in the tests that are made from it.
func TestTheTableIsComplete(t *testing.T) {
	ids, paths := map[string]bool{}, map[string]bool{}
	for _, r := range httpapi.Routes() {
		name := r.Method + " " + r.Path
		if ids[r.ID] || paths[name] {
			t.Errorf("%s (%s) is there twice", name, r.ID)
		}
		ids[r.ID], paths[name] = true, true
		if r.ID == "" || r.Tag == "" || r.Summary == "" || r.Who == "" || r.Status == 0 {
			t.Errorf("%s lacks id, tag, summary, who or status", name)
		}
		if strings.HasSuffix(r.Summary, ".") || r.Text != "" && !strings.HasSuffix(r.Text, ".") {
			t.Errorf("%s: a summary is a line, a text has sentences", name)
		}
		for why, wrong := range map[string]bool{
			"changes a record and states no version":   r.Method == http.MethodPatch && !r.Match,
			"makes a record and takes no repeat":       r.Status == http.StatusCreated && !r.Once && r.Tag != "approval in a browser",
			"takes a repeat and makes nothing":         r.Once && (r.Status != http.StatusCreated || len(r.Acts) == 0),
			"takes a body and sends none, with GET":    r.In != nil && r.Method == http.MethodGet,
			"has an answer without a body":             r.Status == http.StatusNoContent && (r.Out != nil || r.Type != ""),
			"has a body and no type":                   r.Status != http.StatusNoContent && r.Out == nil && r.Type == "",
			"is for people and has no act":             (r.Who == httpapi.Users || r.Who == httpapi.Admins || r.Who == httpapi.Sessions) && len(r.Acts) == 0 && r.Tag != "accounts",
			"is fresh and has no tag":                  r.Fresh && !r.Tagged,
			"exposes a value and is not confirmed":     r.Exposes && !r.Confirmed,
			"is the organisation's and not an admin's": strings.HasPrefix(r.Path, "/v1/org") && r.Who != httpapi.Admins,
		} {
			if wrong {
				t.Errorf("%s %s", name, why)
			}
		}
	}
}

// Every path of the table is answered by a server: none hides another.
func TestEveryRouteIsReached(t *testing.T) {
	k := newKit(t, nil)
	param := regexp.MustCompile(`\{[a-z]+\}`)
	seen := []string{}
	k.server.Observe = func(o httpapi.Observation) { seen = append(seen, o.Method+" "+o.Route) }
	for _, r := range httpapi.Routes() {
		seen = nil
		call(t, k.server.Server(), r.Method, param.ReplaceAllString(r.Path, "x%2Fy"), "", "Authorization", "Bearer no")
		if !slices.Equal(seen, []string{r.Method + " " + r.Path}) {
			t.Errorf("%s %s: reached %v", r.Method, r.Path, seen)
		}
	}
}

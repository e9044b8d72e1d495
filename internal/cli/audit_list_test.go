package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/client"
)

// trail answers with entries 0, 1, … up to most, one a minute back in time, in
// pages as they are asked for.
func trail(t *testing.T, newest time.Time, most int) *client.Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.FormValue("cursor")) // none: 0
		n, err := strconv.Atoi(r.FormValue("limit"))
		if err != nil || n < 1 || n > auditPage {
			t.Errorf("a page of %q is asked for", r.FormValue("limit"))
		}
		var out api.AuditList
		for i := from; i < min(from+n, most); i++ {
			out.Entries = append(out.Entries, api.AuditEntry{
				Seq: int64(i), At: newest.Add(-time.Duration(i) * time.Minute), Action: "a." + strconv.Itoa(i%2), Subject: "secret:A", Actor: "user:usr_1",
				Detail: map[string]string{"via": "token:tok_" + strconv.Itoa(i%3)}, Names: map[string]string{"usr_1": "ada"},
			})
			out.Next = strconv.Itoa(i + 1)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(out) // the client sees what is wrong with it
	}))
	t.Cleanup(s.Close)
	return client.New(client.Options{BaseURL: s.URL})
}

// The trail ended at one page of 1,000 entries, whatever was asked for.
func TestAuditListFollowsPages(t *testing.T) {
	const most = 2500
	newest := time.Now()
	cl := trail(t, newest, most)
	for name, c := range map[string]struct {
		q    auditQuery
		want int
	}{
		"some":             {auditQuery{limit: 7}, 7},
		"more than a page": {auditQuery{limit: 1003}, 1003},
		"more than all":    {auditQuery{limit: 9000}, most},
		"since":            {auditQuery{after: newest.Add(-1500 * time.Minute)}, 1501},
		"since, at most":   {auditQuery{limit: 20, after: newest.Add(-1500 * time.Minute)}, 20},
		"an action":        {auditQuery{limit: 9000, action: "a.1"}, most / 2},
		"few of an action": {auditQuery{limit: 600, action: "a.1"}, 600},
		"a subject":        {auditQuery{limit: 9000, subject: "secret:B"}, 0},
		"by name":          {auditQuery{limit: 9000, by: "ada"}, most},
		"by id":            {auditQuery{limit: 9000, by: "usr_1"}, most},
		"by actor":         {auditQuery{limit: 9000, by: "user:usr_1"}, most},
		"through a token":  {auditQuery{limit: 9000, by: "tok_2"}, most / 3},
		"by a part":        {auditQuery{limit: 9000, by: "usr_"}, 0},
	} {
		got, err := c.q.entries(t.Context(), cl)
		if err != nil || len(got) != c.want || got == nil {
			t.Errorf("%s: %d entries, %v, want %d", name, len(got), err, c.want)
		}
	}
}

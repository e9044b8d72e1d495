package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
)

const requestKey = "Idempotency-Key"

// A client that lost the answer sends the request again: it must not make a
// second record, and must be told where the first one is. No key is shown twice.
func TestARequestThatIsSentAgain(t *testing.T) {
	k := newKit(t, nil)
	alice := bearer(k.token(t, "alice", core.AllScopes&^core.SecretsReveal, time.Hour))
	for path, body := range map[string]string{
		"/v1/secrets":    `{"name":"A","value":"eA==","lookup":true}`,
		"/v1/accounts":   `{"provider":"openai","label":"work","key":"eHh4eHg="}`,
		"/v1/profiles":   `{"name":"p","model":"m","provider":"openai"}`,
		"/v1/workspaces": `{"gateway":true}`,
		"/v1/tokens":     `{"name":"t","scopes":["audit:read"]}`,
	} {
		sent := append(slices.Clone(alice), requestKey, "0123456789abcdef"+path)
		first := k.send(t, "POST", path, body, sent...).want(t, http.StatusCreated, "")
		again := k.send(t, "POST", path, body, sent...).want(t, http.StatusConflict, api.ReasonAlreadyMade)
		if at := again.header.Get("Location"); at == "" || at != first.header.Get("Location") {
			t.Errorf("%s: made at %q, again at %q", path, first.header.Get("Location"), at)
		}
		k.send(t, "POST", path, body+" ", sent...).want(t, http.StatusConflict, "idempotency_mismatch")
		if got := k.send(t, "GET", first.header.Get("Location"), "", alice...); path != "/v1/tokens" && got.status != http.StatusOK {
			t.Errorf("%s: nothing is at %q: %d", path, first.header.Get("Location"), got.status)
		}
		root := bearer(k.token(t, "bob", core.AllScopes&^core.SecretsReveal, time.Hour))
		k.send(t, "POST", path, body, append(root, requestKey, "0123456789abcdef"+path)...).want(t, http.StatusCreated, "")
	}
}

// What failed was not made: the same key may be sent again.
func TestARequestThatFailedIsNotRemembered(t *testing.T) {
	k := newKit(t, nil)
	alice := bearer(k.token(t, "alice", core.AllScopes&^core.SecretsReveal, time.Hour))
	sent := append(slices.Clone(alice), requestKey, "0123456789abcdef")
	k.send(t, "POST", "/v1/secrets", `{"name":"A","value":"eA=="}`, sent...).want(t, http.StatusBadRequest, "")
	k.send(t, "POST", "/v1/secrets", `{"name":"A","value":"eA==","lookup":true}`, sent...).want(t, http.StatusCreated, "")
	k.send(t, "POST", "/v1/secrets", `{"name":"A","value":"eA==","lookup":true}`, alice...).want(t, http.StatusConflict, "")
}

// In process no answer is lost, so a run need not pay for the memory of it.
func TestInProcessNoRequestIsRemembered(t *testing.T) {
	f := newFixture(t)
	sent := []string{requestKey, "0123456789abcdef"}
	first := f.call(t, "POST", "/v1/workspaces", `{"gateway":false}`, sent...).want(t, http.StatusCreated, "")
	again := f.call(t, "POST", "/v1/workspaces", `{"gateway":false}`, sent...).want(t, http.StatusCreated, "")
	if a, b := first.header.Get("Location"), again.header.Get("Location"); a == "" || a == b {
		t.Errorf("made at %q, then at %q", a, b)
	}
}

// Two at once make one record, whichever is first.
func TestTheSameRequestAtOnce(t *testing.T) {
	k := newKit(t, nil)
	sent := append(bearer(k.token(t, "alice", core.AllScopes&^core.SecretsReveal, time.Hour)), requestKey, "0123456789abcdef")
	var wg sync.WaitGroup
	got := make([]reply, 8)
	for i := range got {
		wg.Go(func() { got[i] = k.send(t, "POST", "/v1/workspaces", `{"gateway":false}`, sent...) })
	}
	wg.Wait()
	made, places := 0, map[string]bool{}
	for _, a := range got {
		places[a.header.Get("Location")] = true
		if a.status == http.StatusCreated {
			made++
		} else if a.problem.Reason != api.ReasonAlreadyMade {
			t.Errorf("got %d %s", a.status, a.body)
		}
	}
	n, err := k.ws.Count(t.Context(), k.as("alice"))
	if made != 1 || n != 1 || len(places) != 1 || err != nil {
		t.Errorf("%d were made, %d are there, at %v: %v", made, n, places, err)
	}
}

func TestKeysOfRequestsThatCannotBe(t *testing.T) {
	f := newFixture(t)
	for _, key := range []string{"short", "0123456789abcde\u00e9", "0123456789 abcdef", string(bytes.Repeat([]byte("a"), 256)), ""} {
		f.call(t, "POST", "/v1/secrets", `{"name":"A","value":"eA==","lookup":true}`, requestKey, key).want(t, http.StatusBadRequest, "")
	}
	f.call(t, "POST", "/v1/secrets", `{"name":"A","value":"eA==","lookup":true}`, requestKey, "0123456789abcdef", requestKey, "0123456789abcdeg").want(t, http.StatusBadRequest, "")
}

// Who reads the database must not be able to guess a short value by trying: what
// is kept of a request is keyed by its key, and the key is not kept.
func TestARepeatLeavesNothingToGuessBy(t *testing.T) {
	f := newFixture(t)
	const key = "a-key-of-the-client-9c1f"
	f.call(t, "POST", "/v1/secrets", `{"name":"PIN","value":"MTIzNA==","lookup":true}`, requestKey, key).want(t, http.StatusCreated, "")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(f.Path + suffix)
		if err == nil && bytes.Contains(b, []byte(key)) {
			t.Errorf("the key stands in the database file %q", suffix)
		}
	}
}

// A list of versions, a stale one and none, on a real record.
func TestWritesStateAVersion(t *testing.T) {
	f := newFixture(t)
	made := f.call(t, "POST", "/v1/secrets", `{"name":"A","value":"eA==","lookup":true}`).want(t, http.StatusCreated, "")
	if made.header.Get("ETag") != `"v1"` || made.header.Get("Location") != "/v1/secrets/A" {
		t.Errorf("got %v", made.header)
	}
	const body = `{"description":"d"}`
	f.call(t, "PATCH", "/v1/secrets/A", body).want(t, http.StatusPreconditionRequired, api.ReasonNoPrecondition)
	f.call(t, "PATCH", "/v1/secrets/A", body, "If-Match", `"v2"`).want(t, http.StatusPreconditionFailed, api.ReasonStale)
	f.call(t, "PATCH", "/v1/secrets/A", body, "If-Match", `"v7", "v8"`).want(t, http.StatusPreconditionFailed, api.ReasonStale)
	f.call(t, "PATCH", "/v1/secrets/A", body, "If-Match", `"v7", "v1"`).want(t, http.StatusOK, "")
	f.call(t, "PATCH", "/v1/secrets/A", body, "If-Match", `nonsense`).want(t, http.StatusBadRequest, "precondition")
	f.call(t, "GET", "/v1/secrets/A", "", "If-None-Match", `W/"v2"`).want(t, http.StatusNotModified, "")
	f.call(t, "GET", "/v1/secrets/A", "", "If-None-Match", `"v1"`).want(t, http.StatusOK, "")
	f.call(t, "DELETE", "/v1/secrets/A", "").want(t, http.StatusPreconditionRequired, api.ReasonNoPrecondition)
	f.call(t, "DELETE", "/v1/secrets/A", "", "If-Match", `"v1"`).want(t, http.StatusPreconditionFailed, api.ReasonStale)
	f.call(t, "DELETE", "/v1/secrets/A", "", "If-Match", "*").want(t, http.StatusNoContent, "")
	f.call(t, "DELETE", "/v1/secrets/A", "", "If-Match", "*").want(t, http.StatusNotFound, "")
}

// Every list that has pages gives each record once, in pages of any length.
func TestPagesOverHTTP(t *testing.T) {
	f := newFixture(t)
	for _, n := range []string{"A", "B", "C", "D", "E"} {
		f.call(t, "POST", "/v1/secrets", `{"name":"`+n+`","value":"eA==","lookup":true}`).want(t, http.StatusCreated, "")
		f.call(t, "POST", "/v1/accounts", `{"provider":"openai","label":"`+n+`","key":"eHh4eHh4"}`).want(t, http.StatusCreated, "")
		f.call(t, "POST", "/v1/workspaces", `{"gateway":false}`).want(t, http.StatusCreated, "")
	}
	for list, want := range map[string]int{"secrets": 5, "accounts": 5, "workspaces": 5, "audit": 15} {
		seen, path := map[string]bool{}, "/v1/"+list+"?limit=2"
		for pages := 0; path != "" && pages < 20; pages++ {
			var page map[string]json.RawMessage
			if err := json.Unmarshal([]byte(f.call(t, "GET", path, "").want(t, http.StatusOK, "").body), &page); err != nil {
				t.Fatal(err)
			}
			var next string
			_ = json.Unmarshal(page["next"], &next)
			for key, raw := range page {
				var some []json.RawMessage
				if key != "next" && json.Unmarshal(raw, &some) == nil {
					for _, one := range some {
						seen[string(one)] = true
					}
				}
			}
			path = ""
			if next != "" {
				path = "/v1/" + list + "?limit=2&cursor=" + next
			}
		}
		if len(seen) != want {
			t.Errorf("%s: %d records, want %d", list, len(seen), want)
		}
	}
	other := f.call(t, "GET", "/v1/secrets?limit=2", "")
	var page api.SecretList
	if err := json.Unmarshal([]byte(other.body), &page); err != nil {
		t.Fatal(err)
	}
	f.call(t, "GET", "/v1/accounts?cursor="+page.Next, "").want(t, http.StatusBadRequest, "")
}

//go:build linux

package attack

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"keyfob/api"
)

// bomb is gzip of a GiB of zeros, a thousandth of that in size: sixteen members
// in a row, which are one stream (RFC 1952, 2.2).
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range 64 {
		_, _ = w.Write(zeros) // memory
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.Repeat(b.Bytes(), 16)
}

// roomy is more than the server may grow by while it is attacked, in bytes: a
// fraction of what any of the bombs holds, and several times what the race
// detector adds.
const roomy = 400 << 20

// Somebody sends a body that is small on the wire and large once it is unpacked.
func TestDecompressionBombs(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.8.1"))
	packed := bomb(t)
	s.keeps("alice's key", aliceKey)
	provider, good := upstreamAt(t, "127.88.8.1")
	s.account(t, "/v1/accounts", s.admin, "work", aliceKey, good)
	w := s.workspace(t, s.admin, api.WorkspaceCreate{Gateway: true})
	before := s.memory(t)
	s.unchanged(t, func() {
		for _, encoding := range []string{"gzip", "x-gzip", "br", "zstd", "deflate", "compress", "identity", "gzip, gzip", "GZIP", "nothing"} {
			for _, path := range []string{"/v1/secrets", "/v1/secrets/import", "/v1/org/apply"} {
				s.ask(t, "POST", path, packed[:50_000], as(s.admin.token), kept(), with("Content-Encoding", encoding)).want(t, encoding+" at "+path, 415, "unsupported_media_type")
			}
			s.ask(t, "POST", "/v1/login/token", packed[:1000], with("Content-Encoding", encoding)).want(t, encoding, 415, "unsupported_media_type")
		}
	})
	// The gateway passes on what it does not read: the provider unpacks it or not.
	got := s.ask(t, "POST", "/p/anthropic/default/v1/messages", packed, with("X-Api-Key", key(w.GatewayKey), "Content-Encoding", "gzip"))
	sent := provider.Requests()
	if len(sent) == 0 || !bytes.Equal(sent[len(sent)-1].Body, packed) {
		t.Errorf("a packed body was not passed on as it is: %v", got)
	}
	if grown := s.memory(t) - before; grown > roomy {
		t.Errorf("the server grew by %d MiB", grown>>20)
	}
	s.throughGateway(t, key(w.GatewayKey)).want(t, "a request after that", 200, "")
}

// A provider's answer is a bomb, though identity was asked for: a good answer, an
// error that must be judged by its body, a list of models, a stream of events.
func TestBombsFromUpstream(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.9.1"))
	packed := bomb(t)
	asked := make(chan string, 1000)
	status, kind := 200, "application/json"
	base := serveAt(t, "127.88.9.1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Header.Get("Accept-Encoding")
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = w.Write(packed)
	}))
	s.account(t, "/v1/accounts", s.admin, "work", aliceKey, base)
	w := s.workspace(t, s.admin, api.WorkspaceCreate{Gateway: true})
	before := s.memory(t)
	for _, status = range []int{200, 400, 401, 429, 500, 529} {
		for _, kind = range []string{"application/json", "text/event-stream"} {
			got := s.throughGateway(t, key(w.GatewayKey))
			if len(got.body) > len(packed) {
				t.Errorf("%d: the answer was unpacked to %d bytes", status, len(got.body))
			}
			if status == 200 && !bytes.Equal(got.body, packed) {
				t.Errorf("the answer did not pass as it is: %d bytes of %d", len(got.body), len(packed))
			}
			s.ask(t, "POST", "/v1/accounts/anthropic/default/work/test", nil, as(s.admin.token))
			s.must(t, "POST", "/v1/accounts/anthropic/default/work/clear", nil, as(s.admin.token))
		}
	}
	if got := <-asked; got != "identity" && got != "" {
		t.Errorf("the gateway asks for %s", got)
	}
	if grown := s.memory(t) - before; grown > roomy {
		t.Errorf("the server grew by %d MiB", grown>>20)
	}
}

// endless is a body without an end.
type endless struct{ text string }

func (e endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.text[i%len(e.text)]
	}
	return len(b), nil
}

// Somebody sends everything as large as can be.
func TestOversized(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	before := s.memory(t)
	deep := func(n int, open, end string) string { return strings.Repeat(open, n) + strings.Repeat(end, n) }
	object := func(field, value string) string { return `{"name":"A","value":"AAAA",` + field + `:` + value + `}` }
	s.unchanged(t, func() {
		for what, body := range map[string]string{
			"deep lists":             deep(20_000, "[", "]"),
			"deep objects":           strings.Repeat(`{"a":`, 8_000) + "1" + strings.Repeat("}", 8_000),
			"a deep unknown field":   object(`"x"`, deep(20_000, "[", "]")),
			"a deep selector":        object(`"selector"`, strings.Repeat(`{"a":`, 8_000)+"1"+strings.Repeat("}", 8_000)),
			"a list for text":        object(`"env"`, "["+strings.Repeat("1,", 20_000)+"1]"),
			"a long number":          object(`"lookup"`, strings.Repeat("9", 50_000)),
			"a huge exponent":        object(`"lookup"`, "1e999999999"),
			"a name twice":           `{"name":"A","name":"B","value":"AAAA","lookup":true}`,
			"a name in capitals":     `{"NAME":"A","value":"AAAA","lookup":true}`,
			"an unknown name":        object(`"owner"`, `"local"`),
			"two values":             `{"name":"A","value":"AAAA","lookup":true}{"name":"B"}`,
			"no UTF-8":               "{\"name\":\"A\xff\",\"value\":\"AAAA\",\"lookup\":true}",
			"half a surrogate":       `{"name":"A\ud800","value":"AAAA","lookup":true}`,
			"null":                   "null",
			"nothing":                "",
			"a mark before it":       "\ufeff" + `{"name":"A","value":"AAAA","lookup":true}`,
			"many labels":            object(`"selector"`, "{"+manyLabels(1000)+"}"),
			"a value that is a list": `{"name":"A","value":[65],"lookup":true}`,
			"[redacted]":             `{"name":"A","value":"[redacted]","lookup":true}`,
		} {
			got := s.ask(t, "POST", "/v1/secrets", []byte(body), as(s.admin.token), kept())
			if got.status != 400 {
				t.Errorf("%s: %v", what, got)
			}
		}
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json; charset=utf-16", "application/json, text/plain", ""} {
			s.ask(t, "POST", "/v1/secrets", []byte(`{"name":"A","value":"AAAA","lookup":true}`), as(s.admin.token), func(r *request) { r.Header.Set("Content-Type", kind) }).want(t, "the type "+kind, 415, "")
		}
		s.tooLarge(t)
	})
	if grown := s.memory(t) - before; grown > roomy {
		t.Errorf("the server grew by %d MiB", grown>>20)
	}
	s.must(t, "POST", "/v1/secrets", api.SecretCreate{Name: "BIG", Lookup: true, Value: api.NewValue(bytes.Repeat([]byte("x"), 1<<20))}, as(s.admin.token))
}

func manyLabels(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`"l%d":"v"`, i))
	}
	return strings.Join(out, ",")
}

// tooLarge sends bodies and heads beyond every limit.
func (s *server) tooLarge(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/v1/secrets", "/v1/tokens", "/v1/login/token", "/v1/org/apply", "/v1/secrets/import", "/v1/workspaces"} {
		said := s.raw(t, "POST "+path+" HTTP/1.1\r\nHost: "+s.addr+"\r\nAuthorization: Bearer "+s.admin.token+"\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n{")
		if !strings.HasPrefix(said, "HTTP/1.1 413 ") {
			t.Errorf("%s: a body of 100 GB: %.200s", path, said)
		}
		got, err := s.try(t, "POST", path, io.MultiReader(strings.NewReader(`{"name":"`), endless{"aaaaaaaa"}), as(s.admin.token), with("Content-Type", "application/json"))
		if err == nil && got.status != 413 { // or the connection is cut while it is still being sent
			t.Errorf("%s: a body without an end: %v", path, got)
		}
	}
	for what, text := range map[string]string{
		"a long target":     "GET /v1/me?" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: " + s.addr + "\r\n\r\n",
		"a long header":     "GET /v1/me HTTP/1.1\r\nHost: " + s.addr + "\r\nX-A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n",
		"many headers":      "GET /v1/me HTTP/1.1\r\nHost: " + s.addr + "\r\n" + strings.Repeat("X-A: a\r\n", 100_000) + "\r\n",
		"a long method":     strings.Repeat("A", 1<<20) + " /v1/me HTTP/1.1\r\nHost: " + s.addr + "\r\n\r\n",
		"a header unending": "GET /v1/me HTTP/1.1\r\nHost: " + s.addr + "\r\nX-A: " + strings.Repeat("a", 8<<20),
	} {
		if got := s.raw(t, text); got != "" && !strings.HasPrefix(got, "HTTP/1.1 431 ") && !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("%s: %.200s", what, got)
		}
	}
	var query []string
	for n := range 10_000 {
		query = append(query, fmt.Sprintf("%x=1", n))
	}
	for what, q := range map[string]string{
		"10,000 parameters": strings.Join(query, "&"), "one of them twice": "limit=1&limit=2", "an unknown one": "x=1", "a bad escape": "limit=%zz", "a semicolon": "limit=1;cursor=2",
		"a large limit": "limit=1001", "no limit": "limit=0", "one below": "limit=-1", "a large number": "limit=99999999999999999999", "another's cursor": "cursor=AAAAAAAAAAAA", "a long cursor": "cursor=" + strings.Repeat("A", 5000),
	} {
		got := s.ask(t, "GET", "/v1/secrets?"+q, nil, as(s.admin.token))
		if got.status != 400 {
			t.Errorf("%s: %v", what, got)
		}
	}
}

// memory is what the server's process has in memory now, in bytes.
func (s *server) memory(t *testing.T) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	m := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(b)
	if err != nil || m == nil {
		t.Fatalf("what memory the server takes: %v", err)
	}
	n, _ := strconv.Atoi(string(m[1])) // digits alone
	return n << 10
}

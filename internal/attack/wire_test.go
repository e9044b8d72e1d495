//go:build linux

package attack

import (
	"fmt"
	"strings"
	"testing"

	"keyfob/api"
)

// A proxy in front and the server behind it read one stream of bytes: where they
// disagree on the end of a request, what one user sends is the beginning of
// another's (request smuggling). Whatever is ambiguous is refused, and nothing
// after it is read.
func TestRequestSmuggling(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	second := "GET /v1/smuggled HTTP/1.1\r\nHost: " + s.addr + "\r\nConnection: close\r\n\r\n"
	head := "POST /v1/login/token HTTP/1.1\r\nHost: " + s.addr + "\r\nContent-Type: application/json\r\n"
	for what, text := range map[string]string{
		"two lengths":              head + "Content-Length: 0\r\nContent-Length: 4\r\n\r\n{}{}" + second,
		"lengths in one":           head + "Content-Length: 0, 4\r\n\r\n{}{}" + second,
		"a length with a sign":     head + "Content-Length: +4\r\n\r\n{}{}" + second,
		"a length below none":      head + "Content-Length: -1\r\n\r\n" + second,
		"a length in hex":          head + "Content-Length: 0x4\r\n\r\n{}{}" + second,
		"a length too long":        head + "Content-Length: 99999999999999999999\r\n\r\n" + second,
		"chunks twice":             head + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + second,
		"chunks in two headers":    head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + second,
		"another encoding":         head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + second,
		"an unknown encoding":      head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + second,
		"a tab in it":              head + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + second,
		"a space before the colon": head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + second,
		"a space in a length":      head + "Content-Length : 4\r\n\r\n{}{}" + second,
		"a folded header":          head + "X-A: a\r\n Content-Length: 4\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 2\r\n\r\n{}" + second,
		"a bad chunk":              head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n" + second,
		"a negative chunk":         head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n{}\r\n0\r\n\r\n" + second,
		"a chunk too long":         head + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}\r\n0\r\n\r\n" + second,
		"a chunk without its end":  head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n" + second,
		"a newer version":          "GET /v1/me HTTP/9.9\r\nHost: " + s.addr + "\r\n\r\n" + second,
		"no version":               "GET /v1/me\r\nHost: " + s.addr + "\r\n\r\n" + second,
		"two targets":              "GET /v1/me /v1/me HTTP/1.1\r\nHost: " + s.addr + "\r\n\r\n" + second,
	} {
		got := s.raw(t, text)
		first, _, _ := strings.Cut(got, "\r\n")
		status := strings.Fields(first + " - -")[1]
		if status != "400" && status != "501" && status != "505" && got != "" || strings.Contains(got, "no_route") {
			t.Errorf("%s: %.400q", what, got)
		}
	}
	// Of a length and chunks the chunks count (RFC 9112, 6.3), in either order: what
	// the length would make a part of the first request's body is none.
	for _, both := range []string{"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length: 500\r\nTransfer-Encoding: chunked\r\n"} {
		got := s.raw(t, head+both+"\r\n2\r\n{}\r\n0\r\n\r\n"+second)
		if !strings.HasPrefix(got, "HTTP/1.1 400 ") || strings.Count(got, "HTTP/1.1 ") > 2 || strings.Count(got, "HTTP/1.1 ") == 2 && !strings.Contains(got, "no_route") {
			t.Errorf("%q: %.1000q", both, got)
		}
	}
	// Two good requests on one connection are two.
	got := s.raw(t, "GET /healthz HTTP/1.1\r\nHost: "+s.addr+"\r\n\r\nGET /v1/smuggled HTTP/1.1\r\nHost: "+s.addr+"\r\nConnection: close\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, "no_route") {
		t.Errorf("two good requests: %.400q", got)
	}
}

// The gateway sends one request on for each that it gets: what follows a body
// does not become a request of its own with the account's key.
func TestSmugglingThroughTheGateway(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.10.1"))
	s.keeps("alice's key", aliceKey)
	provider, good := upstreamAt(t, "127.88.10.1")
	s.account(t, "/v1/accounts", s.admin, "work", aliceKey, good)
	gatewayKey := key(s.workspace(t, s.admin, api.WorkspaceCreate{Gateway: true}).GatewayKey)
	inner := "GET /v1/files HTTP/1.1\r\nHost: x\r\n\r\n"
	head := "POST /p/anthropic/default/v1/messages HTTP/1.1\r\nHost: " + s.addr + "\r\nX-Api-Key: " + gatewayKey + "\r\nContent-Type: application/json\r\nConnection: close\r\n"
	for what, text := range map[string]string{
		"a length and chunks": head + fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n%s", len(hello)+len(inner)+20, len(hello), hello, inner),
		"a bad chunk":         head + "Transfer-Encoding: chunked\r\n\r\n5;x=\"\r\nhello\r\n-0\r\n\r\n" + inner,
		"a trailer":           head + "Trailer: X-Api-Key\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\nX-Api-Key: evil\r\n\r\n", len(hello), hello) + inner,
		"more than it said":   head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s%s", len(hello), hello, inner),
		"less than it said":   head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(hello), hello[:10]),
		"expecting to go on":  head + fmt.Sprintf("Expect: 100-continue\r\nContent-Length: %d\r\n\r\n%s", len(hello), hello),
	} {
		if what == "less than it said" {
			c := s.open(t)
			_, _ = c.Write([]byte(text)) // what it says to that is nobody's
			_ = c.Close()
			continue
		}
		s.raw(t, text)
	}
	for _, r := range provider.Requests() {
		if r.Method != "POST" || r.Path != "/v1/messages" || r.Key != aliceKey || strings.Contains(string(r.Body), "HTTP/1.1") || string(r.Body) != hello {
			t.Errorf("this was sent on: %s %s %.200q", r.Method, r.Path, r.Body)
		}
	}
	if n := len(provider.Requests()); n != 4 {
		t.Errorf("%d of these were sent on, want the four that have a good body", n)
	}
}

// Idempotency keys are chosen by clients, and two may choose the same one, or one
// be seen by another: it must not say what somebody else made, nor keep them from
// making their own, nor stand for another request.
func TestIdempotencyKeyOfAnother(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	alice, bob := s.join(t, "alice"), s.join(t, "bob")
	const once = "0123456789abcdef-chosen-by-alice"
	create := func(p *person, name, text string, more ...how) answer {
		in := api.SecretCreate{Name: name, Value: val(text), Lookup: true}
		return s.ask(t, "POST", "/v1/secrets", in, append(more, as(p.token), with("Idempotency-Key", once))...)
	}
	create(alice, "ONE", "value-of-alice-made-once").want(t, "the first", 201, "")
	again := create(alice, "ONE", "value-of-alice-made-once")
	again.want(t, "the same again", 409, api.ReasonAlreadyMade)
	if at := again.header.Get("Location"); at != "/v1/secrets/ONE" {
		t.Errorf("what it made is at %q", at)
	}
	s.unchanged(t, func() {
		create(alice, "TWO", "value-of-alice-made-once").want(t, "the key for another request", 409, "")
		create(alice, "ONE", "another-value").want(t, "the key with another value", 409, "")
		for _, bad := range []string{"short", strings.Repeat("k", 256), "with a space in it", "ünïcode-characters"} {
			got := s.ask(t, "POST", "/v1/secrets", api.SecretCreate{Name: "X", Value: val("some value"), Lookup: true}, as(alice.token), with("Idempotency-Key", bad))
			got.want(t, "the key "+bad, 400, "")
		}
		s.ask(t, "POST", "/v1/secrets", api.SecretCreate{Name: "X", Value: val("some value"), Lookup: true}, as(alice.token), with("Idempotency-Key", once+"1", "Idempotency-Key", once+"2")).want(t, "two keys", 400, "")
	})
	theirs := create(bob, "ONE", "value-of-alice-made-once")
	theirs.want(t, "another user with the same key and request", 201, "")
	if strings.Contains(theirs.String(), "already") {
		t.Errorf("another user learns of it: %v", theirs)
	}
	// What gives a text out gives it out once.
	made := s.ask(t, "POST", "/v1/tokens", api.TokenCreate{Name: "x", Scopes: []string{"secrets:read"}}, as(alice.token), with("Idempotency-Key", once+"-token"))
	made.want(t, "a token", 201, "")
	twice := s.ask(t, "POST", "/v1/tokens", api.TokenCreate{Name: "x", Scopes: []string{"secrets:read"}}, as(alice.token), with("Idempotency-Key", once+"-token"))
	if twice.status != 409 || strings.Contains(string(twice.body), "kfp_") {
		t.Errorf("the token again: %v", twice)
	}
	other := s.ask(t, "POST", "/v1/tokens", api.TokenCreate{Name: "x", Scopes: []string{"secrets:read"}}, as(bob.token), with("Idempotency-Key", once+"-token"))
	other.want(t, "another user's token", 201, "")
}

// Somebody writes over what another changed meanwhile, or without having looked,
// by playing with the precondition.
func TestPreconditionGames(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	alice, bob := s.join(t, "alice"), s.join(t, "bob")
	s.secret(t, alice, api.SecretCreate{Name: "ONE", Lookup: true}, "value-of-alice-at-some-version")
	s.secret(t, bob, api.SecretCreate{Name: "ONE", Lookup: true}, "value-of-bob-at-some-version")
	text := "changed"
	for range 2 {
		s.must(t, "PATCH", "/v1/secrets/ONE", api.SecretUpdate{Description: &text}, as(alice.token), with("If-Match", s.tag(t, alice)))
	}
	if got := s.tag(t, alice); got != `"v3"` {
		t.Fatalf("the version is %s", got)
	}
	s.unchanged(t, func() {
		for match, want := range map[string]int{
			"": 412, `"v2"`: 412, `"v4"`: 412, `W/"v3"`: 412, "v3": 400, `"v3`: 400, `"3"`: 412, `"v03"`: 412, `"v+3"`: 412, `"v3 "`: 400, `"V3"`: 412, `"v3",*`: 400, `*, "v3"`: 400, `"*"`: 412, `"v1", "v2"`: 412, `"v9223372036854775808"`: 412, `"v0"`: 412, "'v3'": 400, `"v3"x`: 400,
		} {
			for _, method := range []string{"PATCH", "DELETE"} {
				got := s.ask(t, method, "/v1/secrets/ONE", api.SecretUpdate{Description: &text}, as(alice.token), with("If-Match", match))
				if got.status != want && got.status != 400 {
					t.Errorf("%s with If-Match %s: %v, want %d", method, match, got, want)
				}
			}
		}
		for _, method := range []string{"PATCH", "DELETE"} {
			s.ask(t, method, "/v1/secrets/ONE", api.SecretUpdate{Description: &text}, as(alice.token)).want(t, "no precondition", 428, api.ReasonNoPrecondition)
			s.ask(t, method, "/v1/secrets/ONE", api.SecretUpdate{Description: &text}, as(alice.token), with("If-None-Match", "*", "If-Unmodified-Since", "Sat, 01 Jan 2050 00:00:00 GMT")).want(t, "other preconditions", 428, api.ReasonNoPrecondition)
		}
		// A tag of one's own says nothing of another's record.
		for _, match := range []string{"*", `"v3"`} {
			got := s.ask(t, "PATCH", "/v1/secrets/NONE", api.SecretUpdate{Description: &text}, as(bob.token), with("If-Match", match))
			got.want(t, "a record that is not there", 404, "")
		}
	})
	seen := s.ask(t, "GET", "/v1/secrets/ONE", nil, as(bob.token), with("If-None-Match", `"v3"`))
	seen.want(t, "a tag of another's record", 200, "")
	s.ask(t, "GET", "/v1/secrets/ONE", nil, as(alice.token), with("If-None-Match", `"v3"`)).want(t, "one's own", 304, "")
	s.ask(t, "GET", "/v1/secrets/ONE", nil, with("If-None-Match", "*")).want(t, "a tag without a proof", 401, "")
	s.must(t, "DELETE", "/v1/secrets/ONE", nil, as(alice.token), with("If-Match", `"v9", "v3"`))
}

func (s *server) tag(t *testing.T, p *person) string {
	t.Helper()
	return s.must(t, "GET", "/v1/secrets/ONE", nil, as(p.token)).header.Get("ETag")
}

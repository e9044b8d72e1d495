package gateway

import (
	"slices"
	"testing"
)

// What APIs answer with stays byte for byte; what a browser would run or show as
// a document does not stay.
func TestInert(t *testing.T) {
	const plain, bytes = "text/plain; charset=utf-8", "application/octet-stream"
	for in, want := range map[string]string{
		"text/html": plain, "TEXT/HTML; charset=iso-8859-1": "text/plain; charset=iso-8859-1", "text/html; charset=\"a b\"": plain,
		"application/xhtml+xml": plain, "image/svg+xml": plain, "text/xml": plain, "application/xml": plain, "application/rss+xml": plain,
		"text/javascript": plain, "application/javascript": plain, "application/x-javascript": plain, "text/css": plain, "text/ecmascript": plain,
		"application/json; a=b, text/html": plain, "text/html,application/json": plain, " text/html ;": plain, "text/cache-manifest": plain,
		"application/pdf": bytes, "application/wasm": bytes, "multipart/x-mixed-replace; boundary=x": bytes, "message/rfc822": bytes,
		"application/x-shockwave-flash": bytes, "": bytes, "nonsense": bytes, "image/svg": bytes,
	} {
		if got := inert([]string{in}); !slices.Equal(got, []string{want}) {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	for _, same := range []string{
		"application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8", "text/event-stream", "text/event-stream; charset=utf-8",
		"text/plain", "application/problem+json", "application/x-ndjson", "application/octet-stream", "audio/mpeg", "video/mp4", "image/png",
	} {
		if got := inert([]string{same}); !slices.Equal(got, []string{same}) {
			t.Errorf("%q becomes %q", same, got)
		}
	}
	if got := inert([]string{"application/json", "text/html"}); !slices.Equal(got, []string{plain}) {
		t.Errorf("two become %q", got)
	}
	if got := inert(nil); got != nil {
		t.Errorf("none becomes %q", got)
	}
}

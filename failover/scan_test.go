package failover

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// events scans a stream given in pieces.
func events(pieces ...string) (out []string) {
	var s scanner
	for _, p := range pieces {
		s.feed([]byte(p), func(name string, data []byte) bool {
			out = append(out, fmt.Sprintf("%s=%s", name, data))
			return true
		})
	}
	return out
}

func TestScanner(t *testing.T) {
	for in, want := range map[string][]string{
		"":                                       nil,
		"data: x\n\n":                            {"=x"},
		"data:x\r\rdata:y\r\n\r\ndata:z\n\r\n":   {"=x", "=y", "=z"},
		"event: e\ndata: 1\ndata: 2\n\n":         {"e=1\n2"},
		"data: 1\nevent: e\n\ndata: 2\n\n":       {"e=1", "=2"},
		": comment\n\n:\n\n":                     nil,
		"event: ping\n\ndata: x\n\n":             {"=x"},
		"data\n\n":                               {"="},
		"data\ndata\n\n":                         {"=\n"},
		"data:  x: y\n\n":                        {"= x: y"},
		"id: 7\nretry: 5\nfoo: bar\ndata: x\n\n": {"=x"},
		"data: unfinished\n":                     nil,
		"\ufeffdata: x\n\n":                      {"=x"},
		"data: a\n\n\ufeffdata: b\n\n":           {"=a"},
		"\n\n\ndata: x\n\n\n":                    {"=x"},
		"\x00: y\ndata: \x00\n\n":                {"=\x00"},
	} {
		if got := events(in); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if got := events(strings.Split(in, "")...); !slices.Equal(got, want) {
			t.Errorf("%q byte by byte: got %q, want %q", in, got, want)
		}
	}
}

func TestScannerStops(t *testing.T) {
	var s scanner
	n := 0
	if s.feed([]byte("data: 1\n\ndata: 2\n\n"), func(string, []byte) bool { n++; return false }) || n != 1 {
		t.Errorf("saw %d events after a stop", n)
	}
}

// FuzzScanner holds that the result does not depend on where a stream is cut.
func FuzzScanner(f *testing.F) {
	for _, s := range []string{"data: x\r\n\r\n", "event: a\rdata\r\r:c\n", "\xef\xbb\xbfdata: x\n\n", "data:1\ndata:2\r\n\n\r"} {
		f.Add(s, uint16(3), uint16(5))
	}
	f.Fuzz(func(t *testing.T, s string, i, j uint16) {
		if len(s) > 4096 {
			return
		}
		a := int(i) % (len(s) + 1)
		b := a + int(j)%(len(s)-a+1)
		want := events(s)
		if got := events(s[:a], s[a:b], s[b:]); !slices.Equal(got, want) {
			t.Errorf("cut at %d and %d: got %q, want %q", a, b, got, want)
		}
		bytewise := make([]string, len(s))
		for k := range len(s) {
			bytewise[k] = s[k : k+1]
		}
		if got := events(bytewise...); !slices.Equal(got, want) {
			t.Errorf("byte by byte: got %q, want %q", got, want)
		}
	})
}

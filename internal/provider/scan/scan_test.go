package scan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"keyfob/internal/provider/scan"
)

// collect writes doc in pieces of n bytes (0: at once) and lists what came.
func collect(doc string, n int, events bool) []string {
	var got []string
	emit := func(path []byte, v scan.Value) {
		got = append(got, fmt.Sprintf("%s|%d|%q|%v", path, v.Kind, v.Text, v.Long))
	}
	w := interface {
		Write([]byte) (int, error)
	}(scan.New(emit))
	if events {
		w = scan.NewEvents(emit)
	}
	if n <= 0 {
		n = len(doc) + 1
	}
	for len(doc) > 0 {
		k := min(n, len(doc))
		_, _ = w.Write([]byte(doc[:k]))
		doc = doc[k:]
	}
	return got
}

func TestScanner(t *testing.T) {
	long := strings.Repeat("y", scan.MaxValue+9)
	for _, tc := range []struct {
		name, doc string
		want      []string
	}{
		{"flat", `{"model":"m","n":12.5e3,"t":true,"z":null}`, []string{`model|0|"m"|false`, `n|1|"12.5e3"|false`, `t|1|"true"|false`, `z|1|"null"|false`}},
		{"nested", `{"a":{"b":[1,{"c":"x"},[2]]},"d":3}`, []string{`a.b.#|1|"1"|false`, `a.b.#.c|0|"x"|false`, `a.b.#.#|1|"2"|false`, `d|1|"3"|false`}},
		{"white space", " {\r\n\t\"a\" : 1 ,\n\"b\":{ } , \"c\" : [ ] }", []string{`a|1|"1"|false`}},
		{"array", `[{"a":1},{"a":2}]`, []string{`#.a|1|"1"|false`, `#.a|1|"2"|false`}},
		{"escapes", `{"mod\u0065l":"a\n\"\\\/\u00e9\ud83d\ude00"}`, []string{`model|0|` + fmt.Sprintf("%q", "a\n\"\\/é😀") + `|false`}},
		{"half a pair", `{"a":"\ud83dx\udc00"}`, []string{`a|0|` + fmt.Sprintf("%q", "\uFFFDx\uFFFD") + `|false`}},
		{"text that looks like JSON", `{"t":"{\"model\":\"evil\"}","model":"m"}`, []string{`t|0|"{\"model\":\"evil\"}"|false`, `model|0|"m"|false`}},
		{"name that looks like a path", `{"a.b":1,"#":2,"":3}`, []string{"a\x01b|1|\"1\"|false", "\x01|1|\"2\"|false", "\x01|1|\"3\"|false"}},
		{"long name", `{"` + strings.Repeat("k", 65) + `":1}`, []string{"\x01|1|\"1\"|false"}},
		{"long text", `{"a":"` + long + `","b":1}`, []string{`a|0|"` + long[:scan.MaxValue] + `"|true`, `b|1|"1"|false`}},
		{"cut in a text", `{"a":1,"model":"gpt-4`, []string{`a|1|"1"|false`}},
		{"cut in a number", `{"a":12`, nil},
		{"cut in a name", `{"a":1,"mod`, []string{`a|1|"1"|false`}},
		{"wrong bracket", `{"a":1],"b":2}`, []string{`a|1|"1"|false`}},
		{"no JSON", `hello {"a":1}`, nil},
		{"bad escape", `{"a":"\x","b":1}`, nil},
		{"object as a name", `{{"a":1}}`, nil},
		{"too deep", strings.Repeat("[", scan.MaxDepth+1) + "1", nil},
		{"deep", strings.Repeat("[", scan.MaxDepth) + "1]", []string{strings.Repeat("#.", scan.MaxDepth-1) + `#|1|"1"|false`}},
		{"two documents", `{"a":1}{"b":2}`, []string{`a|1|"1"|false`, `b|1|"2"|false`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, n := range []int{0, 1, 2, 3, 7, 1000} {
				if got := collect(tc.doc, n, false); !slices.Equal(got, tc.want) {
					t.Fatalf("in pieces of %d:\n%q, want\n%q", n, got, tc.want)
				}
			}
		})
	}
}

func TestEvents(t *testing.T) {
	for _, tc := range []struct {
		name, doc string
		want      []string
	}{
		{"one", "event: x\ndata: {\"a\":1}\n\n", []string{`a|1|"1"|false`}},
		{"crlf, no space", "data:{\"a\":1}\r\n\r\ndata:{\"a\":2}\r\n\r\n", []string{`a|1|"1"|false`, `a|1|"2"|false`}},
		{"cr", "data: {\"a\":1}\r\rdata: {\"a\":2}\r\r", []string{`a|1|"1"|false`, `a|1|"2"|false`}},
		{"comment and other fields", ": data: {\"a\":1}\nid: 1\nretry: {\"a\":2}\ndatas: {\"a\":3}\ndata: {\"a\":4}\n\n", []string{`a|1|"4"|false`}},
		{"data in lines", "data: {\"a\":\ndata: 1}\n\n", []string{`a|1|"1"|false`}},
		{"done and on", "data: [DONE]\n\ndata: {\"a\":1}\n\n", []string{`#|1|"DONE"|false`, `a|1|"1"|false`}},
		{"broken and on", "data: {\"a\":\n\ndata: {\"b\":1}\n\n", []string{`b|1|"1"|false`}},
		{"no end", "data: {\"a\":1}", []string{`a|1|"1"|false`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, n := range []int{0, 1, 2, 3, 7} {
				if got := collect(tc.doc, n, true); !slices.Equal(got, tc.want) {
					t.Fatalf("in pieces of %d:\n%q, want\n%q", n, got, tc.want)
				}
			}
		})
	}
}

// TestScannerFindsWhatJSONSays compares with encoding/json on documents drawn
// at random.
func TestScannerFindsWhatJSONSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.MapOf(rapid.StringMatching(`[a-z"\\é]{1,8}`), rapid.StringN(-1, 40, 200)).Draw(t, "values")
		doc, err := json.Marshal(map[string]any{"outer": values})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		s := scan.New(func(path []byte, v scan.Value) { got[string(path)] = string(v.Text) })
		for n := rapid.IntRange(1, 50).Draw(t, "piece"); len(doc) > 0; doc = doc[min(n, len(doc)):] {
			_, _ = s.Write(doc[:min(n, len(doc))])
		}
		for k, v := range values {
			if v = strings.ToValidUTF8(v, "\uFFFD"); got["outer."+k] != v {
				t.Fatalf("%q is %q, want %q", k, got["outer."+k], v)
			}
		}
	})
}

func TestManyEscapesTakeLinearTime(t *testing.T) {
	doc := []byte(`{"a":"` + strings.Repeat(`\n`, 1<<20) + `"}`)
	if n := testing.AllocsPerRun(1, func() { _, _ = scan.New(func([]byte, scan.Value) {}).Write(doc) }); n > 20 {
		t.Errorf("%v allocations for one text", n)
	}
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,"x\u00e9\ud83d\ude00"]}}`), 3, false)
	f.Add([]byte("event: x\r\ndata: {\"a\":1}\r\n\r\n"), 1, true)
	f.Add([]byte("data: {\"a\":\ndata: \"x\"}\n\n"), 2, true)
	f.Fuzz(func(t *testing.T, doc []byte, n int, events bool) {
		if n < 1 || n > 4096 {
			t.Skip()
		}
		whole, cut := collect(string(doc), 0, events), collect(string(doc), n, events)
		if !slices.Equal(whole, cut) {
			t.Errorf("at once %q, in pieces of %d %q", whole, n, cut)
		}
		if !events && json.Valid(doc) && bytes.HasPrefix(doc, []byte("{")) {
			s := scan.New(func([]byte, scan.Value) {})
			if _, _ = s.Write(doc); s.Broken() && depth(doc) < scan.MaxDepth {
				t.Error("valid JSON is broken")
			}
		}
	})
}

// depth is at least the nesting of doc.
func depth(doc []byte) int { return bytes.Count(doc, []byte("{")) + bytes.Count(doc, []byte("[")) }

func BenchmarkScanner(b *testing.B) {
	for name, doc := range map[string]string{
		"text":    `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("some words of text. ", 13000) + `"}]}`,
		"escapes": `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat(`func f() {\n\treturn \"x\"\n}\n`, 8700) + `"}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			s := scan.New(func([]byte, scan.Value) {})
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				s.Reset()
				_, _ = s.Write([]byte(doc))
			}
		})
	}
}

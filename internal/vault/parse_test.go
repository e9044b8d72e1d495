package vault

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"keyfob/internal/core"
)

// parsed is the entries as "line name=value" and the problems as "name: message".
func parsed(t *testing.T, format, text string) (entries, problems []string, err error) {
	t.Helper()
	got, bad, err := parsers[format]([]byte(text), 1000)
	for _, e := range got {
		entries = append(entries, string(rune('0'+e.line))+" "+e.name+"="+string(e.value.Reveal()))
	}
	for _, p := range bad {
		problems = append(problems, p.Field+": "+p.Message)
	}
	return entries, problems, err
}

type parseCase struct {
	name, text string
	want       []string // entries
	problem    string   // the only problem, in part
	err        string   // the error, in part
}

func checkParse(t *testing.T, format string, cases []parseCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			entries, problems, err := parsed(t, format, c.text)
			if c.err != "" {
				checkRefusal(t, c.text, err, c.err, "content")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(entries, "|") != strings.Join(c.want, "|") {
				t.Errorf("entries %q, want %q", entries, c.want)
			}
			if (c.problem == "") != (len(problems) == 0) || !strings.Contains(strings.Join(problems, "|"), c.problem) {
				t.Errorf("problems %q, want %q", problems, c.problem)
			}
		})
	}
}

func TestParseEnv(t *testing.T) {
	checkParse(t, "env", []parseCase{
		{name: "empty", text: ""},
		{name: "comments only", text: "# a\n\n  # b\n"},
		{name: "plain", text: "A=1\nB=two words", want: []string{"1 A=1", "2 B=two words"}},
		{name: "byte-order mark and CRLF", text: "\xef\xbb\xbfA=1\r\nB=2\r\n", want: []string{"1 A=1", "2 B=2"}},
		{name: "export", text: "export A=1\nexport\tB=2\n export  C=3\nexport=4", want: []string{"1 A=1", "2 B=2", "3 C=3", "4 export=4"}},
		{name: "spaces", text: "  A = 1 \t\n", want: []string{"1 A=1"}},
		{name: "# inside is kept", text: "A=b # c\nB=#x", want: []string{"1 A=b # c", "2 B=#x"}},
		{name: "= inside is kept", text: "A=b=c==", want: []string{"1 A=b=c=="}},
		{name: "no expansion", text: "A=$HOME\nB=\"${X} $(y) `z`\"", want: []string{"1 A=$HOME", "2 B=${X} $(y) `z`"}},
		{name: "single quotes are literal", text: `A='a\n"b" # c'`, want: []string{`1 A=a\n"b" # c`}},
		{name: "double quotes", text: `A="a\n\t\r\\\"'b "`, want: []string{"1 A=a\n\t\r\\\"'b "}},
		{name: "quote inside", text: `A=it's "x"`, want: []string{`1 A=it's "x"`}},
		{name: "empty values are left to the value's rule", text: "A=\nB=''\nC=\"\"", want: []string{"1 A=", "2 B=", "3 C="}},
		{name: "bytes", text: "A=\xff\xfe", want: []string{"1 A=\xff\xfe"}},
		{name: "duplicate", text: "A=1\n\nA=2", want: []string{"1 A=1"}, problem: "A: line 3: the name stands in line 1 already"},
		{name: "no =", text: "A=1\nhello", err: "line 2: it is not NAME=VALUE"},
		{name: "bad name", text: "1A=x", err: "line 1: what stands before the = is not a variable's name"},
		{name: "export alone", text: "export =x", want: []string{"1 export=x"}},
		{name: "name with space", text: "A B=x", err: "not a variable's name"},
		{name: "open single quote", text: "A='x", err: "line 1: the quote is not closed"},
		{name: "open double quote", text: "A=\"x\ny\"", err: "line 1: the quote is not closed"},
		{name: "escaped end", text: `A="x\"`, err: "the quote is not closed"},
		{name: "backslash at the end", text: `A="x\`, err: "the quote is not closed"},
		{name: "after the quote", text: `A="x" # c`, err: "something follows"},
		{name: "unknown escape", text: `A="\d"`, err: "a backslash is followed by none of"},
		{name: "carriage return inside", text: "A=1\rB=2", err: "carriage return"},
	})
}

func TestParseJSON(t *testing.T) {
	checkParse(t, "json", []parseCase{
		{name: "empty object", text: "{}"},
		{name: "plain", text: "{\"A\": \"1\",\n\"b c\": \"\\u00e4\\n\\ud83d\\ude00\"}", want: []string{"1 A=1", "2 b c=ä\n😀"}},
		{name: "byte-order mark", text: "\xef\xbb\xbf{\"A\":\"1\"}", want: []string{"1 A=1"}},
		{name: "escaped backslash before u", text: `{"A":"\\ud800"}`, want: []string{`1 A=\ud800`}},
		{name: "replacement character", text: "{\"A\":\"\uFFFD\\ufffd\"}", want: []string{"1 A=\uFFFD\uFFFD"}},
		{name: "duplicate", text: "{\"A\":\"1\",\n\"A\":\"2\"}", want: []string{"1 A=1"}, problem: "A: line 2: the name stands in line 1 already"},
		{name: "duplicate by escape", text: "{\"A\":\"1\",\n\"\\u0041\":\"2\"}", want: []string{"1 A=1"}, problem: "A: line 2"},
		{name: "nothing", text: "", err: "not a JSON object"},
		{name: "array", text: "[]", err: "not a JSON object"},
		{name: "number", text: "{\"A\":\n1}", err: "line 2: a value is not a string"},
		{name: "null", text: `{"A":null}`, err: "a value is not a string"},
		{name: "nested", text: `{"A":{"B":"c"}}`, err: "a value is not a string"},
		{name: "list", text: `{"A":["b"]}`, err: "a value is not a string"},
		{name: "cut", text: `{"A":"b"`, err: "not closed"},
		{name: "cut in a value", text: `{"A":"b`, err: "not valid JSON"},
		{name: "trailing comma", text: `{"A":"b",}`, err: "line 1: "},
		{name: "two objects", text: `{"A":"b"}{"C":"d"}`, err: "something follows"},
		{name: "trailing text", text: `{"A":"b"} x`, err: "something follows"},
		{name: "half pair", text: `{"A":"\ud800"}`, err: "surrogate"},
		{name: "half pair at the end", text: `{"A":"\ud83dx"}`, err: "surrogate"},
		{name: "wrong half", text: `{"A":"\ude00\ud83d"}`, err: "surrogate"},
		{name: "not UTF-8", text: "{\n\"A\":\"\xff\"}", err: "line 2: it is not UTF-8"},
	})
}

func TestParseYAML(t *testing.T) {
	checkParse(t, "yaml", []parseCase{
		{name: "empty", text: ""},
		{name: "comment", text: "# nothing\n"},
		{name: "empty mapping", text: "{}"},
		{name: "plain", text: "A: one\n\"b c\": '2'\nC: \"x\\ny\"", want: []string{"1 A=one", "2 b c=2", "3 C=x\ny"}},
		{name: "literal block", text: "A: |\n  x\n  y\nB: z", want: []string{"1 A=x\ny\n", "4 B=z"}},
		{name: "tagged", text: "A: !!str 12", want: []string{"1 A=12"}},
		{name: "flow", text: "{A: x, B: y}", want: []string{"1 A=x", "1 B=y"}},
		{name: "one document with its marks", text: "---\nA: x\n...\n", want: []string{"2 A=x"}},
		{name: "byte-order mark and CRLF", text: "\xef\xbb\xbfA: x\r\nB: y\r\n", want: []string{"1 A=x", "2 B=y"}},
		{name: "duplicate", text: "A: x\nB: y\nA: z", want: []string{"1 A=x", "2 B=y"}, problem: "A: line 3: the name stands in line 1 already"},
		{name: "number", text: "A: 12", problem: "A: line 1: the value is not a string: put it in quotes"},
		{name: "true", text: "A: true", problem: "not a string"},
		{name: "date", text: "A: 2026-01-02", problem: "not a string"},
		{name: "nothing", text: "A:", problem: "not a string"},
		{name: "binary", text: "A: !!binary aGk=", problem: "not a string"},
		{name: "own tag", text: "A: !x y", problem: "not a string"},
		{name: "nested", text: "A:\n  B: c", problem: "nested"},
		{name: "list", text: "A: [b]", problem: "nested"},
		{name: "anchor", text: "A: &x y", problem: "anchor"},
		{name: "alias", text: "A: &x y\nB: *x", problem: "alias"},
		{name: "anchored mapping", text: "&x {A: b}", err: "anchor"},
		{name: "merge", text: "<<: {A: b}", err: "a name is not a string"},
		{name: "number as a name", text: "1: x", err: "a name is not a string"},
		{name: "list at the top", text: "- a", err: "not a mapping"},
		{name: "scalar at the top", text: "a", err: "not a mapping"},
		{name: "two documents", text: "A: x\n---\nB: y", err: "a second document"},
		{name: "broken", text: "A: 'x\nB: y", err: "not valid YAML"},
		{name: "broken second document", text: "A: x\n---\nB: 'y", err: "not valid YAML"},
		{name: "tab", text: "A:\n\tB: x", err: "line 2: it is not valid YAML"},
	})
}

// A text that cannot be read may be a value in the wrong place.
func TestParseErrorsQuoteNothing(t *testing.T) {
	const canary = "sk-Canary9"
	for format, texts := range map[string][]string{
		"env": {canary, "A=\"" + canary, "A='" + canary + "' " + canary, "A=\"\\" + canary + "\"", canary + "=x", "A=" + canary + "\r" + canary,
			"A=\"" + canary + "\n" + canary + "=\""},
		"json": {canary, `{"A":` + canary + `}`, `{"A":"` + canary, `{"A":["` + canary + `"]}`, `{"A":"b"}` + canary, `{"A":"` + canary + `\ud800"}`,
			`{"A":"` + canary + `\x"}`, "[\"" + canary + "\"]"},
		"yaml": {"- " + canary, canary, "A: '" + canary, "A: &" + canary + " b", "A: *" + canary, "A: !" + canary + " x", "A: {b: " + canary + "}",
			"A: b\n" + canary, "A: \"" + canary + "\\q\"", "%" + canary, "A: @" + canary},
	} {
		for _, text := range texts {
			_, problems, err := parsers[format]([]byte(text), 1000)
			all, _ := json.Marshal(problems)
			if err != nil {
				one, _ := json.Marshal(err)
				all = append(append(all, one...), err.Error()...)
			}
			if strings.Contains(string(all), "Canary9") {
				t.Errorf("%s: %q gives %s", format, text, all)
			}
			if len(problems) == 0 && err == nil {
				t.Errorf("%s: %q is taken", format, text)
			}
		}
	}
}

// checkEntries holds what each parser promises of what it takes.
func checkEntries(t *testing.T, entries []entry, problems []core.Detail, err error) {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range entries {
		if seen[e.name] || e.line < 1 {
			t.Errorf("entry %q twice, or without a line", e.name)
		}
		seen[e.name] = true
	}
	for _, p := range problems {
		if !strings.HasPrefix(p.Message, "line ") {
			t.Errorf("problem %q without a line", p.Message)
		}
	}
	if err != nil && (core.CodeOf(err) != core.Invalid || len(entries)+len(problems) > 0) {
		t.Errorf("error %v with %d entries and %d problems", err, len(entries), len(problems))
	}
}

func FuzzParseEnv(f *testing.F) {
	for _, s := range []string{"A=1", "export A='x'\r\n#\nB=\"\\n\"", "\xef\xbb\xbfA=", "A=\"x", "=", "A==\n\rB"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, problems, err := parseEnv(text, 1000)
		checkEntries(t, entries, problems, err)
		for _, e := range entries {
			if !envName().MatchString(e.name) {
				t.Errorf("name %q", e.name)
			}
			// Written in the way that needs no unquoting, it reads the same.
			again, _, err := parseEnv([]byte(e.name+"=\""+envQuoted.Replace(string(e.value.Reveal()))+"\""), 1000)
			if err != nil || len(again) != 1 || !again[0].value.Equal(e.value) {
				t.Errorf("%q does not survive being quoted: %v", e.value.Reveal(), err)
			}
		}
	})
}

var envQuoted = strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`, `\`, `\\`, `"`, `\"`)

func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"A":"1"}`, `{"A":"\ud83d\ude00","A":""}`, `{"A":1}`, `[`, "{\"\xff\":\"\"}", `{"A":"b"}x`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, problems, err := parseJSON(text, 1000)
		checkEntries(t, entries, problems, err)
		if err != nil {
			return
		}
		var want map[string]any
		if json.Unmarshal(withoutBOM(text), &want) != nil || !utf8.Valid(text) {
			t.Fatal("it took what encoding/json does not")
		}
		if len(problems) > 0 {
			return // encoding/json takes the last of duplicates
		}
		if len(want) != len(entries) {
			t.Errorf("%d entries, want %d", len(entries), len(want))
		}
		for _, e := range entries {
			if want[e.name] != string(e.value.Reveal()) {
				t.Errorf("%q is %q, want %q", e.name, e.value.Reveal(), want[e.name])
			}
		}
	})
}

func FuzzParseYAML(f *testing.F) {
	for _, s := range []string{"A: b", "{A: b}", "---\nA: |\n x\n", "A: &x b\nB: *x", "- a", "A: 'b", "? a\n: b", "!!map {A: b}", "A: 1\nA: 2", "%YAML 1.2\n---\nA: b"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, problems, err := parseYAML(text, 1000)
		checkEntries(t, entries, problems, err)
		if err != nil || len(problems) > 0 {
			return
		}
		want := map[string]string{}
		if err := yaml.Unmarshal(withoutBOM(text), &want); err != nil {
			t.Fatalf("it took what does not decode: %v", err)
		}
		for _, e := range entries {
			if got, ok := want[e.name]; !ok || got != string(e.value.Reveal()) || len(want) != len(entries) {
				t.Errorf("%q is %q, want %q", e.name, e.value.Reveal(), got)
			}
		}
	})
}

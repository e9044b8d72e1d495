package deliver

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
)

// mergeJSON merges over deep over the object in text, which may have comments
// and trailing commas (JSONC). Objects merge by key; anything else is replaced.
// Text that is blank is an empty object. Numbers keep their digits.
func mergeJSON(text string, over map[string]any) (string, error) {
	base, err := parseObject(text)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(mergeDeep(base, over)); err != nil {
		return "", err
	}
	return string(bytes.TrimSpace(b.Bytes())), nil
}

func mergeDeep(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range over {
		a, aok := out[k].(map[string]any)
		b, bok := v.(map[string]any)
		if aok && bok {
			out[k] = mergeDeep(a, b)
			continue
		}
		out[k] = v
	}
	return out
}

// errNotObject never repeats the text, which may hold a value.
var errNotObject = errors.New("it is not a JSON object")

func parseObject(text string) (map[string]any, error) {
	clean := bytes.TrimSpace(plainJSON([]byte(text)))
	if len(clean) == 0 {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(clean))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil || out == nil {
		return nil, errNotObject
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotObject
	}
	return out, nil
}

// plainJSON blanks comments and trailing commas outside of strings.
func plainJSON(b []byte) []byte {
	out := bytes.TrimPrefix(bytes.Clone(b), []byte("\xef\xbb\xbf"))
	comma := -1 // a comma with only space and comments after it so far
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '"':
			i, comma = endOfString(out, i), -1
		case c == '/' && i+1 < len(out) && (out[i+1] == '/' || out[i+1] == '*'):
			i = blankComment(out, i)
		case c == ',':
			comma = i
		case (c == '}' || c == ']') && comma >= 0:
			out[comma], comma = ' ', -1
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			comma = -1
		}
	}
	return out
}

// endOfString is the index of the quote that ends the string begun at i.
func endOfString(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}

// blankComment overwrites the comment at i with spaces and gives its last
// index. A block comment without an end stays, so that parsing refuses it.
func blankComment(b []byte, i int) int {
	end := len(b)
	if b[i+1] == '/' {
		if n := bytes.IndexByte(b[i:], '\n'); n >= 0 {
			end = i + n
		}
	} else {
		n := bytes.Index(b[i+2:], []byte("*/"))
		if n < 0 {
			return len(b)
		}
		end = i + 2 + n + 2
	}
	for j := i; j < end; j++ {
		b[j] = ' '
	}
	return end - 1
}

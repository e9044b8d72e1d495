package vault

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"keyfob/internal/core"
)

const jsonHint = `the text is one object of strings, such as {"NPM_TOKEN": "..."}`

// parseJSON reads one flat object of strings. What encoding/json would mend in
// silence, and so change a value, is refused: bytes that are not UTF-8 and half
// surrogate pairs.
func parseJSON(text []byte, most int) ([]entry, []core.Detail, error) {
	text = withoutBOM(text)
	if !utf8.Valid(text) {
		return nil, nil, unreadable(1+bytes.Count(text[:invalidAt(text)], []byte("\n")), "it is not UTF-8", jsonHint)
	}
	p := jsonParser{text: text, dec: json.NewDecoder(bytes.NewReader(text)), most: most}
	if err := p.object(); err != nil {
		return nil, nil, err
	}
	return p.c.entries, p.c.problems, nil
}

type jsonParser struct {
	text []byte
	dec  *json.Decoder
	c    collector
	most int

	offset int64 // up to which the lines are counted
	lines  int
}

// line is the line that the decoder stands in. Each byte is looked at once.
func (p *jsonParser) line() int {
	to := p.dec.InputOffset()
	p.lines += bytes.Count(p.text[p.offset:to], []byte("\n"))
	p.offset = to
	return p.lines + 1
}

func (p *jsonParser) fail(why string) error { return unreadable(p.line(), why, jsonHint) }

func (p *jsonParser) object() error {
	if t, err := p.dec.Token(); err != nil || t != json.Delim('{') {
		return p.fail("it is not a JSON object")
	}
	for p.dec.More() {
		if err := p.pair(); err != nil || p.c.over(p.most) {
			return err
		}
	}
	if _, err := p.dec.Token(); err != nil {
		return p.fail("the object is not closed")
	}
	if _, err := p.dec.Token(); err != io.EOF {
		return p.fail("something follows the object")
	}
	return nil
}

func (p *jsonParser) pair() error {
	name, err := p.word("a name is not a string")
	if err != nil {
		return err
	}
	line := p.line()
	value, err := p.word("a value is not a string: nothing may be nested, and numbers and true and false go in quotes")
	if err != nil {
		return err
	}
	p.c.add(name, line, []byte(value))
	return nil
}

// word reads one string.
func (p *jsonParser) word(why string) (string, error) {
	from := p.dec.InputOffset()
	t, err := p.dec.Token()
	if err != nil {
		return "", p.fail("it is not valid JSON")
	}
	s, ok := t.(string)
	if !ok {
		return "", p.fail(why)
	}
	if halfPair(p.text[from:p.dec.InputOffset()]) {
		return "", p.fail(`half of a surrogate pair (\ud800 to \udfff) stands alone`)
	}
	return s, nil
}

// halfPair says whether a JSON string, as written, escapes half of a UTF-16
// surrogate pair without the other half.
func halfPair(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		r, ok := escapedRune(raw[i:])
		if !ok {
			i++ // the escaped character
			continue
		}
		i += 5
		if !utf16.IsSurrogate(r) {
			continue
		}
		low, ok := escapedRune(raw[i+1:])
		if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
			return true
		}
		i += 6
	}
	return false
}

// escapedRune reads the \uXXXX that b begins with.
func escapedRune(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}

func invalidAt(text []byte) int {
	at := 0
	for at < len(text) {
		r, n := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	return at
}

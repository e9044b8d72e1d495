package scan

import (
	"unicode/utf16"
	"unicode/utf8"
)

// escape is what is known of the escape under way.
type escape struct {
	digits    int
	unit      rune
	surrogate rune // a high surrogate that waits for its low one; 0: none
}

var simple = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped takes one byte of an escape.
func (s *Scanner) escaped(p []byte) []byte {
	c := p[0]
	switch {
	case s.state == inHex:
		s.hex(c)
	case c == 'u':
		s.state, s.esc.digits, s.esc.unit = inHex, 0, 0
	case simple[c] != 0:
		s.state = inString
		s.chunk([]byte{simple[c]})
	default:
		s.state = broken
	}
	return p[1:]
}

func (s *Scanner) hex(c byte) {
	d := unhex(c)
	if d < 0 {
		s.state = broken
		return
	}
	s.esc.unit = s.esc.unit<<4 | rune(d)
	if s.esc.digits++; s.esc.digits == 4 {
		s.state = inString
		s.unit(s.esc.unit)
	}
}

// unit takes one UTF-16 unit; half a pair alone becomes U+FFFD, as in
// encoding/json.
func (s *Scanner) unit(r rune) {
	if high := s.esc.surrogate; high != 0 {
		s.esc.surrogate = 0
		if pair := utf16.DecodeRune(high, r); pair != utf8.RuneError {
			s.chunk(utf8.AppendRune(nil, pair))
			return
		}
		s.chunk([]byte("\uFFFD"))
	}
	if 0xD800 <= r && r < 0xDC00 {
		s.esc.surrogate = r
		return
	}
	s.chunk(utf8.AppendRune(nil, r))
}

func (s *Scanner) flushSurrogate() {
	if s.esc.surrogate != 0 {
		s.esc.surrogate = 0
		s.chunk([]byte("\uFFFD"))
	}
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

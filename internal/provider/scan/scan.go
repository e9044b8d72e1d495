// Package scan reads single values out of JSON and server-sent events that may
// be long, cut anywhere, or no JSON at all, as they come by and in bounded
// memory.
package scan

import "bytes"

// Limits of a Scanner.
const (
	MaxDepth = 128  // nesting; deeper is broken
	MaxKey   = 64   // bytes of one name that are kept
	MaxValue = 1024 // bytes of one value that are kept
)

// Kind is what a value is.
type Kind uint8

// The kinds of a scalar value.
const (
	String  Kind = iota
	Literal      // a number, true, false or null, as written
)

// Value is one scalar.
type Value struct {
	Kind Kind
	Text []byte // unescaped; valid during the call only
	Long bool   // longer than MaxValue: Text is its beginning
}

// Emit gets each scalar when it ends (a long one as soon as it is long). The
// path is the names from the outermost object, joined with dots, and "#" for an
// element of an array: "messages.#.content.#.text". A dot, a "#" or more than
// MaxKey bytes in a name become a byte 1, so that no name looks like a path. It
// is valid during the call only.
type Emit func(path []byte, v Value)

// Scanner reads JSON (RFC 8259) that is written to it in pieces of any size;
// where they are cut makes no difference. It is tolerant: it follows strings
// and brackets and leaves the rest of the grammar to the one who parses. What
// cannot be followed breaks it, and it says nothing more until Reset. A value
// that is cut off by the end is never emitted. The zero value is not usable;
// see New.
type Scanner struct {
	emit  Emit
	state state
	key   bool // the string under way is a name

	stack []frame
	path  []byte
	text  []byte
	long  bool // the string under way was emitted already

	esc escape
}

type frame struct {
	array bool
	path  int // length of the path outside of this frame's own element or member
}

type state uint8

const (
	between state = iota // anything may come
	inString
	inEscape
	inHex
	inBare // a number or a literal
	broken
)

// New makes a scanner that gives what it finds to emit.
func New(emit Emit) *Scanner {
	return &Scanner{emit: emit, stack: make([]frame, 0, 8), path: make([]byte, 0, 128), text: make([]byte, 0, 128)}
}

// Reset begins a new document.
func (s *Scanner) Reset() {
	s.state, s.key, s.long = between, false, false
	s.stack, s.path, s.text = s.stack[:0], s.path[:0], s.text[:0]
	s.esc = escape{}
}

// Broken says whether the bytes since the last Reset cannot be followed.
func (s *Scanner) Broken() bool { return s.state == broken }

// Write reads on. It never fails.
func (s *Scanner) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		switch s.state {
		case between:
			p = s.next(p)
		case inString:
			p = s.str(p)
		case inEscape, inHex:
			p = s.escaped(p)
		case inBare:
			p = s.bare(p)
		default:
			return n, nil
		}
	}
	return n, nil
}

// next takes one byte between values.
func (s *Scanner) next(p []byte) []byte {
	switch c := p[0]; c {
	case ' ', '\t', '\r', '\n', ':':
	case ',':
		s.sibling()
	case '{', '[':
		s.open(c == '[')
	case '}', ']':
		s.close(c == ']')
	case '"':
		s.state, s.long, s.text = inString, false, s.text[:0]
	default:
		s.state, s.text, s.long = inBare, s.text[:0], false
		return p // it is part of the value
	}
	return p[1:]
}

// open begins an object or array, which cannot stand where a name must.
func (s *Scanner) open(array bool) {
	if len(s.stack) == MaxDepth || s.key {
		s.state = broken
		return
	}
	s.stack = append(s.stack, frame{array: array, path: len(s.path)})
	s.key = !array
	if array {
		s.element()
	}
}

func (s *Scanner) close(array bool) {
	top := len(s.stack) - 1
	if top < 0 || s.stack[top].array != array {
		s.state = broken
		return
	}
	s.path = s.path[:s.stack[top].path]
	s.stack = s.stack[:top]
	s.key = false
}

func (s *Scanner) sibling() {
	top := len(s.stack) - 1
	if top < 0 {
		s.state = broken
		return
	}
	s.path = s.path[:s.stack[top].path]
	s.key = !s.stack[top].array
	if !s.key {
		s.element()
	}
}

// element adds an array's element to the path.
func (s *Scanner) element() {
	if len(s.path) > 0 {
		s.path = append(s.path, '.')
	}
	s.path = append(s.path, '#')
}

// member adds an object's member to the path.
func (s *Scanner) member(name []byte) {
	if len(s.path) > 0 {
		s.path = append(s.path, '.')
	}
	if len(name) == 0 || len(name) > MaxKey {
		s.path = append(s.path, 1)
		return
	}
	for _, c := range name {
		if c == '.' || c == '#' {
			c = 1
		}
		s.path = append(s.path, c)
	}
}

var delimiters = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, ',': true, ':': true, '{': true, '}': true, '[': true, ']': true, '"': true}

// bare reads a number or literal up to what ends it, which is left.
func (s *Scanner) bare(p []byte) []byte {
	i := 0
	for i < len(p) && !delimiters[p[i]] {
		i++
	}
	s.keep(p[:i])
	if i == len(p) {
		return nil
	}
	if s.key || len(s.stack) == 0 {
		s.state = broken
		return nil
	}
	s.state = between
	s.emit(s.path, Value{Kind: Literal, Text: s.text, Long: s.long})
	return p[i:]
}

// keep holds on to b, up to the limit.
func (s *Scanner) keep(b []byte) {
	if room := MaxValue - len(s.text); len(b) > room {
		b, s.long = b[:room], true
	}
	s.text = append(s.text, b...)
}

// window is how far a search looks at once, so that a text full of escapes
// costs no more than its length times this.
const window = 512

// str reads up to the string's end, its next escape or the window's end.
func (s *Scanner) str(p []byte) []byte {
	body := p[:min(len(p), window)]
	end := bytes.IndexByte(body, '"')
	if end >= 0 {
		body = body[:end]
	}
	if i := bytes.IndexByte(body, '\\'); i >= 0 {
		s.chunk(body[:i])
		s.state = inEscape
		return p[i+1:]
	}
	s.chunk(body)
	if end < 0 {
		return p[len(body):]
	}
	s.endString()
	return p[end+1:]
}

// chunk keeps a part of the string under way, and emits it once it is long.
func (s *Scanner) chunk(b []byte) {
	if s.long || len(b) == 0 {
		return
	}
	s.flushSurrogate()
	s.keep(b)
	if s.long && !s.key {
		s.emit(s.path, Value{Kind: String, Text: s.text, Long: true})
	}
}

func (s *Scanner) endString() {
	s.flushSurrogate()
	s.state = between
	switch {
	case s.key:
		s.key = false
		s.member(s.text)
	case s.long || len(s.stack) == 0:
	default:
		s.emit(s.path, Value{Kind: String, Text: s.text})
	}
}

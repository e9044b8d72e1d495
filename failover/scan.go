package failover

import "bytes"

// scanner reads server-sent events as they come in, in pieces cut anywhere
// (WHATWG HTML, section 9.2.6, "Interpreting an event stream"): lines end in LF,
// CR or CRLF, a line that begins with a colon is a comment, several data lines
// are joined by LF, an event without data is none. The zero value is ready. It
// keeps the event under way, so its caller bounds what it is fed.
type scanner struct {
	line    []byte
	name    string
	data    []byte
	hasData bool
	begun   bool // the first line, which may begin with a byte order mark, is over
	afterCR bool // a LF now belongs to the line before
}

// feed reads p and gives each event that it completes to see, until see says
// false; then feed says false, and is not to be called again. data is valid
// during the call only.
func (s *scanner) feed(p []byte, see func(name string, data []byte) bool) bool {
	for len(p) > 0 {
		if s.afterCR {
			s.afterCR = false
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
		}
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			s.line = append(s.line, p...)
			return true
		}
		s.line = append(s.line, p[:i]...)
		s.afterCR = p[i] == '\r'
		p = p[i+1:]
		if !s.end(see) {
			return false
		}
	}
	return true
}

// end takes in the line that is complete.
func (s *scanner) end(see func(string, []byte) bool) bool {
	line := s.line
	s.line = s.line[:0]
	if !s.begun {
		s.begun, line = true, bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	if len(line) == 0 {
		return s.dispatch(see)
	}
	field, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "event":
		s.name = string(value)
	case "data":
		if s.hasData {
			s.data = append(s.data, '\n')
		}
		s.data, s.hasData = append(s.data, value...), true
	}
	return true
}

func (s *scanner) dispatch(see func(string, []byte) bool) bool {
	name, data, has := s.name, s.data, s.hasData
	s.name, s.data, s.hasData = "", s.data[:0], false
	return !has || see(name, data)
}

package scan

import "bytes"

// Events reads server-sent events (HTML Living Standard, 9.2.6) whose data is
// JSON, and gives the scalars of each event's data to the scanner. It keeps no
// event.
type Events struct {
	scanner *Scanner
	state   line
	field   [5]byte // the beginning of the line's field name
	n       int     // how many of it are known
	cr      bool    // the last byte was a carriage return
}

type line uint8

const (
	inField line = iota // still in the name
	afterColon
	inData
	skipped // some other field, or a comment
)

// NewEvents makes a reader of events.
func NewEvents(emit Emit) *Events { return &Events{scanner: New(emit)} }

// Write reads on. It never fails.
func (e *Events) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if e.cr {
			if e.cr = false; p[0] == '\n' { // the second half of a line's end
				p = p[1:]
				continue
			}
		}
		body := p[:min(len(p), window)]
		end := lineEnd(body)
		if end < 0 {
			e.part(body)
			p = p[len(body):]
			continue
		}
		e.part(body[:end])
		e.endLine()
		e.cr, p = p[end] == '\r', p[end+1:]
	}
	return n, nil
}

// lineEnd finds the first carriage return or line feed, or gives -1.
func lineEnd(p []byte) int {
	lf := bytes.IndexByte(p, '\n')
	if lf >= 0 {
		p = p[:lf]
	}
	if cr := bytes.IndexByte(p, '\r'); cr >= 0 {
		return cr
	}
	return lf
}

// part takes a piece of one line.
func (e *Events) part(p []byte) {
	for len(p) > 0 && e.state != skipped && e.state != inData {
		if e.state == inField {
			e.name(p[0])
			p = p[1:]
			continue
		}
		e.state = inData
		if p[0] == ' ' {
			p = p[1:]
		}
	}
	if e.state == inData {
		_, _ = e.scanner.Write(p)
	}
}

func (e *Events) name(c byte) {
	switch {
	case c == ':' && string(e.field[:e.n]) == "data":
		e.state = afterColon
	case c == ':' || e.n == len(e.field):
		e.state = skipped
	default:
		e.field[e.n] = c
		e.n++
	}
}

// endLine ends a line; an empty one ends the event.
func (e *Events) endLine() {
	switch {
	case e.state == inData || e.state == afterColon:
		_, _ = e.scanner.Write([]byte{'\n'}) // data lines are joined so
	case e.state == inField && e.n == 0:
		e.scanner.Reset()
	}
	e.state, e.n = inField, 0
}

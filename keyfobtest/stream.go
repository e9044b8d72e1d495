package keyfobtest

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// frame is one event of a stream.
type frame struct {
	name  string // empty: data alone
	data  any    // a string is sent as it is
	point Point  // where in the answer the stream is after it
}

// play sends a stream, and cuts it or breaks it off with an error where the
// behaviour says so.
func (p *Provider) play(c *call, frames []frame) {
	c.head(http.StatusOK, "text/event-stream; charset=utf-8")
	if c.wants(AfterPing) {
		frames = append([]frame{c.ping()}, frames...)
	}
	if c.reached(AfterHeaders) {
		return
	}
	for i, f := range frames {
		if i > 0 && c.b.EventGap > 0 && !p.sleep(c, c.b.EventGap) {
			panic(http.ErrAbortHandler)
		}
		c.send(f)
		if f.point != None && c.reached(f.point) {
			return
		}
	}
}

func (c *call) wants(at Point) bool {
	return c.b.Drop == at || c.b.StreamError != "" && c.errorAt() == at
}

// errorAt is where the error comes; a StreamError that says nothing comes after
// the start.
func (c *call) errorAt() Point {
	if c.b.At == None {
		return AfterStart
	}
	return c.b.At
}

// reached acts on what is to happen at a point, and says whether the stream
// ends there.
func (c *call) reached(at Point) bool {
	_ = http.NewResponseController(c.w).Flush()
	if c.b.Drop == at {
		panic(http.ErrAbortHandler)
	}
	if c.b.StreamError == "" || c.errorAt() != at {
		return false
	}
	c.send(c.errorFrame())
	return true
}

func (c *call) send(f frame) {
	data, raw := f.data.(string)
	if !raw {
		b, _ := json.Marshal(f.data) // our own objects: never fails
		data = string(b)
	}
	text := "data: " + data + "\n\n"
	switch {
	case f.name == comment:
		text = ": " + data + "\n\n"
	case f.name != "":
		text = "event: " + f.name + "\n" + text
	}
	_, _ = io.WriteString(c.w, text)
	_ = http.NewResponseController(c.w).Flush()
}

const comment = ":"

func (c *call) ping() frame {
	if c.op.dialect == anthropicDialect {
		return frame{"ping", object{"type": "ping"}, AfterPing}
	}
	return frame{comment, "processing", AfterPing}
}

// errorFrame is an error in a stream, as the dialect has it.
func (c *call) errorFrame() frame {
	body := c.errorObject(statusOfType(c.b.StreamError), c.b.StreamError)
	if c.op.kind != responses {
		name := ""
		if c.op.dialect == anthropicDialect {
			name = "error"
		}
		return frame{name: name, data: body}
	}
	detail, _ := body["error"].(object)
	return frame{name: "error", data: object{
		"type": "error", "code": detail["code"], "message": detail["message"], "param": nil, "sequence_number": 99,
	}}
}

// pieces cuts a text after each space, as a model's tokens come.
func pieces(text string) []string { return strings.SplitAfter(text, " ") }

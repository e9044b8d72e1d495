package vault

import (
	"bytes"
	"fmt"

	"keyfob/internal/core"
	"keyfob/internal/secret"
)

// parser reads the entries of a text in order. Problems are single entries that
// cannot be, with the text readable all the same; err says that it is not. What
// cannot be read is never quoted, since it may be a value: only names are, and
// only where they stand in a name's place and look like one.
// At more than so many entries it ends, with what it has.
type parser func(text []byte, most int) (entries []entry, problems []core.Detail, err error)

var parsers = map[string]parser{"env": parseEnv, "json": parseJSON, "yaml": parseYAML}

// collector keeps the first entry of each name and reports the others.
type collector struct {
	entries  []entry
	problems []core.Detail
	first    map[string]int // line
}

// over says whether there are more entries than there may be.
func (c *collector) over(most int) bool { return len(c.entries)+len(c.problems) > most }

func (c *collector) add(name string, line int, value []byte) {
	if c.first == nil {
		c.first = map[string]int{}
	}
	if at, dup := c.first[name]; dup {
		c.problem(name, line, fmt.Sprintf("the name stands in line %d already", at))
		return
	}
	c.first[name] = line
	c.entries = append(c.entries, entry{name: name, line: line, value: secret.New(value)})
}

func (c *collector) problem(name string, line int, why string) {
	if len(name) > maxName {
		name = ""
	}
	c.problems = append(c.problems, core.Detail{Field: name, Message: fmt.Sprintf("line %d: %s", line, why)})
}

func unreadable(line int, why, hint string) error {
	e := core.Errorf(core.Invalid, "line %d: %s", line, why).WithField("content").WithHint("%s", hint)
	e.Details = []core.Detail{{Field: "content", Message: fmt.Sprintf("line %d: %s", line, why)}}
	return e
}

var bom = []byte("\xef\xbb\xbf")

func withoutBOM(text []byte) []byte { return bytes.TrimPrefix(text, bom) }

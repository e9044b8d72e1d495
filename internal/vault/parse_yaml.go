package vault

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"sync"

	"go.yaml.in/yaml/v3"

	"keyfob/internal/core"
)

const yamlHint = `the text is one mapping of names to strings, such as NPM_TOKEN: "..."; put quotes around what YAML takes for a number, a date or true and false`

// maxYAML bounds a text of YAML, in bytes: read into nodes, it takes fifty times
// its size.
const maxYAML = 1 << 20

// parseYAML reads one document that maps names to string scalars. It works on
// the nodes, so that nothing is converted; aliases and anchors are refused, and
// never followed.
func parseYAML(text []byte, most int) ([]entry, []core.Detail, error) {
	if len(text) > maxYAML {
		e := core.Errorf(core.Invalid, "the text is %d bytes, one import of YAML takes at most %d", len(text), maxYAML)
		return nil, nil, e.WithField("content").WithHint("import it in parts, or as JSON")
	}
	dec := yaml.NewDecoder(bytes.NewReader(withoutBOM(text)))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, unreadable(yamlLine(err), "it is not valid YAML", yamlHint)
	}
	if err := dec.Decode(&more); err == nil {
		return nil, nil, unreadable(max(more.Line, 1), "a second document begins", yamlHint)
	} else if !errors.Is(err, io.EOF) {
		return nil, nil, unreadable(yamlLine(err), "it is not valid YAML", yamlHint)
	}
	return yamlMapping(&doc, most)
}

func yamlMapping(doc *yaml.Node, most int) ([]entry, []core.Detail, error) {
	if len(doc.Content) != 1 {
		return nil, nil, unreadable(max(doc.Line, 1), "it is not a mapping", yamlHint)
	}
	m := doc.Content[0]
	if why := yamlOdd(m); why != "" {
		return nil, nil, unreadable(m.Line, why, yamlHint)
	}
	if m.Kind != yaml.MappingNode {
		return nil, nil, unreadable(m.Line, "it is not a mapping", yamlHint)
	}
	var c collector
	for i := 0; i+1 < len(m.Content) && !c.over(most); i += 2 {
		if err := yamlPair(&c, m.Content[i], m.Content[i+1]); err != nil {
			return nil, nil, err
		}
	}
	return c.entries, c.problems, nil
}

func yamlPair(c *collector, name, value *yaml.Node) error {
	if why := yamlOdd(name); why != "" {
		return unreadable(name.Line, why, yamlHint)
	}
	if name.Kind != yaml.ScalarNode || name.ShortTag() != "!!str" {
		return unreadable(name.Line, "a name is not a string", yamlHint)
	}
	if why := yamlString(value); why != "" {
		c.problem(name.Value, value.Line, why)
		return nil
	}
	c.add(name.Value, name.Line, []byte(value.Value))
	return nil
}

// yamlString says why a node is not a plain string, or "".
func yamlString(n *yaml.Node) string {
	if why := yamlOdd(n); why != "" {
		return why
	}
	if n.Kind != yaml.ScalarNode {
		return "the value is nested"
	}
	if n.ShortTag() != "!!str" {
		return "the value is not a string: put it in quotes"
	}
	return ""
}

func yamlOdd(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.AliasNode:
		return "an alias (*) is not taken"
	case n.Anchor != "":
		return "an anchor (&) is not taken"
	}
	return ""
}

var yamlErrorLine = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`line (\d{1,9})`)
})

// yamlLine takes the line, and nothing else, from the library's error, which may
// quote the text.
func yamlLine(err error) int {
	if m := yamlErrorLine().FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			return n
		}
	}
	return 1
}

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// parser reads one file. Each fault has the line it is in.
type parser struct {
	name string // of the file, without its directory
	bad  faults
}

func (p *parser) fault(n *yaml.Node, format string, args ...any) {
	p.bad.add(p.at(n), format, args...)
}

func (p *parser) at(n *yaml.Node) string { return p.name + ":" + strconv.Itoa(n.Line) }

// parseFile takes the settings of a YAML file: one document, one mapping, no
// aliases, no key twice, none unknown, each value of its own type.
func parseFile(s *Server, path string, text []byte) faults {
	p := &parser{name: filepath.Base(path)}
	root, ok := p.document(text)
	if !ok || root == nil {
		return p.bad
	}
	known := map[string]entry{}
	var names []string
	for _, e := range table() {
		known[e.Key] = e
		names = append(names, e.Key)
	}
	p.mapping(root, names, func(key string, value *yaml.Node) { p.setting(s, known[key], value) })
	return p.bad
}

// document gives the one mapping, nil for an empty file.
func (p *parser) document(text []byte) (*yaml.Node, bool) {
	var doc, more yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(text))
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return nil, true
	case err != nil:
		p.bad.add(p.name+lineOf(err), "this is not YAML")
		return nil, false
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		p.bad.add(p.name, "there is more than one document in it")
		return nil, false
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, true
	}
	if root.Kind != yaml.MappingNode {
		p.fault(root, "this must be settings, such as listen: 127.0.0.1:4780")
		return nil, false
	}
	return root, true
}

// lineOf takes the line out of the decoder's text and leaves the rest, which
// repeats the file.
func lineOf(err error) string {
	if m := regexp.MustCompile(`line (\d+)`).FindStringSubmatch(err.Error()); m != nil {
		return ":" + m[1]
	}
	return ""
}

// mapping visits the pairs whose key is one of names.
func (p *parser) mapping(n *yaml.Node, names []string, visit func(key string, value *yaml.Node)) {
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		line, twice := first[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag != "!!str":
			p.fault(key, "a setting's name must be text")
		case twice:
			p.fault(key, "%s stands twice: in line %d already", key.Value, line)
		case !contains(names, key.Value):
			p.unknown(key, names)
		case value.Kind == yaml.AliasNode || value.Anchor != "":
			p.fault(value, "%s: anchors and aliases are not taken", key.Value)
		default:
			first[key.Value] = key.Line
			visit(key.Value, value)
		}
	}
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

func (p *parser) unknown(key *yaml.Node, names []string) {
	if near := Nearest(key.Value, names); near != "" {
		p.fault(key, "there is no setting %q; %s is meant?", clip(key.Value), near)
		return
	}
	p.fault(key, "there is no setting %q", clip(key.Value))
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// setting puts one value where it goes, if it is of the type that goes there.
func (p *parser) setting(s *Server, e entry, n *yaml.Node) {
	to := e.in(s)
	text, ok := "", true
	switch to := to.(type) {
	case *[]Launcher:
		*to = p.launchers(n)
		s.source[e.Key] = p.at(n)
		return
	case *bool:
		text, ok = p.scalar(n, "!!bool", e.Key+" must be true or false")
	case *int:
		text, ok = p.scalar(n, "!!int", e.Key+" must be a whole number")
	case *time.Duration:
		if n.Tag == "!!int" && n.Value == "0" {
			text = "0s"
			break
		}
		text, ok = p.scalar(n, "!!str", e.Key+" must be a duration such as 30s, 5m, 12h or 30d")
	case *string:
		text, ok = p.scalar(n, "!!str", e.Key+" must be text; put it in quotes")
	default:
		text, ok = p.list(n, e.Key)
	}
	if ok {
		p.bad.put(s, e, text, p.at(n))
	}
}

func (p *parser) scalar(n *yaml.Node, tag, otherwise string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag != tag {
		p.fault(n, "%s", otherwise)
		return "", false
	}
	return n.Value, true
}

// list joins a sequence of texts, none of which may hold a comma.
func (p *parser) list(n *yaml.Node, key string) (text string, ok bool) {
	items, ok := p.texts(n, key)
	for _, item := range items {
		text += item + ","
	}
	return text, ok
}

func (p *parser) texts(n *yaml.Node, key string) (out []string, ok bool) {
	if n.Kind != yaml.SequenceNode {
		p.fault(n, "%s must be a list", key)
		return nil, false
	}
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode || item.Tag != "!!str" || item.Value == "" || bytes.ContainsRune([]byte(item.Value), ',') {
			p.fault(item, "%s: each item must be text without a comma; put it in quotes", key)
			return nil, false
		}
		out = append(out, item.Value)
	}
	return out, true
}

func (p *parser) launchers(n *yaml.Node) (out []Launcher) {
	if n.Kind != yaml.SequenceNode {
		p.fault(n, "launchers must be a list")
		return nil
	}
	for _, item := range n.Content {
		if item.Kind != yaml.MappingNode {
			p.fault(item, "a launcher must have a name, a key_digest or key_file, and users")
			continue
		}
		l, before := Launcher{source: p.at(item)}, len(p.bad)
		p.mapping(item, []string{"name", "key_digest", "key_file", "users", "labels"}, func(key string, value *yaml.Node) {
			p.launcher(&l, key, value)
		})
		if len(p.bad) == before { // what it lacks could be what could not be read
			out = append(out, l)
		}
	}
	return out
}

func (p *parser) launcher(l *Launcher, key string, n *yaml.Node) {
	must := fmt.Sprintf("a launcher's %s must be text; put it in quotes", key)
	switch key {
	case "name":
		l.Name, _ = p.scalar(n, "!!str", must)
	case "key_digest":
		l.KeyDigest, _ = p.scalar(n, "!!str", must)
	case "key_file":
		l.KeyFile, _ = p.scalar(n, "!!str", must)
	case "users":
		l.Users, _ = p.texts(n, "users")
	case "labels":
		l.Labels = p.labels(n)
	}
}

func (p *parser) labels(n *yaml.Node) map[string]string {
	if n.Kind != yaml.MappingNode {
		p.fault(n, "labels must be pairs, such as team: web")
		return nil
	}
	out := map[string]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if _, twice := out[key.Value]; twice {
			p.fault(key, "the label stands twice")
		}
		if key.Kind != yaml.ScalarNode {
			p.fault(key, "a label's key must be text")
			continue
		}
		out[key.Value], _ = p.scalar(value, "!!str", "a label's value must be text; put it in quotes")
	}
	return out
}

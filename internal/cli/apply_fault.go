package cli

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"keyfob/api"
	"keyfob/internal/config"
)

// orgDocument is the file of apply as it is written, and what is wrong with it.
type orgDocument struct {
	root yaml.Node
	bad  []orgFault
}

// orgFault is one thing that cannot be.
type orgFault struct {
	on   string // the record, such as "secret NPM_TOKEN"; empty: the file
	line int    // 0: not known
	what string
}

func (d *orgDocument) add(on string, line int, format string, args ...any) {
	d.bad = append(d.bad, orgFault{on, line, fmt.Sprintf(format, args...)})
}

// fault is one error of everything that is wrong, in order of the lines; nil for
// nothing.
func (d *orgDocument) fault() error {
	if len(d.bad) == 0 {
		return nil
	}
	slices.SortStableFunc(d.bad, func(a, b orgFault) int { return cmp.Compare(a.line, b.line) })
	e := &api.Error{
		Code: api.CodeInvalid, Reason: "bad_file", Message: "the file cannot be applied",
		Hint: "keyfob apply --help shows what it may hold",
	}
	for _, f := range d.bad {
		e.Details = append(e.Details, api.Detail{Field: f.on, Message: f.what + inLine(f.line)})
	}
	return e
}

func inLine(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (line %d)", n)
}

// lineOfYAML is 0 where the parser does not say it; its own text repeats values.
func lineOfYAML(text string) int {
	_, rest, _ := strings.Cut(text, "line ")
	n, _, _ := strings.Cut(rest, ":")
	line, _ := strconv.Atoi(n) // 0 will do
	return line
}

// wrongKinds takes the lines alone of what a decoder says.
func (d *orgDocument) wrongKinds(err error) {
	all := []string{err.Error()}
	if e, ok := errors.AsType[*yaml.TypeError](err); ok {
		all = e.Errors
	}
	last := -1
	for _, text := range all {
		if line := lineOfYAML(text); line != last {
			last = line
			d.add("", line, "something in it is of a wrong kind, such as a list in place of a text")
		}
	}
}

// unknownKeys walks the document along the type.
func (d *orgDocument) unknownKeys(n *yaml.Node, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.AliasNode:
		d.add("", n.Line, "an alias is not taken")
	case n.Kind == yaml.DocumentNode || n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		for _, c := range n.Content {
			d.unknownKeys(c, t)
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if field, ok := fieldFor(t, key.Value); ok {
				d.unknownKeys(n.Content[i+1], field)
				continue
			}
			d.add("", key.Line, "%s", unknownKey(key.Value, t))
		}
	}
}

func fieldFor(t reflect.Type, key string) (reflect.Type, bool) {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == key {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}

// keyText is what can only be a mistyped key: anything else may be a value.
var keyText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z][a-z_-]{0,18}$`) })

func unknownKey(key string, t reflect.Type) string {
	if key == "value" || key == "key" {
		return "a value never stands in the file: name where it is with value_from"
	}
	var known []string
	for i := range t.NumField() {
		known = append(known, t.Field(i).Tag.Get("yaml"))
	}
	if !keyText().MatchString(key) {
		return "there is no such key here; there are " + strings.Join(known, ", ")
	}
	if near := config.Nearest(key, known); near != "" {
		return fmt.Sprintf("there is no key %q here; %s is meant?", key, near)
	}
	return fmt.Sprintf("there is no key %q here; there are %s", key, strings.Join(known, ", "))
}

// badValue notes why the value of a record cannot be read. Where a key of its
// value_from is wrong, that has been said.
func (d *orgDocument) badValue(list string, i int, err error) {
	if err == nil {
		return
	}
	on, line, from := d.place(list, i, "value_from")
	var within orgDocument
	if from != nil {
		within.unknownKeys(from, reflect.TypeFor[valueFrom]())
	}
	if len(within.bad) == 0 {
		d.add(on, line, "%s", publicError(err).Message)
	}
}

// place says what record this is, and where: in what line its key is, or else it
// begins. value is the key's; nil where it does not stand there.
func (d *orgDocument) place(list string, i int, key string) (on string, line int, value *yaml.Node) {
	if len(d.root.Content) == 0 {
		return "", 0, nil
	}
	_, all := pairIn(d.root.Content[0], list)
	if all == nil || i >= len(all.Content) {
		return "", 0, nil
	}
	record := all.Content[i]
	line = record.Line
	if k, v := pairIn(record, key); k != nil {
		line, value = k.Line, v
	}
	return recordName(record, list, i), line, value
}

func recordName(record *yaml.Node, list string, i int) string {
	var parts []string
	for _, key := range map[string][]string{"secrets": {"name"}, "accounts": {"provider", "namespace", "label"}}[list] {
		if _, v := pairIn(record, key); v != nil && v.Kind == yaml.ScalarNode && v.Value != "" {
			parts = append(parts, v.Value)
		}
	}
	kind := strings.TrimSuffix(list, "s")
	if len(parts) == 0 {
		return fmt.Sprintf("%s %d", kind, i+1)
	}
	return kind + " " + strings.Join(parts, "/")
}

// pairIn is a key of a mapping and its value; nil where there is none.
func pairIn(n *yaml.Node, key string) (k, v *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}

// fieldOfSpec is what the vault says a fault is on, such as secrets[0].file.
var fieldOfSpec = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(secrets|accounts)\[(\d+)\](?:\.(\w+))?`)
})

// placed is an error with each fault where the file has it.
func (d *orgDocument) placed(err error) error {
	said, ok := errors.AsType[*api.Error](err)
	if !ok {
		return err
	}
	e := *said
	e.Details = slices.Clone(e.Details)
	for n, detail := range e.Details {
		m := fieldOfSpec().FindStringSubmatch(detail.Field)
		if m == nil {
			continue
		}
		i, _ := strconv.Atoi(m[2]) // digits; a number that is too great is of no record
		key := m[3]
		if key == "value" || key == "key" {
			key = "value_from"
		}
		if on, line, _ := d.place(m[1], i, key); on != "" {
			e.Details[n] = api.Detail{Field: strings.TrimSuffix(on+", "+key, ", "), Message: detail.Message + inLine(line)}
		}
	}
	return &e
}

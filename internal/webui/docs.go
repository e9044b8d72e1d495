package webui

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// docs shows the API's document as a page.
func (p *Pages) docs(v *visit) error {
	doc, err := readDocument(p.OpenAPI())
	if err != nil {
		return err
	}
	return v.show(http.StatusOK, "docs", doc)
}

// manual is the document as the page shows it.
type manual struct{ Groups []group }

type group struct {
	Name, Text string
	Operations []operation
}

// Anchor is the group's place in the page, unlike any operation's: an id in HTML
// has no spaces.
func (g group) Anchor() string {
	return "group-" + strings.Join(strings.Fields(strings.ToLower(g.Name)), "-")
}

type operation struct {
	ID, Method, Path, Summary, Text string
	Parameters, Fields, Answers     []line
}

// line is a row of a table: a parameter, a field or an answer.
type line struct {
	Name, In, Type, Text string
	Required             bool
}

// document is the part of OpenAPI 3.1 that the page shows.
type document struct {
	Tags []struct {
		Name, Description string
	}
	Paths      map[string]map[string]json.RawMessage
	Components struct {
		Schemas map[string]schema
	}
}

type action struct {
	OperationID          string `json:"operationId"`
	Summary, Description string
	Tags                 []string
	Parameters           []struct {
		Name, In, Description string
		Required              bool
		Schema                schema
	}
	RequestBody struct {
		Content map[string]struct{ Schema schema }
	}
	Responses map[string]struct {
		Description string
		Content     map[string]struct{ Schema schema }
	}
}

type schema struct {
	Ref         string `json:"$ref"`
	Type        any
	Format      string
	Description string
	Enum        []any
	Required    []string
	Properties  map[string]schema
	Items       *schema
}

func readDocument(b []byte) (manual, error) {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return manual{}, err
	}
	byTag := map[string][]operation{}
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			raw, ok := d.Paths[path][method]
			if !ok {
				continue
			}
			var a action
			if err := json.Unmarshal(raw, &a); err != nil {
				return manual{}, err
			}
			tag := "other"
			if len(a.Tags) > 0 {
				tag = a.Tags[0]
			}
			byTag[tag] = append(byTag[tag], d.operation(method, path, a))
		}
	}
	return d.manual(byTag), nil
}

// manual has the groups in the order of the document, then those it does not
// describe.
func (d document) manual(byTag map[string][]operation) (m manual) {
	for _, t := range d.Tags {
		if ops := byTag[t.Name]; len(ops) > 0 {
			m.Groups = append(m.Groups, group{t.Name, t.Description, ops})
			delete(byTag, t.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byTag)) {
		m.Groups = append(m.Groups, group{Name: name, Operations: byTag[name]})
	}
	return m
}

func (d document) operation(method, path string, a action) operation {
	op := operation{ID: a.OperationID, Method: method, Path: path, Summary: a.Summary, Text: a.Description}
	for _, p := range a.Parameters {
		op.Parameters = append(op.Parameters, line{p.Name, p.In, p.Schema.name(), p.Description, p.Required})
	}
	for _, content := range a.RequestBody.Content {
		op.Fields = d.fields(content.Schema)
	}
	for _, status := range slices.Sorted(maps.Keys(a.Responses)) {
		r, kind := a.Responses[status], ""
		for _, mime := range slices.Sorted(maps.Keys(r.Content)) {
			kind = mime + " " + r.Content[mime].Schema.name()
		}
		op.Answers = append(op.Answers, line{Name: status, Type: strings.TrimSpace(kind), Text: r.Description})
	}
	return op
}

// fields are those of a body, by name.
func (d document) fields(s schema) (out []line) {
	if s.Ref != "" {
		s = d.Components.Schemas[refName(s.Ref)]
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		f := s.Properties[name]
		out = append(out, line{Name: name, Type: f.name(), Text: f.Description, Required: slices.Contains(s.Required, name)})
	}
	return out
}

func refName(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }

// name is a schema's type in a few words.
func (s schema) name() string {
	switch {
	case s.Ref != "":
		return refName(s.Ref)
	case s.Items != nil:
		return "[]" + s.Items.name()
	}
	out := ""
	switch t := s.Type.(type) {
	case string:
		out = t
	case []any:
		for _, one := range t {
			if text, ok := one.(string); ok && text != "null" {
				out = text
			}
		}
	}
	if s.Format != "" {
		out += " (" + s.Format + ")"
	}
	return out
}

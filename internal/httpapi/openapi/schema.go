package openapi

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"keyfob/api"
)

func registry() huma.Registry {
	r := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	r.RegisterTypeAlias(reflect.TypeFor[api.Value](), reflect.TypeFor[base64Text]())
	r.RegisterTypeAlias(reflect.TypeFor[api.Key](), reflect.TypeFor[string]())
	r.RegisterTypeAlias(reflect.TypeFor[map[string]*api.Value](), reflect.TypeFor[valuesOrNull]())
	r.RegisterTypeAlias(reflect.TypeFor[json.RawMessage](), reflect.TypeFor[object]())
	return r
}

// base64Text is api.Value on the wire.
type base64Text struct{}

// Schema implements huma.SchemaProvider.
func (base64Text) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", ContentEncoding: "base64", Pattern: "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"}
}

// valuesOrNull is a table of values in which null takes a name away.
type valuesOrNull struct{}

// Schema implements huma.SchemaProvider.
func (valuesOrNull) Schema(r huma.Registry) *huma.Schema {
	value := base64Text{}.Schema(r)
	value.Nullable = true
	return &huma.Schema{Type: "object", AdditionalProperties: value}
}

// object is JSON of the caller's own.
type object struct{}

// Schema implements huma.SchemaProvider.
func (object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "object", AdditionalProperties: true}
}

// finish says of the schemas what the source does, and takes out what they say
// too much: no list of the API is null.
func (d *document) finish(said comments) {
	for name, s := range d.types.Map() {
		noNullLists(s)
		t := d.types.TypeFromRef("#/components/schemas/" + name)
		s.Description = said[t.Name()]
		for _, f := range reflect.VisibleFields(t) {
			key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if p := s.Properties[key]; p != nil && !f.Anonymous {
				p.Description = said.ofField(t, f)
			}
		}
	}
}

func noNullLists(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == "array" {
		s.Nullable = false
	}
	noNullLists(s.Items)
	for _, p := range s.Properties {
		noNullLists(p)
	}
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		noNullLists(more)
	}
}

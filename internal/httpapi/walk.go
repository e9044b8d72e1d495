package httpapi

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"keyfob/api"
)

// walker goes through a body token by token beside the type that it is for.
type walker struct {
	dec   *json.Decoder
	known map[reflect.Type]fields
}

// fields are those of a struct by their names on the wire.
type fields map[string]field

type field struct {
	typ      reflect.Type
	required bool
}

// value checks the next value. A nil type stands for any JSON.
func (w *walker) value(t reflect.Type, at string, depth int) error {
	tok, err := w.dec.Token()
	if err != nil {
		return notTaken("", "is not JSON")
	}
	nullable := t == nil
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch tok {
	case nil:
		if !nullable {
			return notTaken(at, "is null; leave it out instead")
		}
	case json.Delim('{'), json.Delim('['):
		if depth >= maxDepth {
			return notTaken(at, "is nested too deep")
		}
		return w.inside(tok, t, at, depth+1)
	}
	return nil
}

// inside walks to the end of the object or list that was just opened.
func (w *walker) inside(open json.Token, t reflect.Type, at string, depth int) error {
	if t == reflect.TypeFor[json.RawMessage]() {
		t = nil
	}
	list := open == json.Delim('[')
	switch {
	case t == nil:
		return w.free(list, at, depth)
	case list && t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		return w.list(t.Elem(), at, depth)
	case !list && t.Kind() == reflect.Map:
		return w.table(t.Elem(), at, depth)
	case !list && t.Kind() == reflect.Struct && t != reflect.TypeFor[api.Value]() && t != reflect.TypeFor[api.Key]():
		return w.object(t, at, depth)
	}
	return notTaken(at, "is of another type")
}

func (w *walker) free(list bool, at string, depth int) error {
	if list {
		return w.list(nil, at, depth)
	}
	return w.table(nil, at, depth)
}

func (w *walker) list(elem reflect.Type, at string, depth int) error {
	for i := 0; w.dec.More(); i++ {
		if err := w.value(elem, at+"["+strconv.Itoa(i)+"]", depth); err != nil {
			return err
		}
	}
	return w.end()
}

// table is an object with names of the caller's own.
func (w *walker) table(elem reflect.Type, at string, depth int) error {
	seen := map[string]bool{}
	nullable := elem != nil && elem.Kind() == reflect.Pointer
	for w.dec.More() {
		name, err := w.name()
		if err != nil {
			return err
		}
		if seen[name] {
			return notTaken(at, "has a name twice")
		}
		seen[name] = true
		if nullable {
			err = w.orNull(elem, at, depth)
		} else {
			err = w.value(elem, at, depth)
		}
		if err != nil {
			return err
		}
	}
	return w.end()
}

// orNull is a value of a table in which null takes a name away.
func (w *walker) orNull(elem reflect.Type, at string, depth int) error {
	if elem.Elem() != reflect.TypeFor[api.Value]() {
		return w.value(elem, at, depth)
	}
	return w.value(nil, at, maxDepth) // a scalar of any kind: its type is looked at later
}

func (w *walker) object(t reflect.Type, at string, depth int) error {
	all := w.fieldsOf(t)
	seen := make(map[string]bool, len(all))
	for w.dec.More() {
		name, err := w.name()
		if err != nil {
			return err
		}
		f, known := all[name]
		switch {
		case !known:
			return notTaken(at, "has a field that this route does not know")
		case seen[name]:
			return notTaken(under(at, name), "is there twice")
		}
		seen[name] = true
		if err := w.value(f.typ, under(at, name), depth); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].required && !seen[name] {
			return notTaken(under(at, name), "is missing")
		}
	}
	return w.end()
}

func under(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func (w *walker) name() (string, error) {
	tok, err := w.dec.Token()
	name, ok := tok.(string)
	if err != nil || !ok {
		return "", notTaken("", "is not JSON")
	}
	return name, nil
}

func (w *walker) end() error {
	if _, err := w.dec.Token(); err != nil {
		return notTaken("", "is not JSON")
	}
	return nil
}

// fieldsOf reads the tags by which the schema is made too, so that both say the
// same of what must be there.
func (w *walker) fieldsOf(t reflect.Type) fields {
	if got, ok := w.known[t]; ok {
		return got
	}
	out := fields{}
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || name == "-" {
			continue
		}
		out[name] = field{f.Type, !strings.Contains(opts, "omitempty") && !strings.Contains(opts, "omitzero")}
	}
	w.known[t] = out
	return out
}

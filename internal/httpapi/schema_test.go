package httpapi_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"keyfob/api"
	"keyfob/internal/httpapi"
)

// schemas hold answers against the OpenAPI document, with a validator that knows
// nothing of how it was made.
type schemas struct {
	compiler *jsonschema.Compiler
	doc      map[string]any
}

const documentURL = "https://keyfob.example/openapi.json"

func newSchemas(t *testing.T) *schemas {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "docs", "reference", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(documentURL, doc); err != nil {
		t.Fatal(err)
	}
	return &schemas{c, doc.(map[string]any)}
}

// check holds an answer's status, type and body against what the document says
// of the route.
func (s *schemas) check(t *testing.T, r httpapi.Route, a reply) {
	t.Helper()
	at := "/paths/" + escaped(r.Path) + "/" + strings.ToLower(r.Method) + "/responses/" + strconv.Itoa(a.status)
	declared, ok := s.at(at)
	if !ok {
		t.Errorf("%s answers %d, which it does not declare: %s", r.ID, a.status, a.body)
		return
	}
	if ref, ok := declared["$ref"].(string); ok {
		at = strings.TrimPrefix(ref, "#")
		declared, _ = s.at(at)
	}
	content, _ := declared["content"].(map[string]any)
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	if content == nil {
		if a.body != "" {
			t.Errorf("%s answers %d with a body: %s", r.ID, a.status, a.body)
		}
		return
	}
	if content[kind] == nil {
		t.Errorf("%s answers %d as %q, which it does not declare", r.ID, a.status, kind)
		return
	}
	s.headers(t, r, declared, a)
	if kind != "application/json" && kind != api.ProblemType {
		return
	}
	schema, err := s.compiler.Compile(documentURL + "#" + at + "/content/" + escaped(kind) + "/schema")
	if err != nil {
		t.Fatal(err)
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(a.body))
	if err != nil {
		t.Fatalf("%s: %v: %s", r.ID, err, a.body)
	}
	if err := schema.Validate(body); err != nil {
		t.Errorf("%s: the answer is not what the document says: %v\n%s", r.ID, err, a.body)
	}
}

// headers that the document names for a success are there.
func (s *schemas) headers(t *testing.T, r httpapi.Route, declared map[string]any, a reply) {
	t.Helper()
	named, _ := declared["headers"].(map[string]any)
	for name := range named {
		if a.status < 400 && a.header.Get(name) == "" {
			t.Errorf("%s: %d lacks the header %s", r.ID, a.status, name)
		}
	}
}

func (s *schemas) at(pointer string) (map[string]any, bool) {
	var v any = s.doc
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		v = m[strings.NewReplacer("~1", "/", "~0", "~", "%7B", "{", "%7D", "}").Replace(part)]
	}
	m, ok := v.(map[string]any)
	return m, ok
}

// escaped is a part of a JSON pointer in a URL's fragment.
func escaped(s string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(s)
}

// Each request that the tests send as a good one is good by the document too.
func TestBodiesThatAreGoodByTheDocument(t *testing.T) {
	k, s := newKit(t, nil), newSchemas(t)
	for _, r := range httpapi.Routes() {
		if r.In == nil {
			continue
		}
		schema, err := s.compiler.Compile(documentURL + "#/components/schemas/" + r.In.Name())
		if err != nil {
			t.Fatal(err)
		}
		var body any
		if err := json.Unmarshal([]byte(k.body(r)), &body); err != nil {
			t.Fatalf("%s: %v", r.ID, err)
		}
		if err := schema.Validate(body); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
	}
}

// What the server refuses for its form, the document does not promise.
func TestBodiesThatTheDocumentRefusesToo(t *testing.T) {
	s := newSchemas(t)
	schema, err := s.compiler.Compile(documentURL + "#/components/schemas/SecretCreate")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"unknown": `{"name":"A","value":"eA==","valeu":""}`, "missing": `{"name":"A"}`, "null": `{"name":"A","value":"eA==","env":null}`,
		"empty value": `{"name":"A","value":""}`, "no base64": `{"name":"A","value":"a b c d"}`, "slash": `{"name":"A/B","value":"eA=="}`,
		"path": `{"name":"A","value":"eA==","file":"etc/x"}`, "variable": `{"name":"A","value":"eA==","env":"1A"}`, "type": `{"name":1,"value":"eA=="}`,
	} {
		body, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(body) == nil {
			t.Errorf("%s: the document allows %s", name, text)
		}
	}
}

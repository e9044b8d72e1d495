package openapi_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"keyfob/internal/httpapi"
	"keyfob/internal/httpapi/openapi"
)

// document is what the tests look at of an OpenAPI document (3.1.0, sections 4.8
// and following).
type document struct {
	OpenAPI string `json:"openapi"`
	Info    struct{ Title, Version string }
	Paths   map[string]map[string]struct {
		OperationID string   `json:"operationId"`
		Summary     string   `json:"summary"`
		Tags        []string `json:"tags"`
		Parameters  []struct {
			Name, In string
			Required bool
		} `json:"parameters"`
		RequestBody *struct{ Content map[string]any } `json:"requestBody"`
		Responses   map[string]any                    `json:"responses"`
		Security    []map[string][]string             `json:"security"`
	}
	Components struct {
		Schemas, Responses, SecuritySchemes map[string]any
	}
	Tags []struct{ Name string }
}

func load(t *testing.T) (document, any) {
	t.Helper()
	b, err := openapi.Document(source())
	if err != nil {
		t.Fatal(err)
	}
	var d document
	var raw any
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	return d, raw
}

func TestStructure(t *testing.T) {
	d, raw := load(t)
	if d.OpenAPI != "3.1.0" || d.Info.Title == "" || d.Info.Version == "" {
		t.Errorf("openapi %q, info %+v", d.OpenAPI, d.Info)
	}
	ids, tags := map[string]bool{}, map[string]bool{}
	for _, tag := range d.Tags {
		tags[tag.Name] = true
	}
	for path, item := range d.Paths {
		for method, op := range item {
			name := method + " " + path
			if ids[op.OperationID] || op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 || !tags[op.Tags[0]] {
				t.Errorf("%s: %+v", name, op)
			}
			ids[op.OperationID] = true
			if (method == "get" || method == "delete") && op.RequestBody != nil {
				t.Errorf("%s has a body", name)
			}
			var inPath []string
			for _, p := range op.Parameters {
				if p.In == "path" && p.Required {
					inPath = append(inPath, p.Name)
				}
			}
			var want []string
			for _, m := range regexp.MustCompile(`\{([a-z]+)\}`).FindAllStringSubmatch(path, -1) {
				want = append(want, m[1])
			}
			if !slices.Equal(inPath, want) {
				t.Errorf("%s: parameters %v, want %v", name, inPath, want)
			}
			for status := range op.Responses {
				if len(status) != 3 {
					t.Errorf("%s: %q is no status", name, status)
				}
			}
			for _, s := range op.Security {
				for scheme := range s {
					if d.Components.SecuritySchemes[scheme] == nil {
						t.Errorf("%s: there is no scheme %s", name, scheme)
					}
				}
			}
		}
	}
	refs(t, raw, raw)
}

// refs holds that every reference leads somewhere.
func refs(t *testing.T, root, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			at := root
			for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				m, _ := at.(map[string]any)
				at = m[part]
			}
			if at == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		}
		for _, one := range v {
			refs(t, root, one)
		}
	case []any:
		for _, one := range v {
			refs(t, root, one)
		}
	}
}

// Each line of the table is in the document, and nothing else.
func TestEveryRouteIsDescribed(t *testing.T) {
	d, _ := load(t)
	n := 0
	for _, item := range d.Paths {
		n += len(item)
	}
	routes := httpapi.Routes()
	if n != len(routes) {
		t.Errorf("%d operations, %d routes", n, len(routes))
	}
	for _, r := range routes {
		op, ok := d.Paths[r.Path][strings.ToLower(r.Method)]
		if !ok || op.OperationID != r.ID {
			t.Errorf("%s %s is not described", r.Method, r.Path)
		}
		if (r.In != nil) != (op.RequestBody != nil) {
			t.Errorf("%s: its body", r.ID)
		}
	}
}

// A reader of the document is told of what needs a proof that it does.
func TestSecurityIsDeclared(t *testing.T) {
	d, _ := load(t)
	for _, r := range httpapi.Routes() {
		op := d.Paths[r.Path][strings.ToLower(r.Method)]
		if open := len(op.Security) == 0; open != (r.Who == httpapi.Anybody) {
			t.Errorf("%s: security %v", r.ID, op.Security)
		}
		if r.Who != httpapi.Anybody && op.Responses["401"] == nil {
			t.Errorf("%s declares no %d", r.ID, http.StatusUnauthorized)
		}
	}
}

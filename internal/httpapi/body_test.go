package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"keyfob/api"
)

// Whatever the strict reader takes, encoding/json reads the same way, and
// writing it again and reading that gives the same.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{"name":"A","value":"eA=="}`, `{"name":"A","value":"eA==","selector":{"k":"v"}}`, `{"name":null}`, `{}`, `[]`, `1`, `{"name":"\u0041","value":""}`,
		`{"name":"A","name":"B","value":""}`, `{"spec":{"secrets":[{"name":"A"}]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var in api.SecretCreate
		if err := decode(raw, &in); err == nil {
			again(t, in, &api.SecretCreate{})
		} else if bytes.Contains(raw, []byte("canary")) && strings.Contains(PublicError(err).Message, "canary") {
			t.Error("the error repeats the body")
		}
		var org api.OrgApply
		if decode(raw, &org) == nil {
			again(t, org, &api.OrgApply{})
		}
		var mcp api.MCPServerUpdate
		if decode(raw, &mcp) == nil && !json.Valid(raw) {
			t.Error("what is no JSON was taken")
		}
	})
}

func again[T any](t *testing.T, in T, out *T) {
	t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := decode(b, out); err != nil {
		t.Errorf("what was taken is not taken again: %v: %s", err, b)
	}
	second, err := json.Marshal(*out)
	if err != nil || !bytes.Equal(b, second) {
		t.Errorf("%s is %s the second time: %v", b, second, err)
	}
}

// What a body may hold, by type: a table of values takes null, no other does.
func TestNull(t *testing.T) {
	var in api.MCPServerUpdate
	if err := decode([]byte(`{"headers":{"A":null,"B":"eA=="}}`), &in); err != nil {
		t.Fatal(err)
	}
	if v, ok := in.Headers["A"]; !ok || v != nil || in.Headers["B"] == nil {
		t.Errorf("got %v", in.Headers)
	}
	for _, body := range []string{`{"url":null}`, `{"headers":null}`, `{"args":[null]}`, `{"token":null}`} {
		if decode([]byte(body), &in) == nil {
			t.Errorf("%s is taken", body)
		}
	}
}

// The reader and the schema are made from the same tags; each field of a request
// has a name on the wire.
func TestEveryRequestFieldHasAName(t *testing.T) {
	for _, r := range Routes() {
		if r.In == nil {
			continue
		}
		for _, f := range reflect.VisibleFields(r.In) {
			if f.IsExported() && f.Tag.Get("json") == "" {
				t.Errorf("%s.%s has no name", r.In, f.Name)
			}
		}
	}
}

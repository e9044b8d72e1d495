// Package openapi describes the HTTP API in OpenAPI 3.1, from the table of
// routes and the wire types. It makes the generated reference and is part of no
// program: a server carries the reference itself.
package openapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"keyfob/api"
	"keyfob/internal/httpapi"
)

// version is that of the API, which its paths begin with.
const version = "1"

// Document is the description, as indented JSON: the same every time. source is
// the directory of package api, whose comments say what types and fields are.
func Document(source string) ([]byte, error) {
	said, err := readComments(source)
	if err != nil {
		return nil, err
	}
	d := newDocument()
	for _, r := range httpapi.Routes() {
		d.add(r)
	}
	d.finish(said)
	b, err := json.Marshal(d.OpenAPI)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

type document struct {
	*huma.OpenAPI
	types huma.Registry
	tags  []string
}

func newDocument() *document {
	types := registry()
	return &document{types: types, OpenAPI: &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Keyfob", Version: version,
			Description: "Credentials for coding agents. Every answer with a status of 400 or more is problem details (RFC 9457) " +
				"with the members code, reason, hint, field and details. Values of secrets travel in base64; tokens, keys and codes that Keyfob makes travel as they are.",
		},
		Servers:    []*huma.Server{{URL: "/"}},
		Components: &huma.Components{Schemas: types, SecuritySchemes: proofs(), Responses: map[string]*huma.Response{}},
	}}
}

// The names of the security schemes.
const (
	byToken   = "token"
	bySession = "sessionKey"
	byHeader  = "sessionKeyHeader"
	byBrowser = "browser"
)

func proofs() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		byToken:   {Type: "http", Scheme: "bearer", Description: "A personal token (kfp_…), or where the route says so a launcher's key (kfl_…)."},
		bySession: {Type: "http", Scheme: "bearer", Description: "A workspace's session key (kfs_…)."},
		byHeader:  {Type: "apiKey", In: "header", Name: "X-Session-API-Key", Description: "A workspace's session key (kfs_…)."},
		byBrowser: {Type: "apiKey", In: "cookie", Name: "keyfob", Description: "A browser's session; its name depends on the server. What changes something needs an Origin of the server's own."},
	}
}

func security(w httpapi.Who) []map[string][]string {
	switch w {
	case httpapi.Anybody:
		return []map[string][]string{}
	case httpapi.Sessions:
		return []map[string][]string{{bySession: {}}, {byHeader: {}}}
	case httpapi.Launchers:
		return []map[string][]string{{byToken: {}}}
	}
	return []map[string][]string{{byToken: {}}, {byBrowser: {}}}
}

func (d *document) add(r httpapi.Route) {
	if !slices.Contains(d.tags, r.Tag) {
		d.tags = append(d.tags, r.Tag)
		d.Tags = append(d.Tags, &huma.Tag{Name: r.Tag})
	}
	op := &huma.Operation{
		Method: r.Method, Path: r.Path, OperationID: r.ID, Tags: []string{r.Tag}, Summary: r.Summary, Description: describe(r),
		Parameters: parameters(r), Security: security(r.Who), Responses: d.answers(r),
		Extensions: map[string]any{"x-keyfob-who": string(r.Who)},
	}
	if names := r.Scopes().Names(); len(names) > 0 && (r.Who == httpapi.Users || r.Who == httpapi.Admins) {
		op.Extensions["x-keyfob-scopes"] = names
	}
	if r.In != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: d.schema(r.In)}}}
	}
	d.AddOperation(op)
}

func describe(r httpapi.Route) string {
	text := []string{}
	if r.Text != "" {
		text = append(text, r.Text)
	}
	switch r.Who {
	case httpapi.Anybody:
	case httpapi.Sessions:
		text = append(text, "Takes a workspace's session key.")
	case httpapi.Launchers:
		text = append(text, "Takes a launcher's key, for a user whom it may act for.")
	case httpapi.Users, httpapi.Admins, httpapi.UsersOrLauncher:
		who := "Takes a " + string(r.Who)
		if r.Who == httpapi.Admins {
			who = "Takes an administrator"
		}
		if names := r.Scopes().Names(); len(names) > 0 {
			who += " with " + strings.Join(names, ", ")
		}
		text = append(text, who+".")
	}
	if r.Server {
		text = append(text, "Only at a server.")
	}
	return strings.Join(text, " ")
}

func (d *document) schema(t reflect.Type) *huma.Schema { return d.types.Schema(t, true, "") }

func (d *document) answers(r httpapi.Route) map[string]*huma.Response {
	out := map[string]*huma.Response{strconv.Itoa(r.Status): d.success(r)}
	if r.Fresh {
		out["304"] = &huma.Response{Description: "It has the version that If-None-Match names.", Headers: header("ETag", etagText)}
	}
	for _, status := range r.Problems() {
		out[strconv.Itoa(status)] = d.problem(status)
	}
	return out
}

// problem names the one description of each status.
func (d *document) problem(status int) *huma.Response {
	name := "Problem" + strconv.Itoa(status)
	if d.Components.Responses[name] == nil {
		r := &huma.Response{Description: http.StatusText(status), Content: map[string]*huma.MediaType{
			api.ProblemType: {Schema: d.schema(reflect.TypeFor[api.Problem]())},
		}}
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			r.Headers = header("Retry-After", "Seconds to wait, where they are known.")
		}
		d.Components.Responses[name] = r
	}
	return &huma.Response{Ref: "#/components/responses/" + name}
}

const (
	etagText     = `The record's version, such as "v3".`
	locationText = "The path of what was made."
)

func (d *document) success(r httpapi.Route) *huma.Response {
	out := &huma.Response{Description: http.StatusText(r.Status), Headers: map[string]*huma.Param{}}
	if r.Tagged {
		out.Headers["ETag"] = header("ETag", etagText)["ETag"]
	}
	if r.Status == http.StatusCreated {
		out.Headers["Location"] = header("Location", locationText)["Location"]
	}
	switch {
	case r.Stream && r.Type == "text/event-stream":
		out.Content = map[string]*huma.MediaType{r.Type: {Schema: &huma.Schema{Type: "string", Description: "Each event's data is an Event."}}}
		d.schema(reflect.TypeFor[api.Event]())
	case r.Type != "":
		out.Content = map[string]*huma.MediaType{r.Type: {Schema: contentSchema(r.Type)}}
	case r.Out != nil:
		out.Content = map[string]*huma.MediaType{"application/json": {Schema: d.schema(r.Out)}}
	}
	return out
}

func contentSchema(kind string) *huma.Schema {
	if kind == "application/json" {
		return &huma.Schema{Type: "object", AdditionalProperties: true}
	}
	return &huma.Schema{Type: "string"}
}

func header(name, text string) map[string]*huma.Param {
	return map[string]*huma.Param{name: {Description: text, Schema: &huma.Schema{Type: "string"}}}
}

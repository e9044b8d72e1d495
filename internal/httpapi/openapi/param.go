package openapi

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"keyfob/internal/httpapi"
)

func parameters(r httpapi.Route) []*huma.Param {
	out := pathParams(r.Path)
	for _, p := range r.Query {
		out = append(out, queryParam(p))
	}
	if r.Paged {
		out = append(out,
			&huma.Param{Name: "limit", In: "query", Description: "At most so many; 100 if left out.", Schema: &huma.Schema{Type: "integer", Minimum: number(1), Maximum: number(1000)}},
			&huma.Param{Name: "cursor", In: "query", Description: "Next of the page before.", Schema: &huma.Schema{Type: "string", MaxLength: count(1024)}})
	}
	if r.Match {
		out = append(out, headerParam("If-Match", `The version that was seen, such as "v3"; a list of them; or * for any.`, true))
	}
	if r.Fresh {
		out = append(out, headerParam("If-None-Match", "The version that is there already.", false))
	}
	if r.Once {
		p := headerParam("Idempotency-Key", "Sent again with the same request within a day, nothing more is made. Make it random, such as a UUID.", false)
		p.Schema.MinLength, p.Schema.MaxLength, p.Schema.Pattern = count(16), count(255), "^[!-~]+$"
		out = append(out, p)
	}
	if r.Stream && r.Type == "text/event-stream" {
		out = append(out, headerParam("Last-Event-ID", "The id of the last event that was seen; it counts before the parameter.", false))
	}
	return out
}

func headerParam(name, text string, required bool) *huma.Param {
	return &huma.Param{Name: name, In: "header", Description: text, Required: required, Schema: &huma.Schema{Type: "string"}}
}

func queryParam(p httpapi.Param) *huma.Param {
	s := &huma.Schema{Type: "string", Format: p.Format}
	for _, v := range p.Enum {
		s.Enum = append(s.Enum, v)
	}
	return &huma.Param{Name: p.Name, In: "query", Description: p.Text, Schema: s}
}

// pathParams says of each what it names.
func pathParams(path string) []*huma.Param {
	texts := map[string]string{
		"name": "The record's name.", "id": "The record's id.", "user": "The user's name.",
		"provider": "The provider's id, such as openai.", "namespace": "The namespace; default where none was given.", "label": "The account's label.",
	}
	out := []*huma.Param{}
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			out = append(out, &huma.Param{
				Name: name, In: "path", Required: true, Description: texts[name],
				Schema: &huma.Schema{Type: "string", MinLength: count(1)},
			})
		}
	}
	return out
}

func number(n float64) *float64 { return &n }

func count(n int) *int { return &n }

package keyfobtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// kind is what a request asks for.
type kind uint8

const (
	unknown kind = iota
	messages
	countTokens
	chat
	responses
	response // a stored one, by its id
	generate
	modelList
	keyInfo
)

// generates says whether a request makes a model answer: only those use up an
// account's queue.
func (k kind) generates() bool {
	return k == messages || k == chat || k == responses || k == generate
}

type dialect uint8

const (
	openaiDialect dialect = iota
	anthropicDialect
	googleDialect
)

// operation is a request as the provider understands it.
type operation struct {
	kind     kind
	dialect  dialect
	model    string
	stream   bool
	array    bool   // Google: a stream as a JSON array
	id       string // of a stored response
	previous string // previous_response_id
	noUsage  bool   // the client asked for a stream without usage
}

// readOperation finds out by the end of the path, so that any base URL works.
func readOperation(r *http.Request, body []byte) operation {
	o := route(r)
	var in struct {
		Model         string `json:"model"`
		Stream        bool   `json:"stream"`
		Previous      string `json:"previous_response_id"`
		StreamOptions *struct {
			IncludeUsage *bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	_ = json.Unmarshal(body, &in) // what is no JSON asks for nothing
	if o.model == "" {
		o.model = in.Model
	}
	o.stream = o.stream || in.Stream
	o.previous = in.Previous
	if s := in.StreamOptions; s != nil && s.IncludeUsage != nil {
		o.noUsage = !*s.IncludeUsage
	}
	return o
}

func route(r *http.Request) operation {
	path := strings.TrimRight(r.URL.Path, "/")
	last := path[strings.LastIndex(path, "/")+1:]
	post, get := r.Method == http.MethodPost, r.Method == http.MethodGet
	switch {
	case post && strings.HasSuffix(path, "/messages"):
		return operation{kind: messages, dialect: anthropicDialect}
	case post && strings.HasSuffix(path, "/messages/count_tokens"):
		return operation{kind: countTokens, dialect: anthropicDialect}
	case post && strings.HasSuffix(path, "/chat/completions"):
		return operation{kind: chat}
	case post && strings.HasSuffix(path, "/responses"):
		return operation{kind: responses}
	case get && strings.HasSuffix(path, "/responses/"+last):
		return operation{kind: response, id: last}
	case post && strings.Contains(path, "/models/"):
		return generation(r, last)
	case get && last == "models":
		return operation{kind: modelList, dialect: listDialect(r)}
	case get && last == "key":
		return operation{kind: keyInfo}
	}
	return operation{dialect: listDialect(r)}
}

// generation reads Google's "NAME:streamGenerateContent".
func generation(r *http.Request, last string) operation {
	model, method, _ := strings.Cut(last, ":")
	o := operation{dialect: googleDialect, model: model}
	switch method {
	case "generateContent":
		o.kind = generate
	case "streamGenerateContent":
		o.kind, o.stream = generate, true
		o.array = r.URL.Query().Get("alt") != "sse"
	}
	return o
}

// listDialect tells by the headers and the version what a path alone does not.
func listDialect(r *http.Request) dialect {
	switch {
	case r.Header.Get("Anthropic-Version") != "":
		return anthropicDialect
	case r.Header.Get("X-Goog-Api-Key") != "" || strings.Contains(r.URL.Path, "/v1beta"):
		return googleDialect
	}
	return openaiDialect
}

// id makes the nth id of a kind, the same in every run.
func id(prefix string, n int) string { return fmt.Sprintf("%s_test%06d", prefix, n) }

package llm

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"keyfob/internal/core"
)

const (
	maxModel      = 200
	maxParameters = 16 << 10
	maxDepth      = 16
)

// checked is a profile in the form to store, or why it cannot be.
func (l *LLM) checked(p core.Profile) (core.Profile, error) {
	if why := badText(p.Model, maxModel); why != "" {
		return core.Profile{}, core.Errorf(core.Invalid, "the model's name %s", why).WithField("model").
			WithHint("give it as the provider writes it, at most %d bytes", maxModel)
	}
	if _, err := l.providers.Get(p.Provider); err != nil {
		return core.Profile{}, err
	}
	if p.Namespace == "" {
		p.Namespace = core.DefaultNamespace
	}
	if err := core.CheckPart("LLM profile", "namespace", p.Namespace); err != nil {
		return core.Profile{}, err
	}
	var err error
	p.Parameters, err = parameters(p.Parameters)
	return p, err
}

// badText says why a text is none of 1 to limit bytes on one line, or "".
func badText(s string, limit int) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "is blank"
	case len(s) > limit:
		return "is too long"
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "holds a control character"
	case strings.TrimSpace(s) != s:
		return "begins or ends with a space"
	}
	return ""
}

// parameters is a JSON object without its white space, nil for an empty one.
func parameters(text []byte) ([]byte, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	if err := checkObject(text); err != nil {
		return nil, core.Errorf(core.Invalid, "the parameters are not usable: %s", err.Error()).WithField("parameters").
			WithHint(`give a JSON object such as {"temperature": 0.2}, at most %d bytes and %d levels deep`, maxParameters, maxDepth)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, text); err != nil {
		return nil, core.Errorf(core.Invalid, "the parameters are not JSON").WithField("parameters").WithHint(`give a JSON object such as {"temperature": 0.2}`)
	}
	if out.String() == "{}" {
		return nil, nil
	}
	return out.Bytes(), nil
}

// checkObject holds the rules that keep every reader of the object of one mind:
// valid UTF-8, no name twice, a bounded size and depth. Its errors hold nothing
// of the text.
func checkObject(text []byte) error {
	switch {
	case len(text) > maxParameters:
		return errors.New("they are too long")
	case !utf8.Valid(text):
		return errors.New("they are not UTF-8")
	case !json.Valid(text):
		return errors.New("they are not JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	t, err := dec.Token()
	if err != nil || t != json.Delim('{') {
		return errors.New("they are not a JSON object")
	}
	if err := walkObject(dec, 1); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the object")
	}
	return nil
}

func walkObject(dec *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return errors.New("they are not JSON")
		}
		s, _ := name.(string)
		if seen[s] {
			return errors.New("a name stands twice in one object")
		}
		seen[s] = true
		if err := walkValue(dec, depth); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

func walkValue(dec *json.Decoder, depth int) error {
	t, err := dec.Token()
	if err != nil {
		return errors.New("they are not JSON")
	}
	open, nested := t.(json.Delim)
	if !nested {
		return nil
	}
	if depth == maxDepth {
		return errors.New("they are nested too deep")
	}
	if open == '{' {
		return walkObject(dec, depth+1)
	}
	for dec.More() {
		if err := walkValue(dec, depth+1); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

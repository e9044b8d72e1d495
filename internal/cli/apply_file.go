package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"keyfob/api"
)

// orgFile is the file that apply reads.
type orgFile struct {
	Secrets  []fileSecret  `yaml:"secrets"`
	Accounts []fileAccount `yaml:"accounts"`
}

type fileSecret struct {
	Name        string            `yaml:"name"`
	ValueFrom   *valueFrom        `yaml:"value_from"`
	Description string            `yaml:"description"`
	Enabled     *bool             `yaml:"enabled"`
	Env         string            `yaml:"env"`
	File        string            `yaml:"file"`
	Lookup      bool              `yaml:"lookup"`
	Selector    map[string]string `yaml:"selector"`
}

type fileAccount struct {
	Provider   string            `yaml:"provider"`
	Namespace  string            `yaml:"namespace"`
	Label      string            `yaml:"label"`
	ValueFrom  *valueFrom        `yaml:"value_from"`
	BaseURL    string            `yaml:"base_url"`
	QuotaGroup string            `yaml:"quota_group"`
	Enabled    *bool             `yaml:"enabled"`
	Selector   map[string]string `yaml:"selector"`
	Limit      fileLimit         `yaml:"limit"`
}

type fileLimit struct {
	Requests int64 `yaml:"requests"`
	Tokens   int64 `yaml:"tokens"`
}

// valueFrom says where a value is; exactly one of the two.
type valueFrom struct {
	Env  string `yaml:"env"`
	File string `yaml:"file"`
}

func (e *Env) readOrgFile(path string) (api.OrgSpec, error) {
	content, err := e.importContent(path)
	if err != nil {
		return api.OrgSpec{}, err
	}
	f, err := parseOrgFile(content.Bytes())
	if err != nil {
		return api.OrgSpec{}, err
	}
	dir := "."
	if path != "-" {
		dir = filepath.Dir(path)
	}
	return e.orgSpec(f, dir)
}

// parseOrgFile takes one document, of known keys alone. Its errors have lines
// and hold nothing of the text but names of keys.
func parseOrgFile(b []byte) (orgFile, error) {
	var doc yaml.Node
	var f orgFile
	dec := yaml.NewDecoder(bytes.NewReader(b))
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return f, withHint(usagef("the file is empty"), "keyfob apply --help shows what it may hold")
	case err != nil:
		return f, badOrgFile([]api.Detail{{Message: "it is not YAML" + lineOfYAML(err)}})
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return f, badOrgFile([]api.Detail{{Message: "there is more than one document in it"}})
	}
	if bad := unknownKeys(&doc, reflect.TypeFor[orgFile]()); len(bad) > 0 {
		return f, badOrgFile(bad)
	}
	if err := doc.Decode(&f); err != nil {
		return f, badOrgFile([]api.Detail{{Message: "something in it is of a wrong kind, such as a list in place of a text" + lineOfYAML(err)}})
	}
	return f, nil
}

func badOrgFile(details []api.Detail) error {
	return &api.Error{
		Code: api.CodeInvalid, Reason: "bad_file", Message: "the file cannot be applied", Details: details,
		Hint: "keyfob apply --help shows what it may hold",
	}
}

// lineOfYAML is " (line N)" where the parser says so; its own text repeats
// values.
func lineOfYAML(err error) string {
	_, rest, ok := strings.Cut(err.Error(), "line ")
	if !ok {
		return ""
	}
	n, _, _ := strings.Cut(rest, ":")
	if strings.Trim(n, "0123456789") != "" || n == "" {
		return ""
	}
	return " (line " + n + ")"
}

// unknownKeys walks the document along the type.
func unknownKeys(n *yaml.Node, t reflect.Type) (bad []api.Detail) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case n.Kind == yaml.AliasNode:
		return []api.Detail{{Message: fmt.Sprintf("an alias is not taken (line %d)", n.Line)}}
	case n.Kind == yaml.DocumentNode || n.Kind == yaml.SequenceNode && t.Kind() == reflect.Slice:
		if t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		for _, c := range n.Content {
			bad = append(bad, unknownKeys(c, t)...)
		}
	case n.Kind == yaml.MappingNode && t.Kind() == reflect.Struct:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			field, ok := fieldFor(t, key.Value)
			if !ok {
				bad = append(bad, api.Detail{Message: unknownKey(key, t)})
				continue
			}
			bad = append(bad, unknownKeys(n.Content[i+1], field)...)
		}
	}
	return bad
}

func fieldFor(t reflect.Type, key string) (reflect.Type, bool) {
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("yaml") == key {
			return t.Field(i).Type, true
		}
	}
	return nil, false
}

func unknownKey(key *yaml.Node, t reflect.Type) string {
	if key.Value == "value" || key.Value == "key" {
		return fmt.Sprintf("a value never stands in the file: name where it is with value_from (line %d)", key.Line)
	}
	var known []string
	for i := range t.NumField() {
		known = append(known, t.Field(i).Tag.Get("yaml"))
	}
	return fmt.Sprintf("there is no key%s here; there are %s (line %d)", plainWord(strings.ReplaceAll(key.Value, "_", "-")), strings.Join(known, ", "), key.Line)
}

// orgSpec reads the values that the file names.
func (e *Env) orgSpec(f orgFile, dir string) (api.OrgSpec, error) {
	var out api.OrgSpec
	var bad []api.Detail
	for _, s := range f.Secrets {
		v, err := e.valueOf(s.ValueFrom, dir, false)
		if err != nil {
			bad = append(bad, api.Detail{Field: "secret " + s.Name, Message: publicError(err).Message})
		}
		out.Secrets = append(out.Secrets, api.OrgSecret{
			Name: s.Name, Value: v, Description: s.Description, Enabled: s.Enabled,
			Env: s.Env, File: s.File, Lookup: s.Lookup, Selector: s.Selector,
		})
	}
	for _, a := range f.Accounts {
		v, err := e.valueOf(a.ValueFrom, dir, true)
		if err != nil {
			bad = append(bad, api.Detail{Field: "account " + a.Provider + "/" + a.Label, Message: publicError(err).Message})
		}
		out.Accounts = append(out.Accounts, api.OrgAccount{
			Provider: a.Provider, Namespace: a.Namespace, Label: a.Label, Key: v, BaseURL: a.BaseURL, QuotaGroup: a.QuotaGroup,
			Enabled: a.Enabled, Selector: a.Selector, Limit: api.Limit(a.Limit),
		})
	}
	if len(bad) > 0 {
		return out, badOrgFile(bad)
	}
	return out, nil
}

// valueOf is nil where the record is to keep its value. A key is one line, so
// its line break is dropped.
func (e *Env) valueOf(from *valueFrom, dir string, key bool) (*api.Value, error) {
	if from == nil {
		return nil, nil
	}
	var v api.Value
	switch {
	case (from.Env == "") == (from.File == ""):
		return nil, usagef("value_from names either env or file")
	case from.Env != "":
		text, ok := e.LookupEnv(from.Env)
		if !ok {
			return nil, usagef("the variable %s is not set", from.Env)
		}
		v = api.NewValue([]byte(text))
	default:
		path := from.File
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		var err error
		if v, err = readFileValue(path); err != nil {
			return nil, err
		}
	}
	if key {
		b, _ := bytes.CutSuffix(v.Bytes(), []byte("\n"))
		b, _ = bytes.CutSuffix(b, []byte("\r"))
		v = api.NewValue(b)
	}
	return &v, nil
}

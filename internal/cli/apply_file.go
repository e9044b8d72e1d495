package cli

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"reflect"

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

// readOrgFile reads the file and the values that it names. Its error holds every
// fault that is found without the vault.
func (e *Env) readOrgFile(path string) (api.OrgSpec, *orgDocument, error) {
	content, err := e.importContent(path)
	if err != nil {
		return api.OrgSpec{}, nil, err
	}
	dir := "."
	if path != "-" {
		dir = filepath.Dir(path)
	}
	f, doc, err := parseOrgFile(content.Bytes())
	if err != nil {
		return api.OrgSpec{}, doc, err
	}
	spec := e.orgSpec(f, doc, dir)
	return spec, doc, doc.fault()
}

// parseOrgFile takes one document. Faults that leave something to read are in
// the orgDocument; they and errors have lines, and hold nothing of the text but
// names of keys.
func parseOrgFile(b []byte) (orgFile, *orgDocument, error) {
	doc, f := &orgDocument{}, orgFile{}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	switch err := dec.Decode(&doc.root); {
	case errors.Is(err, io.EOF):
		return f, doc, withHint(usagef("the file is empty"), "keyfob apply --help shows what it may hold")
	case err != nil:
		doc.add("", lineOfYAML(err.Error()), "it is not YAML")
		return f, doc, doc.fault()
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		doc.add("", 0, "there is more than one document in it")
		return f, doc, doc.fault()
	}
	doc.unknownKeys(&doc.root, reflect.TypeFor[orgFile]())
	if err := doc.root.Decode(&f); err != nil {
		doc.wrongKinds(err)
	}
	return f, doc, nil
}

// orgSpec reads the values that the file names.
func (e *Env) orgSpec(f orgFile, doc *orgDocument, dir string) api.OrgSpec {
	var out api.OrgSpec
	for i, s := range f.Secrets {
		v, err := e.valueOf(s.ValueFrom, dir, false)
		doc.badValue("secrets", i, err)
		if s.ValueFrom != nil && s.ValueFrom.File != "" && s.File == "" && v != nil && isLineWithBreak(*v) {
			on, line, _ := doc.place("secrets", i, "value_from")
			e.Notef("note: the value of %s ends with a line break, which is kept%s", on, inLine(line))
		}
		out.Secrets = append(out.Secrets, api.OrgSecret{
			Name: s.Name, Value: v, Description: s.Description, Enabled: s.Enabled,
			Env: s.Env, File: s.File, Lookup: s.Lookup, Selector: s.Selector,
		})
	}
	for i, a := range f.Accounts {
		v, err := e.valueOf(a.ValueFrom, dir, true)
		doc.badValue("accounts", i, err)
		out.Accounts = append(out.Accounts, api.OrgAccount{
			Provider: a.Provider, Namespace: a.Namespace, Label: a.Label, Key: v, BaseURL: a.BaseURL, QuotaGroup: a.QuotaGroup,
			Enabled: a.Enabled, Selector: a.Selector, Limit: api.Limit(a.Limit),
		})
	}
	return out
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

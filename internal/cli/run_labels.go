package cli

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"

	"keyfob/api"
	"keyfob/internal/core"
)

// labelFileName is the file in a repository that labels its workspaces.
const labelFileName = "keyfob.yaml"

// maxLabelFile is the most that is read of it, in bytes.
const maxLabelFile = 64 << 10

// labelFile is a keyfob.yaml: labels alone, so that a repository can choose
// among the user's secrets only as the user's own selectors let it.
type labelFile struct {
	Labels map[string]string `yaml:"labels"`

	path string // empty: there is none
}

// findLabels reads the nearest keyfob.yaml from the working directory up to the
// repository's top; outside of a repository only the working directory's.
func findLabels(home string) (labelFile, error) {
	dir, err := os.Getwd()
	if err != nil {
		return labelFile{}, fileError("find", "the working directory", err)
	}
	for _, d := range searched(dir, home) {
		path := filepath.Join(d, labelFileName)
		f, err := readLabels(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	return labelFile{}, nil
}

// searched are the directories to look in, nearest first.
func searched(dir, home string) []string {
	var up []string
	for at := dir; ; at = filepath.Dir(at) {
		up = append(up, at)
		if _, err := os.Lstat(filepath.Join(at, ".git")); err == nil {
			return up
		}
		if at == home || filepath.Dir(at) == at {
			return []string{dir}
		}
	}
}

func readLabels(path string) (labelFile, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return labelFile{}, err
	}
	if err != nil {
		return labelFile{}, fileError("read", path, err)
	}
	// A link in a repository may lead to a pipe, a terminal or our own input,
	// which opening alone could wait for or drain.
	if !st.Mode().IsRegular() {
		return labelFile{path: path}, noLabelFile(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return labelFile{}, fileError("read", path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxLabelFile+1))
	if err != nil {
		return labelFile{}, fileError("read", path, err)
	}
	return parseLabels(path, b)
}

// parseLabels never repeats the file's text: it may be some other program's.
func parseLabels(path string, b []byte) (labelFile, error) {
	out := labelFile{path: path}
	if len(b) > maxLabelFile {
		return out, noLabelFile(path)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(&out); err != nil && !errors.Is(err, io.EOF) {
		return out, noLabelFile(path)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return out, noLabelFile(path) // a second document, which would count for nothing
	}
	if core.CheckLabels(out.Labels) != nil {
		return out, &api.Error{
			Code: api.CodeInvalid, Field: "label", Message: path + " holds labels that cannot be",
			Hint: "at most 32, each KEY: VALUE with letters, digits and . _ / -, such as team: web",
		}
	}
	return out, nil
}

func noLabelFile(path string) error {
	return &api.Error{
		Code: api.CodeInvalid, Field: "label", Message: path + " is not a Keyfob file",
		Hint: "it holds labels alone, such as: labels: {team: web}",
	}
}

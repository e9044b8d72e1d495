package deliver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"keyfob/internal/core"
)

// Setting is a file with settings for a client that takes them by no variable.
// It holds no key and says the same in every run, so it stays where it is.
type Setting struct {
	Path    string // in Keyfob's own directory
	Content []byte
}

// setting points the variable at a file of Keyfob's own, unless the caller has
// pointed it elsewhere.
func (b *planner) setting(variableName string, content map[string]any) error {
	if _, set := b.before.get(variableName); set {
		return nil
	}
	text, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("make the settings of %s: %w", b.preset.Name, err)
	}
	path := filepath.Join(b.in.State, "clients", b.preset.Name, strings.ToLower(variableName)+".json")
	b.settings = append(b.settings, Setting{Path: path, Content: append(text, '\n')})
	b.own(variable{name: variableName, value: path, source: fromGateway})
	return nil
}

// WriteSettings makes each file what it is to be: 0600 in directories of 0700,
// atomically, and only where it is not so already. Processes may do so at once.
func WriteSettings(settings []Setting) error {
	for _, s := range settings {
		if have, err := os.ReadFile(s.Path); err == nil && bytes.Equal(have, s.Content) {
			continue
		}
		if err := writeSetting(s); err != nil {
			return core.Errorf(core.Unavailable, "%s cannot be written", s.Path).WithHint("is there space, and is the directory yours?").Wrap(err)
		}
	}
	return nil
}

func writeSetting(s Setting) error {
	dir := filepath.Dir(s.Path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(s.Content)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), s.Path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

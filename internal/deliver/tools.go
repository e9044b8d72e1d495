package deliver

import (
	"crypto/rand"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"keyfob/api"
)

// tool is one whose file has a variable too: data/tools.json.
type tool struct {
	Path      string `json:"path"` // where it looks by itself
	Variable  string `json:"variable"`
	Directory bool   `json:"directory"` // the variable names the file's directory
}

func toolFor(deliveryPath string) (tool, bool) {
	rest, home := strings.CutPrefix(deliveryPath, "~/")
	var tools []tool
	if !home || loadJSON("tools.json", &tools) != nil {
		return tool{}, false
	}
	i := slices.IndexFunc(tools, func(t tool) bool { return samePath(t.Path, "~/"+path.Clean(rest)) })
	if i < 0 {
		return tool{}, false
	}
	return tools[i], true
}

// standIn delivers a known tool's file to a private directory, where the user's
// own file has its place, and points the tool there by its variable.
func (b *batch) standIn(j *job) {
	if j.private && b.state(j) == delivered {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.f.mu.Lock()
		defer b.f.mu.Unlock()
		t := b.f.tools[j.d.Path]
		j.tool, j.out.Why = &t, "your own file stays as it is; "+t.Name+" points here"
		return
	}
	t, ok := toolFor(j.d.Path)
	if !ok || j.private || !b.isForeign(j) || b.f.isClosed() {
		return
	}
	dir := filepath.Join(b.f.book.private(), strings.ToLower(rand.Text()[:16]))
	j.place = place{dir: dir, base: path.Base(t.Path), root: b.f.book.dir, fresh: []string{"private", filepath.Base(dir)}}
	j.private, j.action, j.entry = true, nothing, nil
	v := ToolVar{Name: t.Variable, Value: j.place.path(), Secret: j.d.Secret}
	if t.Directory {
		v.Value = dir
	}
	b.mu.Lock()
	j.out = api.Outcome{}
	b.mu.Unlock()
	b.f.mu.Lock()
	b.f.private[j.d.Path], b.f.tools[j.d.Path] = j.place.path(), v
	b.f.mu.Unlock()
	b.writeDir(dir, []*job{j})
	b.standIn(j)
}

func (b *batch) isForeign(j *job) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return j.out.State == conflict && j.out.Why == foreign.Why
}

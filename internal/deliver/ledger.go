package deliver

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"keyfob/api"
	"keyfob/internal/core"
)

// ledgerVersion is the format that this program writes.
const ledgerVersion = 1

// ledger is what stands written of the files of every live and dead process on
// one home: a JSON file, 0600, replaced as a whole under a lock. Each step on
// the disk is written here before it is taken, so that whoever finds the ledger
// can take it back.
type ledger struct {
	Version int               `json:"version"`
	Key     []byte            `json:"key"` // of the digests; random, made with the ledger
	Entries map[string]*entry `json:"entries"`
	Dirs    []string          `json:"dirs,omitempty"`  // made by us, to be removed when empty
	Notes   []api.Outcome     `json:"notes,omitempty"` // of a Sweep, not told to anybody yet
}

// entry is one file, by its path after resolution.
type entry struct {
	Secret  string   `json:"secret"`
	Holders []string `json:"holders"`          // processes
	Temp    string   `json:"temp"`             // beside it: not published yet
	Trash   string   `json:"trash"`            // beside it: on its way out
	Backup  string   `json:"backup,omitempty"` // beside it: the foreign file that stood there
	Marks   []mark   `json:"marks,omitempty"`  // what we wrote; the older one too while it is replaced
}

func newEntry(secret string) *entry {
	id := strings.ToLower(rand.Text()[:16])
	return &entry{Secret: secret, Temp: ".keyfob-" + id + ".tmp", Trash: ".keyfob-" + id + ".old"}
}

// backupName is a name that its owner recognises.
func backupName(base string) string {
	return base + ".keyfob-backup-" + strings.ToLower(rand.Text()[:8])
}

func (e *entry) hold(process string) {
	if !slices.Contains(e.Holders, process) {
		e.Holders = append(e.Holders, process)
	}
}

// living drops the holders that are gone.
func (e *entry) living(alive func(string) bool) []string {
	return slices.DeleteFunc(slices.Clone(e.Holders), func(p string) bool { return !alive(p) })
}

// book is the ledger's place.
type book struct{ dir string }

func bookIn(home string) book { return book{filepath.Join(home, "deliver")} }

func (b book) file() string { return filepath.Join(b.dir, "ledger.json") }

// private holds the files that stand in for those in a tool's own place.
func (b book) private() string { return filepath.Join(b.dir, "private") }

// read gives the ledger as it stands; nil where there is none.
func (b book) read() (*ledger, error) {
	raw, err := os.ReadFile(b.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, b.fault("cannot be read", err)
	}
	var l ledger
	if err := json.Unmarshal(raw, &l); err != nil || len(l.Key) == 0 {
		return nil, b.fault("is damaged", nil)
	}
	if l.Version > ledgerVersion {
		return nil, core.Errorf(core.Invalid, "the ledger of delivered files is from a newer Keyfob").WithHint("use that version")
	}
	if l.Entries == nil {
		l.Entries = map[string]*entry{}
	}
	for path, e := range l.Entries {
		if !filepath.IsAbs(path) || !e.sound() {
			return nil, b.fault("is damaged", nil)
		}
	}
	return &l, nil
}

// sound says whether the entry could have been written here: its names stand
// beside the file and nowhere else.
func (e *entry) sound() bool {
	if e == nil {
		return false
	}
	for _, name := range []string{e.Temp, e.Trash, e.Backup} {
		if name != "" && (name != filepath.Base(name) || name == "." || name == "..") {
			return false
		}
	}
	return e.Temp != "" && e.Trash != ""
}

func (b book) fault(what string, err error) error {
	return core.Errorf(core.Unavailable, "the ledger of delivered files, %s, %s", b.file(), what).Wrap(bare(err)).
		WithHint("it lists the files to take back; if it cannot be repaired, remove it and look after those files yourself")
}

// change reads, changes and replaces the ledger under its lock.
func (b book) change(fn func(*ledger)) error {
	unlock, err := b.lock("ledger")
	if err != nil {
		return err
	}
	defer unlock()
	l, err := b.read()
	if err != nil {
		return err
	}
	if l == nil {
		l = &ledger{Version: ledgerVersion, Key: make([]byte, 32), Entries: map[string]*entry{}}
		_, _ = rand.Read(l.Key) // never fails: crypto/rand aborts the program instead
	}
	fn(l)
	return b.write(l)
}

func (b book) write(l *ledger) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return b.fault("cannot be written", err)
	}
	tmp := b.file() + ".tmp" // one writer at a time, so one name will do
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return b.fault("cannot be written", err)
	}
	_, werr := f.Write(raw)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return b.fault("cannot be written", err)
	}
	if err := os.Rename(tmp, b.file()); err != nil {
		return b.fault("cannot be written", err)
	}
	return syncDir(b.dir)
}

// lock waits for the named lock. Locks of directories are held while their
// files change, the ledger's only while it is rewritten.
func (b book) lock(name string) (func(), error) {
	dir := filepath.Join(b.dir, "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, b.fault("cannot be written", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, b.fault("cannot be locked", err)
	}
	if err := lockFile(f); err != nil {
		return nil, errors.Join(b.fault("cannot be locked", err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

// lockDir serialises what happens to the files in one directory, over all
// processes: a disk that hangs holds up nobody else.
func (b book) lockDir(dir string) (func(), error) {
	if inside(b.private(), dir) {
		return b.lock("private") // on Keyfob's own disk, and new at each run
	}
	sum := sha256.Sum256([]byte(dir))
	return b.lock("dir-" + hex.EncodeToString(sum[:8]))
}

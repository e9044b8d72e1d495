package deliver

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
)

// mark tells a file that Keyfob wrote from any other. Digest is
// HMAC-SHA-256 of the content under the ledger's own random key, in hex, so
// that a short value cannot be found by trying without the ledger.
type mark struct {
	Dev    uint64 `json:"dev"`
	Ino    uint64 `json:"ino"`
	Size   int64  `json:"size"`
	MTime  int64  `json:"mtime"` // nanoseconds since 1970
	Digest string `json:"digest"`
}

// same says whether it is the same file with the same content. The time is not
// compared: touching a file is no change.
func (m mark) same(o mark) bool {
	return m.Dev == o.Dev && m.Ino == o.Ino && m.Size == o.Size && hmac.Equal([]byte(m.Digest), []byte(o.Digest))
}

func digest(key, content []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

type kind int

const (
	absent kind = iota
	regular
	link
	other
)

// seen is what stands at a name.
type seen struct {
	kind kind
	mark mark // of a regular file
}

// maxOwn is the largest file that can be ours: vault.Limits' value and room.
const maxOwn = 64 << 20

// look looks at a name without following a link. The content of a file is read
// only where one of candidates has its size.
func look(root *os.Root, name string, key []byte, candidates []mark) (seen, error) {
	st, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return seen{}, nil
	case err != nil:
		return seen{}, err
	case st.Mode()&fs.ModeSymlink != 0:
		return seen{kind: link}, nil
	case !st.Mode().IsRegular():
		return seen{kind: other}, nil
	}
	m := mark{Size: st.Size(), MTime: st.ModTime().UnixNano()}
	m.Dev, m.Ino = fileID(st, nil)
	sized := func(c mark) bool { return c.Size == m.Size && (m.Ino == 0 || c.Ino == m.Ino) }
	if st.Size() > maxOwn || !slices.ContainsFunc(candidates, sized) {
		return seen{kind: regular, mark: m}, nil
	}
	return readMark(root, name, key)
}

func readMark(root *os.Root, name string, key []byte) (seen, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|openNoBlock, 0)
	if errors.Is(err, fs.ErrPermission) { // somebody took the permission away: not as we left it
		return seen{kind: regular}, nil
	}
	if err != nil {
		return seen{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return seen{kind: other}, err
	}
	var content bytes.Buffer
	if _, err := io.Copy(&content, io.LimitReader(f, maxOwn+1)); err != nil {
		return seen{}, err
	}
	m := mark{Size: int64(content.Len()), MTime: st.ModTime().UnixNano(), Digest: digest(key, content.Bytes())}
	m.Dev, m.Ino = fileID(st, f)
	return seen{kind: regular, mark: m}, nil
}

// isOurs says whether what was seen is one of marks.
func (s seen) isOurs(marks []mark) bool {
	return s.kind == regular && s.mark.Digest != "" && slices.ContainsFunc(marks, s.mark.same)
}

// writeTemp writes content to a new 0600 file and makes it durable.
func writeTemp(root *os.Root, name string, key, content []byte) (mark, error) {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return mark{}, err
	}
	_, werr := f.Write(content)
	serr := f.Sync()
	st, terr := f.Stat()
	if err := errors.Join(werr, serr, terr); err != nil {
		return mark{}, errors.Join(err, f.Close())
	}
	m := mark{Size: st.Size(), MTime: st.ModTime().UnixNano(), Digest: digest(key, content)}
	m.Dev, m.Ino = fileID(st, f)
	return m, f.Close()
}

// moveNew renames from to a name that must not exist. A crash in between leaves
// both names on one file. Where the file system has no hard links it looks
// first, which leaves a moment.
func moveNew(root *os.Root, from, to string) error {
	err := root.Link(from, to)
	if err == nil {
		return root.Remove(from)
	}
	if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, lerr := root.Lstat(to); !errors.Is(lerr, fs.ErrNotExist) {
		return errors.Join(fs.ErrExist, lerr)
	}
	return root.Rename(from, to)
}

// removeName removes a name that may be gone already. A file system that cannot
// be written refuses to remove even what is not there.
func removeName(root *os.Root, name string) error {
	err := root.Remove(name)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, lerr := root.Lstat(name); errors.Is(lerr, fs.ErrNotExist) {
		return nil
	}
	return err
}

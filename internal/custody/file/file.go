// Package file keeps the root key in a file that only its user can read.
package file

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/custody"
	"keyfob/internal/secret"
)

// Driver implements custody.Driver.
type Driver struct {
	path string
}

var _ custody.Driver = Driver{}

// New keeps the key at path, whose directory must be there when the key is made.
func New(path string) Driver { return Driver{path: path} }

// Name implements custody.Driver.
func (Driver) Name() string { return "file" }

// Place implements custody.Driver.
func (d Driver) Place() string { return d.path }

// Protects implements custody.Driver.
func (Driver) Protects() string {
	return "protects copies of the database alone, such as one in a backup without the key file; " +
		"does not protect against whoever can read your files: other processes of yours, root, or a backup that holds both"
}

// Variables implements custody.Driver.
func (Driver) Variables() []string { return nil }

// Create implements custody.Driver. The file appears whole or not at all and is
// on the disk when Create returns. A key file that is there already is taken,
// so a first start that was cut off goes on with the same key.
func (d Driver) Create(ctx context.Context) (secret.Secret, error) {
	if _, err := os.Lstat(d.path); err == nil {
		return d.Open(ctx)
	}
	raw := make([]byte, custody.KeySize)
	_, _ = rand.Read(raw) // never fails: crypto/rand aborts the program instead
	defer clear(raw)
	text := Format(secret.New(raw), time.Now())
	defer clear(text)
	err := publish(d.path, text)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return secret.Secret{}, d.notMade(err)
	}
	return d.Open(ctx) // what is stored counts, also where another process was first
}

// Open implements custody.Driver. It refuses a file that others may read and,
// on Unix, one of another user.
func (d Driver) Open(context.Context) (secret.Secret, error) {
	// Asked before it is opened as well: to open a pipe waits for who writes it.
	if info, err := os.Stat(d.path); err == nil && !info.Mode().IsRegular() {
		return secret.Secret{}, d.damaged(errors.New("it is not a file"))
	}
	f, err := os.Open(d.path)
	if err != nil {
		return secret.Secret{}, d.notOpened(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return secret.Secret{}, d.notOpened(err)
	}
	if !info.Mode().IsRegular() {
		return secret.Secret{}, d.damaged(errors.New("it is not a file"))
	}
	if err := private(d.path, info); err != nil {
		return secret.Secret{}, err
	}
	return d.read(f)
}

func (d Driver) read(f io.Reader) (secret.Secret, error) {
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return secret.Secret{}, d.notOpened(err)
	}
	defer clear(text)
	key, err := Parse(text)
	if err != nil {
		return secret.Secret{}, d.damaged(err)
	}
	return key, nil
}

func (d Driver) notOpened(err error) error {
	why, hint := "cannot be read", "check the disk and the file's owner"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why, hint = "is not there", "put back a copy of it; without the root key the stored values cannot be opened"
	case errors.Is(err, fs.ErrPermission):
		why, hint = "cannot be read: permission denied", "run keyfob as the user the file belongs to"
	}
	return d.unavailable(why, hint).Wrap(err)
}

func (d Driver) damaged(err error) error {
	return d.unavailable("is damaged: "+err.Error(), "put back a copy of it; Keyfob never changes a key file")
}

func (d Driver) notMade(err error) error {
	return core.Errorf(core.Unavailable, "the root key file %s cannot be made", d.path).WithReason("root_key_unavailable").
		WithHint("check that its directory is yours, can be written and has space left").Wrap(err)
}

func (d Driver) unavailable(why, hint string) *core.Error {
	return core.Errorf(core.Unavailable, "the root key file %s %s", d.path, why).
		WithReason("root_key_unavailable").WithHint("%s", hint)
}

package cli

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"keyfob/api"
)

// savedLogin is what login stores, in KEYFOB_HOME/login.json, mode 0600. It
// holds tokens in the clear: they open what the user may see at the server until
// they expire or are revoked.
type savedLogin struct {
	URL    string     `json:"url"`
	User   string     `json:"user"`
	Token  savedToken `json:"token"`
	Reveal savedToken `json:"reveal"`
	CA     string     `json:"ca,omitempty"` // certificates in PEM that are trusted beside the system's
}

// savedToken is a personal token; only its text where the environment gave it.
type savedToken struct {
	ID        string    `json:"id"`
	Value     string    `json:"value"`
	ExpiresAt time.Time `json:"expires_at"`
}

func savedTokenOf(t api.TokenCreated) savedToken {
	return savedToken{ID: t.ID, Value: string(t.Value.Bytes()), ExpiresAt: t.ExpiresAt}
}

// The files of a login in the home.
const (
	loginFile = "login.json"
	caFile    = "server-ca.pem" // for programs that a run starts
)

// readLogin is zero where nobody has signed in.
func (e *Env) readLogin() (savedLogin, error) {
	var out savedLogin
	home, err := e.Home()
	if err != nil {
		return out, nil //nolint:nilerr // without a home there is no login; what needs the home says so itself
	}
	path := filepath.Join(home, loginFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	if err != nil {
		return out, fileError("cannot read", path, err)
	}
	if err := private(path); err != nil {
		return out, err
	}
	if json.Unmarshal(b, &out) != nil || out.URL == "" {
		return savedLogin{}, &api.Error{
			Code: api.CodeInvalid, Reason: "damaged_login", Message: path + " is not what keyfob login writes",
			Hint: "sign in again with: keyfob login URL; or remove the file to use this machine's vault",
		}
	}
	return out, nil
}

// private refuses a file of tokens that others may read.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fileError("cannot look at", path, err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return &api.Error{
			Code: api.CodeForbidden, Reason: "open_permissions", Message: "others may use " + path + ", which holds your tokens",
			Hint: "run: chmod 600 " + path + "; and sign in again if somebody may have read it",
		}
	}
	return nil
}

func (e *Env) writeLogin(l savedLogin) error {
	home, err := e.Home()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return fileError("cannot make", home, err)
	}
	if l.CA != "" {
		if err := replaceFile(filepath.Join(home, caFile), []byte(l.CA)); err != nil {
			return err
		}
	}
	b, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(home, loginFile), append(b, '\n'))
}

// removeLogin forgets the login; there may be none.
func (e *Env) removeLogin() error {
	home, err := e.Home()
	if err != nil {
		return err
	}
	for _, name := range []string{loginFile, caFile} {
		path := filepath.Join(home, name)
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fileError("cannot remove", path, err)
		}
	}
	return nil
}

// replaceFile writes a file of mode 0600 whole or not at all, durable before
// anybody sees it.
func replaceFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return fileError("cannot write", path, err)
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fileError("cannot write", path, err)
	}
	return nil
}

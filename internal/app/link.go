package app

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/identity"
	"keyfob/internal/secret"
)

// Ready is what a server that answers tells whoever started it.
type Ready struct {
	URL   string // for programs
	Pages string // for browsers
	// Metrics is where /metrics is if it has a port of its own; else it is empty.
	Metrics string
	// Link signs a browser in as User, once, within 15 minutes, and Code a command
	// line; both are zero where the settings want none or that user is disabled.
	// The browser's address is Link's alone.
	Link, Code secret.Secret
	User       string
}

// links makes the link and the code of a start.
func (s *Server) links(ctx context.Context) (Ready, error) {
	out := Ready{URL: s.url, Pages: s.pages, Metrics: s.metricsURL(), User: core.Local.ID}
	if err := s.noteRunning(); err != nil {
		return out, err
	}
	if s.settings.NoLink || s.settings.AdminEmail != "" {
		return out, nil
	}
	link, code, err := makeLinks(ctx, s.identity, s.pages, out.User)
	if core.CodeOf(err) == core.Conflict {
		return out, nil // disabled by an administrator, who is somebody else
	}
	out.Link, out.Code = link, code
	return out, err
}

func makeLinks(ctx context.Context, id *identity.Identity, pages, user string) (link, code secret.Secret, err error) {
	_, text, err := id.MakeLink(ctx, user, core.LinkProof)
	if err != nil {
		return link, code, err
	}
	_, code, err = id.MakeLink(ctx, user, core.CodeProof)
	return secret.FromString(pages + "/signin/" + string(text.Reveal())), code, err
}

// UserLink makes a link and a code that sign this user of a server in, each once
// and within 15 minutes. It is for whoever operates the server that runs on this
// vault: the addresses are those of the one that was started last.
//
// Errors: not_found for no such user, and with reason "no_server" where no server
// runs; conflict where the user is disabled.
func (a *App) UserLink(ctx context.Context, user string) (Ready, error) {
	at, err := a.running()
	if err != nil {
		return Ready{}, err
	}
	id, err := identity.New(identity.Config{Guard: a.guard, Store: a.store, Log: a.log})
	if err != nil {
		return Ready{}, err
	}
	out := Ready{URL: at.URL, Pages: at.Pages, User: user}
	out.Link, out.Code, err = makeLinks(ctx, id, at.Pages, user)
	return out, err
}

// running is the file that says where the server on this vault is reached. One
// that was killed leaves it behind: whether it counts the lock says.
type running struct {
	URL   string `json:"url"`
	Pages string `json:"pages"`
	PID   int    `json:"pid"`
}

const runningName = "server.json"

func (s *Server) noteRunning() error {
	b, err := json.Marshal(running{URL: s.url, Pages: s.pages, PID: os.Getpid()})
	if err != nil {
		return err
	}
	path := filepath.Join(s.app.config.Home, runningName)
	// In one step, so that nobody reads half of it. It need not outlive a crash.
	next := path + "." + strconv.Itoa(os.Getpid())
	if err := errors.Join(os.WriteFile(next, b, 0o600), os.Rename(next, path)); err != nil {
		return homeError(path, err)
	}
	return nil
}

// forgetRunning leaves another server's note alone.
func (s *Server) forgetRunning() {
	if at, err := readRunning(s.app.config.Home); err == nil && at.PID == os.Getpid() && at.URL == s.url {
		_ = os.Remove(filepath.Join(s.app.config.Home, runningName))
	}
}

// running is where the server is that has this vault's lock now.
func (a *App) running() (running, error) {
	held, err := lockHeld(a.config.Home)
	if err != nil {
		return running{}, err
	}
	if !held {
		return running{}, noServer(a.config.Home)
	}
	return readRunning(a.config.Home)
}

func noServer(home string) error {
	return core.Errorf(core.NotFound, "no server runs on the vault in %s", home).WithReason("no_server").
		WithHint("start one with keyfob serve; run this as the user who runs it, with its KEYFOB_HOME")
}

// readRunning reads what the server that was started last wrote.
func readRunning(home string) (running, error) {
	var out running
	path := filepath.Join(home, runningName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return out, noServer(home)
	}
	if err != nil {
		return out, homeError(path, err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		return out, core.Errorf(core.Internal, "%s is damaged", path).WithHint("start keyfob serve again").Wrap(err)
	}
	return out, nil
}

func portText(port int) string { return strconv.Itoa(port) }

package deliver

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"keyfob/internal/core"
)

// place is where a file goes, after every link on the way.
type place struct {
	dir   string // its directory, resolved; may not exist yet
	base  string
	root  string   // the deepest part of dir that exists
	fresh []string // what of dir is to be made below root, outermost first
	home  string   // the resolved home directory that dir must not leave; empty: anywhere
}

func (p place) path() string { return filepath.Join(p.dir, p.base) }

// resolve finds the place of a delivery's path. home is the user's home
// directory, in which a path that begins with "~/" must end after resolving its
// parent's links. The last component is never followed.
func resolve(home, path string) (place, error) {
	abs, inHome, err := expand(home, path)
	if err != nil {
		return place{}, err
	}
	p, err := resolveDir(filepath.Dir(abs))
	if err != nil {
		return place{}, err
	}
	p.base = filepath.Base(abs)
	if inHome {
		if p.home, err = checkInside(home, p.dir); err != nil {
			return place{}, err
		}
	}
	return p, nil
}

func expand(home, path string) (abs string, inHome bool, err error) {
	if strings.ContainsRune(path, 0) {
		return "", false, core.Errorf(core.Invalid, "the path has a NUL byte").WithField("file")
	}
	rest, inHome := strings.CutPrefix(path, "~/")
	abs = filepath.Clean(filepath.FromSlash(path))
	if inHome {
		if !filepath.IsAbs(home) {
			return "", false, core.Errorf(core.Unavailable, "there is no home directory").WithHint("set HOME to a directory of yours")
		}
		abs = filepath.Join(home, filepath.FromSlash(rest))
	}
	if !filepath.IsAbs(abs) {
		return "", false, core.Errorf(core.Invalid, "the path is neither absolute nor in the home directory").WithField("file").WithHint("begin it with ~/ or /")
	}
	if strings.HasSuffix(path, "/") || abs == filepath.Clean(home) || filepath.Dir(abs) == abs {
		return "", false, core.Errorf(core.Invalid, "the path is a directory's").WithField("file").WithHint("add the file's name")
	}
	return abs, inHome, nil
}

// resolveDir follows the links of as much of dir as exists. A link that leads
// nowhere is refused: making what it points at would put the file somewhere
// nobody named.
func resolveDir(dir string) (place, error) {
	var fresh []string
	for at := dir; ; at = filepath.Dir(at) {
		real, err := filepath.EvalSymlinks(at)
		switch {
		case err == nil:
			if err := checkDir(real); err != nil {
				return place{}, err
			}
			return place{dir: filepath.Join(append([]string{real}, fresh...)...), root: real, fresh: fresh}, nil
		case !errors.Is(err, fs.ErrNotExist) || filepath.Dir(at) == at:
			return place{}, core.Errorf(core.Invalid, "the directory cannot be reached").WithHint("is a part of the path a file, or a link in a circle?").Wrap(bare(err))
		}
		if _, err := os.Lstat(at); err == nil {
			return place{}, core.Errorf(core.Invalid, "the path goes through a link that leads nowhere").WithHint("make what the link points at, or remove it")
		}
		fresh = append([]string{filepath.Base(at)}, fresh...)
	}
}

func checkDir(path string) error {
	st, err := os.Stat(path)
	if err == nil && !st.IsDir() {
		return core.Errorf(core.Invalid, "a part of the path is a file").WithHint("choose another path")
	}
	return err
}

// checkInside gives the home directory, resolved.
func checkInside(home, dir string) (string, error) {
	real, err := filepath.EvalSymlinks(home)
	if err != nil {
		return "", core.Errorf(core.Unavailable, "the home directory cannot be read").Wrap(bare(err))
	}
	if !inside(real, dir) {
		return "", outOfHome()
	}
	return real, nil
}

func outOfHome() *core.Error {
	return core.Errorf(core.Forbidden, "the path leads out of the home directory through a link").
		WithHint("name the place by its absolute path if that is what you want")
}

// open opens the place's directory, which must be there. From the home
// directory it goes down without ever leaving it, even where a part of the path
// has become a link since it was resolved.
func (p place) open() (*os.Root, error) {
	if p.home == "" {
		return os.OpenRoot(p.dir)
	}
	home, err := os.OpenRoot(p.home)
	if err != nil || p.dir == p.home {
		return home, err
	}
	defer home.Close()
	rel, err := filepath.Rel(p.home, p.dir)
	if err != nil {
		return nil, err
	}
	dir, err := home.OpenRoot(rel)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if now, rerr := resolveDir(p.dir); rerr == nil && !inside(p.home, now.dir) {
			return nil, outOfHome()
		}
	}
	return dir, err
}

func inside(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) && !filepath.IsAbs(rel)
}

// samePath compares two texts of a path as the platform does.
func samePath(a, b string) bool {
	if runtime.GOOS == "windows" {
		return strings.EqualFold(a, b)
	}
	return a == b
}

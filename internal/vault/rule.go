package vault

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"keyfob/internal/core"
	"keyfob/internal/secret"
	"keyfob/internal/target"
)

// Bounds of texts, in bytes.
const (
	maxName        = 255
	maxDescription = 4096
	maxEnvName     = 256
	maxPath        = 4096
)

// CheckName says why a text cannot be a secret's name: it is blank or longer
// than 255 bytes, has a space at either end, holds / ? # or a control character,
// or is "." or "..", which no URL can carry.
func CheckName(name string) error { return core.CheckName("secret", name) }

// checkNewName holds those that are made to names that people can see.
func checkNewName(name string) error { return core.CheckNewName("secret", name) }

var envName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
})

// checkEnv says why a text cannot be the variable that a secret is delivered as:
// its form, its length (256 bytes), or that the variable is reserved and not
// among those allowed.
func checkEnv(name string, allowed []string) error {
	if len(name) > maxEnvName {
		return core.Errorf(core.Invalid, "the variable's name is longer than %d bytes", maxEnvName).WithField("env").
			WithHint("choose a shorter one")
	}
	if !envName().MatchString(name) {
		return core.Errorf(core.Invalid, "%q cannot be a variable's name", name).WithField("env").
			WithHint("letters, digits and _, not beginning with a digit, such as NPM_TOKEN")
	}
	if why, yes := Reserved(name); yes && !slices.Contains(allowed, strings.ToUpper(name)) {
		return core.Errorf(core.Invalid, "the variable %s is reserved: %s", name, why).WithField("env").
			WithHint("deliver the secret under another variable, as a file or by lookup")
	}
	return nil
}

// CheckFile says why a text cannot be the path that a secret is written to. It
// looks at the text alone; links are the business of whoever writes.
func CheckFile(p string) error {
	why := ""
	switch {
	case len(p) > maxPath:
		why = "is longer than 4096 bytes"
	case strings.ContainsRune(p, 0):
		why = "holds a NUL byte"
	case !utf8.ValidString(p):
		why = "is not UTF-8"
	case !strings.HasPrefix(p, "~/") && !strings.HasPrefix(p, "/"):
		why = "begins with neither ~/ nor /"
	case strings.HasSuffix(p, "/") || isDot(path.Base(p)):
		why = "names a directory"
	case climbs(p):
		why = "leads out of the home directory"
	default:
		return nil
	}
	return core.Errorf(core.Invalid, "the path %s", why).WithField("file").
		WithHint("write it as ~/.config/tool/token (below the home directory) or /etc/tool/token")
}

// CleanFile is the path without "." and "..", by its text alone: two paths that
// clean alike are one target.
func CleanFile(p string) string {
	if rest, ok := strings.CutPrefix(p, "~/"); ok {
		return "~/" + path.Clean(strings.TrimLeft(rest, "/"))
	}
	return path.Clean(p)
}

func isDot(base string) bool { return base == "." || base == ".." || base == "/" || base == "~" }

func climbs(p string) bool {
	rest, ok := strings.CutPrefix(p, "~/")
	clean := path.Clean(strings.TrimLeft(rest, "/"))
	return ok && (clean == "." || clean == ".." || strings.HasPrefix(clean, "../"))
}

func (l Limits) checkValue(v secret.Secret, env string) error {
	switch n := v.Len(); {
	case n == 0:
		return core.Errorf(core.Invalid, "the value is empty").WithField("value").
			WithHint("give at least one byte; to keep a secret from being delivered, disable it")
	case n > l.ValueBytes:
		return core.Errorf(core.Invalid, "the value is %d bytes, at most %d are kept", n, l.ValueBytes).WithField("value").
			WithHint("keep large files elsewhere, and their key here")
	case hasNUL(v):
		return core.Errorf(core.Invalid, "the value holds a NUL byte").WithField("value").
			WithHint("encode binary data first, such as with base64")
	default:
		return l.checkEnvSize(n, env)
	}
}

func (l Limits) checkEnvSize(n int, env string) error {
	if env == "" || n <= l.EnvBytes {
		return nil
	}
	return core.Errorf(core.Invalid, "the value is %d bytes, a variable takes at most %d", n, l.EnvBytes).WithField("env").
		WithHint("deliver it as a file or by lookup")
}

func hasNUL(v secret.Secret) bool {
	b := v.Reveal()
	defer clear(b)
	return bytes.IndexByte(b, 0) >= 0
}

// checkRecord holds all rules on a secret without its value.
func (l Limits) checkRecord(s core.Secret) error {
	if err := CheckName(s.Name); err != nil {
		return err
	}
	if len(s.Description) > maxDescription || !utf8.ValidString(s.Description) || strings.ContainsRune(s.Description, 0) {
		return core.Errorf(core.Invalid, "the description is longer than %d bytes or not a text", maxDescription).WithField("description").
			WithHint("say it shorter, in plain text")
	}
	if err := l.checkTargets(s); err != nil {
		return err
	}
	if err := core.CheckSelector(s.Selector); err != nil {
		return err
	}
	return l.checkEnvSize(s.Size, s.Env)
}

// checkTargets holds the organisation to more than users: what it gives to
// everybody must run nothing in their name.
func (l Limits) checkTargets(s core.Secret) error {
	org := s.Owner.Kind == core.OrgOwner
	allowed := l.AllowEnv
	if org {
		allowed = nil
	}
	if s.Env != "" {
		if err := checkEnv(s.Env, allowed); err != nil {
			return err
		}
		if err := checkOrgEnv(s.Env); err != nil && org {
			return err
		}
	}
	if s.File != "" {
		if err := CheckFile(s.File); err != nil {
			return err
		}
		if err := target.CheckOrg(s.File); err != nil && org {
			return err
		}
	}
	if s.Enabled && s.Env == "" && s.File == "" && !s.Lookup {
		return core.Errorf(core.Invalid, "the secret would reach no workspace: it has no delivery").WithField("env").
			WithHint("give it a variable (--env NAME), a path (--file PATH) or allow lookup (--lookup), or disable it")
	}
	return nil
}

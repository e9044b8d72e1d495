package vault

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"keyfob/internal/core"
)

// collisions warns of other secrets that aim at the target of s in some
// workspace that both are for. The paths are compared by their text alone, so
// this is a guess either way: what a workspace really has is found there.
func collisions(s core.Secret, others []core.Secret) []string {
	var out []string
	for _, o := range others {
		if o.ID == s.ID || !s.Enabled || !o.Enabled || !overlap(s.Selector, o.Selector) {
			continue
		}
		if s.Env != "" && s.Env == o.Env {
			out = append(out, fmt.Sprintf("secret %q sets the variable %s too; where both are due, %s", o.Name, s.Env, wins(s, o)))
		}
		if s.File == "" || o.File == "" {
			continue
		}
		switch {
		case samePath(s.File, o.File):
			out = append(out, fmt.Sprintf("secret %q is written to %s too, likely the same file; where both are due, %s", o.Name, o.File, wins(s, o)))
		case within(s.File, o.File) || within(o.File, s.File):
			out = append(out, fmt.Sprintf("secret %q is written to %s: one of the two paths would be a directory of the other", o.Name, o.File))
		}
	}
	return out
}

// overlap says whether some workspace can match both: they ask for different
// values of no label.
func overlap(a, b core.Selector) bool {
	for k, v := range a {
		if w, ok := b[k]; ok && v != w {
			return false
		}
	}
	return true
}

func wins(s, o core.Secret) string {
	switch {
	case len(s.Selector) > len(o.Selector):
		return "this one wins by its more specific selector"
	case len(s.Selector) < len(o.Selector):
		return fmt.Sprintf("%q wins by its more specific selector", o.Name)
	case s.CreatedAt.Before(o.CreatedAt):
		return "this one wins as the older"
	default:
		return fmt.Sprintf("%q wins as the older", o.Name)
	}
}

var homePath = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:/home/[^/]+|/Users/[^/]+|/root)/(.+)$`)
})

// samePath says whether two paths are, or likely are, one file: "~/x" is that of
// /home/NAME/x, /Users/NAME/x and /root/x.
func samePath(a, b string) bool {
	a, b = CleanFile(a), CleanFile(b)
	if a == b {
		return true
	}
	restA, tildeA := strings.CutPrefix(a, "~/")
	restB, tildeB := strings.CutPrefix(b, "~/")
	return tildeA && !tildeB && underHome(b) == restA || tildeB && !tildeA && underHome(a) == restB
}

func underHome(p string) string {
	if m := homePath().FindStringSubmatch(p); m != nil {
		return m[1]
	}
	return ""
}

func within(p, dir string) bool { return strings.HasPrefix(CleanFile(p), CleanFile(dir)+"/") }

package target

import (
	"strings"
	"sync"
	"unicode"

	"keyfob/internal/core"
)

// CheckOrg says why no secret of the organisation may be written to a path:
// "~/…", or an absolute one, which may be the result of following links. It
// looks at the text alone, and with care: names that some file system takes for
// one are one (case, ignored characters, dots and spaces at their ends). So it
// refuses somewhat more than it must.
func CheckOrg(path string) error {
	why, no := Refused(path)
	if !no {
		return nil
	}
	return core.Errorf(core.Invalid, "no secret of the organisation is written to that path: %s", why).WithField("file").
		WithReason("org_target").WithHint("choose a path that only the tool which needs the secret reads, such as ~/.config/tool/token")
}

// Refused is CheckOrg as half a sentence.
func Refused(path string) (why string, no bool) {
	parts := components(path)
	for _, p := range parts {
		if shortName(p) {
			return "it may be the short name of another on Windows", true
		}
	}
	absolute := !strings.HasPrefix(path, "~/")
	for _, class := range refused {
		for pattern := range strings.FieldsSeq(class.patterns) {
			if matches(pattern, parts, absolute) {
				return class.why, true
			}
		}
	}
	return "", false
}

// OfKeyfob says whether a path is refused for Keyfob's own sake.
func OfKeyfob(path string) bool {
	why, _ := Refused(path)
	return why == ofKeyfob
}

func matches(pattern string, parts []string, absolute bool) bool {
	rest, root := strings.CutPrefix(pattern, "/")
	want := strings.Split(rest, "/")
	if root {
		return absolute && begins(parts, want) && !isKept(parts)
	}
	for i := range parts {
		if begins(parts[i:], want) {
			return true
		}
	}
	return false
}

func isKept(parts []string) bool {
	for _, k := range kept {
		if begins(parts, strings.Split(k[1:], "/")) {
			return true
		}
	}
	return false
}

func begins(parts, want []string) bool {
	if len(parts) < len(want) {
		return false
	}
	for i, w := range want {
		if !component(w, parts[i]) {
			return false
		}
	}
	return true
}

// component says whether one component is as a pattern wants it. The * may stand
// once, in its middle or at its end.
func component(pattern, name string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	return len(name) >= len(head)+len(tail) && strings.HasPrefix(name, head) && strings.HasSuffix(name, tail)
}

// components are a path's names as the most forgiving file system compares
// them, without "." and "..".
func components(path string) []string {
	var out []string
	path = withoutDrive(strings.TrimPrefix(path, "~/"))
	for _, raw := range strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		switch name := fold(raw); {
		case raw == ".." && len(out) > 0:
			out = out[:len(out)-1]
		case name != "":
			out = append(out, name)
		}
	}
	return out
}

// withoutDrive is a path of Windows from its root.
func withoutDrive(path string) string {
	path = strings.TrimPrefix(path, `\\?\`)
	if at := strings.TrimLeft(path, `/\`); len(at) > 1 && at[1] == ':' {
		return at[2:]
	}
	return path
}

// fold drops what some file systems do not see in a name: case (APFS and NTFS;
// in full, so that "ß" is "ss"), characters without a form of their own (HFS+),
// what follows a colon, and dots and spaces at the end (NTFS).
func fold(name string) string {
	var b strings.Builder
	for _, r := range wide().Replace(name) {
		if !unicode.In(r, unicode.Cf, unicode.Mn) {
			b.WriteRune(lowest(r))
		}
	}
	name, _, _ = strings.Cut(b.String(), ":")
	return strings.TrimRight(name, ". ")
}

// wide are the characters that case folding makes several ASCII letters of
// (https://www.unicode.org/Public/UNIDATA/CaseFolding.txt, status F).
var wide = sync.OnceValue(func() *strings.Replacer {
	return strings.NewReplacer("ß", "ss", "ẞ", "ss", "ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "st", "ﬆ", "st")
})

// lowest is the ASCII letter, in lower case, among those that differ from r by
// case alone ("ſ" is an s, the Kelvin sign a k), else r in lower case.
func lowest(r rune) rune {
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f >= 'a' && f <= 'z' {
			return f
		}
	}
	return unicode.ToLower(r)
}

// shortName says whether a name has the form by which Windows knows longer ones:
// SSH~1 may be .ssh.
func shortName(name string) bool {
	i := strings.IndexByte(name, '~')
	return i >= 0 && i+1 < len(name) && name[i+1] >= '0' && name[i+1] <= '9'
}

package gateway

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"keyfob/internal/core"
)

// target is where a request goes.
type target struct {
	provider, namespace string
	path                string // decoded, below the namespace: empty or with one leading slash
	escaped             string // the same as the client wrote it
}

// parseTarget reads /p/PROVIDER/NAMESPACE[/…], as the client escaped it.
// Slashes that double the one after the namespace are taken as one, since base
// URLs are often written with a slash at the end. A "." or ".." segment, in any
// spelling, is refused: it could leave the path of the account's base URL.
// So is an escaped percent sign, which some server may decode again.
func parseTarget(escaped string) (target, error) {
	rest, ok := strings.CutPrefix(escaped, "/p/")
	if !ok {
		return target{}, noSuchPath()
	}
	provider, rest, ok := strings.Cut(rest, "/")
	if !ok {
		return target{}, noSuchPath()
	}
	namespace, rest, more := strings.Cut(rest, "/")
	if !isName(provider) || !isName(namespace) {
		return target{}, noSuchPath()
	}
	t := target{provider: provider, namespace: namespace}
	rest = strings.TrimLeft(rest, "/")
	if !more || rest == "" {
		return t, nil
	}
	path, err := url.PathUnescape(rest)
	if err != nil || unsafePath(path) {
		return target{}, core.Errorf(core.Invalid, "the path cannot be sent on").WithReason("path").
			WithHint("it has . or .. as a part, an escaped percent sign, or a character that no path has")
	}
	t.path, t.escaped = "/"+path, "/"+rest
	return t, nil
}

// isName says whether a path's segment is a provider's or namespace's name,
// which need no escaping.
func isName(s string) bool {
	if s == "" || len(s) > 128 || s[0] == '.' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-_.@+", c) < 0 {
			return false
		}
	}
	return true
}

// lookalikes are read as the ASCII character by servers that fit what they do
// not have to what they have.
var lookalikes = strings.NewReplacer("\uff0e", ".", "\u2024", ".", "\uff0f", "/", "\u2215", "/", "\u2044", "/", "\uff3c", "\\", "\uff05", "%")

// unsafePath looks at a decoded path. Backslashes count as slashes, since some
// servers take them so. What is no UTF-8 may be an overlong dot or slash.
func unsafePath(p string) bool {
	if !utf8.ValidString(p) {
		return true
	}
	p = lookalikes.Replace(p)
	if strings.Contains(p, "%") {
		return true
	}
	start := 0
	for i := 0; i <= len(p); i++ {
		if i < len(p) && p[i] != '/' && p[i] != '\\' {
			if p[i] < 0x20 || p[i] == 0x7f {
				return true
			}
			continue
		}
		if dots(p[start:i]) {
			return true
		}
		start = i + 1
	}
	return false
}

// dots says whether a segment is "." or "..". Some servers take off what follows
// a semicolon, and some the spaces at its ends.
func dots(seg string) bool {
	seg, _, _ = strings.Cut(seg, ";")
	seg = strings.TrimSpace(seg)
	return seg == "." || seg == ".."
}

func noSuchPath() error {
	return core.Errorf(core.NotFound, "there is nothing at this path").WithReason("path").
		WithHint("the gateway's base URLs are KEYFOB_URL/p/PROVIDER/NAMESPACE")
}

package identity

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"keyfob/internal/core"
)

const (
	maxName  = 64
	maxEmail = 254
	maxLabel = 100 // bytes of what people call a token, and of what a client calls itself
	maxAgent = 200
)

// CheckName says why a text cannot be a user's or launcher's name: it is 1 to 64
// of a-z, 0-9 and . _ -, beginning and ending with a letter or digit.
func CheckName(name string) error {
	if validName(name) {
		return nil
	}
	return core.Errorf(core.Invalid, "that cannot be a name").WithField("name").
		WithHint("a name is 1 to 64 of a-z, 0-9 and . _ -, beginning and ending with a letter or digit")
}

func validName(name string) bool {
	if name == "" || len(name) > maxName || !alnum(name[0]) || !alnum(name[len(name)-1]) {
		return false
	}
	for i := range len(name) {
		if !nameByte(name[i]) {
			return false
		}
	}
	return true
}

// plainID says whether a text may be a record's id at all. What is none is asked
// neither of the store nor written into the audit trail.
func plainID(id string) bool {
	if id == "" || len(id) > maxName {
		return false
	}
	for n := range len(id) {
		if !alnum(id[n]) && id[n] != '_' {
			return false
		}
	}
	return true
}

func alnum(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func nameByte(c byte) bool { return alnum(c) || c == '.' || c == '_' || c == '-' }

// CheckEmail gives an address as it is kept: lower case. It must be an address
// alone, of ASCII: letters that look alike, or become alike in lower case, would
// make two people one. Errors: invalid.
func CheckEmail(text string) (string, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Name != "" || a.Address != text || len(text) > maxEmail || !plainAddress(text) {
		return "", core.Errorf(core.Invalid, "that cannot be an email address").WithField("email").
			WithHint("write the address alone, such as anna@example.org")
	}
	return lower(text), nil
}

// optionalEmail is CheckEmail that lets the empty text be.
func optionalEmail(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	return CheckEmail(text)
}

// plainAddress holds what a mail parser takes and nobody has: quoted names,
// addresses of machines.
func plainAddress(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"\()<>,;:[]`, c) >= 0 {
			return false
		}
	}
	return strings.Count(s, "@") == 1
}

// lower changes A-Z alone.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// derived makes a name of what a proxy calls somebody, or of their address: what
// cannot stand in a name becomes "-". It may be that of somebody else.
func derived(text string) string {
	text, _, _ = strings.Cut(lower(text), "@")
	name := strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && nameByte(byte(r)) {
			return r
		}
		return '-'
	}, text)
	name = strings.Trim(name[:min(len(name), maxName)], "._-")
	if name == "" {
		return "user"
	}
	return name
}

// cleaned is what a stranger calls itself, fit to be shown: without control
// characters and those that turn the direction of text, with single spaces, and
// at most limit bytes.
func cleaned(text string, limit int, otherwise string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > limit {
		text = strings.TrimSpace(strings.ToValidUTF8(text[:limit], ""))
	}
	if text == "" {
		return otherwise
	}
	return text
}

package core

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// maxName bounds a record's name, in bytes.
const maxName = 255

// CheckName says why a text cannot be the name of a record, which what calls by
// its kind, such as "secret": it is blank or longer than 255 bytes, is not
// UTF-8, has a space at either end, holds / ? # or a control character, or is
// "." or "..", which no URL can carry. The name is not in the error.
func CheckName(what, name string) error {
	why := ""
	switch {
	case strings.TrimSpace(name) == "":
		why = "is blank"
	case len(name) > maxName:
		why = "is longer than 255 bytes"
	case !utf8.ValidString(name):
		why = "is not UTF-8"
	case strings.TrimSpace(name) != name:
		why = "begins or ends with a space"
	case strings.ContainsAny(name, "/?#"):
		why = "holds one of / ? #"
	case strings.ContainsFunc(name, unicode.IsControl):
		why = "holds a control character"
	case name == "." || name == "..":
		why = "cannot stand in a URL"
	default:
		return nil
	}
	return Errorf(Invalid, "the name of the %s %s", what, why).WithField("name").
		WithHint("a name is 1 to 255 bytes, without / ? # and without spaces at its ends")
}

var part = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?$`)
})

// CheckPart holds the rule on providers', namespaces' and labels' names and on
// quota groups: 1 to 64 letters, digits and . _ @ + -, beginning and ending with
// a letter or digit. field is the input at fault, what the record it is of.
func CheckPart(what, field, s string) error {
	if part().MatchString(s) {
		return nil
	}
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return Errorf(Invalid, "%q cannot be the %s of an %s", s, strings.ReplaceAll(field, "_", " "), what).WithField(field).
		WithHint("1 to 64 letters, digits and . _ @ + -, beginning and ending with a letter or digit, such as work")
}

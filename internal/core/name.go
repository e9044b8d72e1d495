package core

import (
	"regexp"
	"strconv"
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

// CheckNewName is CheckName for a record that is made: its name also holds no
// character that cannot be seen, or that turns the direction of text. People
// decide by what they are shown. One that has such a name already keeps it.
func CheckNewName(what, name string) error {
	if err := CheckName(what, name); err != nil || !strings.ContainsFunc(name, unseen) {
		return err
	}
	return Errorf(Invalid, "the name of the %s holds a character that cannot be seen", what).WithField("name").
		WithHint("write it with letters, digits and signs that can be seen; of spaces, only the plain one")
}

// Shown is a text for people: what they could not see stands there as \u200b.
func Shown(text string) string {
	var out strings.Builder
	for _, r := range text {
		if unseen(r) {
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

// unseen is a character that leaves no mark where it stands: a space but the plain
// one, what controls or directs others, and letters and marks that are blank.
func unseen(r rune) bool {
	const blankBraille = 0x2800
	return r == blankBraille || !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
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

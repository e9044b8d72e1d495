package identity_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"keyfob/internal/core"
	"keyfob/internal/identity"
)

// FuzzUserCode holds that what is read as a code is one, that reading it again
// gives the same, and that only case, spaces and hyphens are let off.
func FuzzUserCode(f *testing.F) {
	for _, s := range []string{"BCDF-GHJK", "bcdfghjk", " b c d f-g h j k ", "BCDFGHJ", "BCDFGHJA", "ſbcdfghj", "BCDFGHJ\u212a", ""} {
		f.Add(s)
	}
	form := regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{8}$`)
	f.Fuzz(func(t *testing.T, text string) {
		code, ok := identity.ParseUserCode(text)
		if ok != form.MatchString(code) {
			t.Fatalf("%q gives %q, %v", text, code, ok)
		}
		if !ok {
			if code != "" {
				t.Errorf("%q is none and gives %q", text, code)
			}
			return
		}
		if again, ok := identity.ParseUserCode(code); !ok || again != code {
			t.Errorf("%q gives %q, then %q", text, code, again)
		}
		plain := strings.Map(func(r rune) rune {
			if r == ' ' || r == '-' {
				return -1
			}
			return r
		}, text)
		if len(plain) != 8 || !strings.EqualFold(plain, code) {
			t.Errorf("%q gives %q", text, code)
		}
	})
}

// FuzzName holds the form of names against its description.
func FuzzName(f *testing.F) {
	for _, s := range []string{"anna", "a.b_c-d", "-a", "a-", "A", "ä", "", "a b", "../x", strings.Repeat("a", 65), "a\n"} {
		f.Add(s)
	}
	form := regexp.MustCompile(`\A[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?\z`)
	f.Fuzz(func(t *testing.T, name string) {
		err := identity.CheckName(name)
		if (err == nil) != form.MatchString(name) {
			t.Fatalf("%q: %v", name, err)
		}
		if err != nil && core.CodeOf(err) != core.Invalid {
			t.Errorf("%q gives %v", name, err)
		}
	})
}

// FuzzEmail holds that an address that is taken is plain, that its kept form is
// kept again as it is, and that only the case of A-Z is let off: two addresses
// that are kept alike differ in nothing else.
func FuzzEmail(f *testing.F) {
	for _, s := range []string{"anna@example.org", "A.B+c@EXAMPLE.org", "Anna <anna@example.org>", `"a b"@c`, "a@b@c", "a@[1.2.3.4]", "(x)a@b", "a@b,c@d", "\u212a@b", "a@b\n", " a@b", ""} {
		f.Add(s)
	}
	form := regexp.MustCompile(`\A[!-?A-Z^-~]+@[!-?A-Z^-~]+\z`)
	f.Fuzz(func(t *testing.T, text string) {
		kept, err := identity.CheckEmail(text)
		if err != nil {
			if core.CodeOf(err) != core.Invalid || kept != "" {
				t.Fatalf("%q gives %q, %v", text, kept, err)
			}
			return
		}
		if !form.MatchString(kept) || strings.ContainsAny(kept, `"()<>,;:[]\`) || len(kept) > 254 || strings.ContainsFunc(kept, unicode.IsUpper) {
			t.Fatalf("%q is kept as %q", text, kept)
		}
		if again, err := identity.CheckEmail(kept); err != nil || again != kept {
			t.Errorf("%q is kept as %q, then %q, %v", text, kept, again, err)
		}
		if !strings.EqualFold(kept, text) || len(kept) != len(text) {
			t.Errorf("%q is kept as %q", text, kept)
		}
	})
}

// FuzzClient holds that what a stranger calls itself is fit to be shown to whoever
// approves: printable, on one line, bounded.
func FuzzClient(f *testing.F) {
	k := newFixture(f, identity.Config{})
	a, _ := k.browser(f, "local")
	for _, s := range []string{"keyfob on laptop", "a\u202eb", "\x1b]0;x\a", "\xff\xfe", strings.Repeat("ä", 200), "", " \n\t", "a\u2028b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, client string) {
		g, err := k.StartDevice(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		p, err := k.Device(t.Context(), a, g.UserCode)
		if err != nil {
			t.Fatal(err)
		}
		s := p.Requester
		if s == "" || len(s) > 100 || !utf8.ValidString(s) || strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Fatalf("%q is shown as %q", client, s)
		}
		if err := k.DecideDevice(t.Context(), a, g.UserCode, false); err != nil {
			t.Fatal(err)
		}
	})
}

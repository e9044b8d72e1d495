package account

import (
	"regexp"
	"strings"
	"sync"

	"keyfob/internal/core"
)

// Ref names an account: PROVIDER[/NAMESPACE]/LABEL.
type Ref struct{ Provider, Namespace, Label string }

// String is the text form, without the default namespace.
func (r Ref) String() string { return r.filled().account().Ref() }

func (r Ref) account() core.Account {
	return core.Account{Provider: r.Provider, Namespace: r.Namespace, Label: r.Label}
}

func (r Ref) filled() Ref {
	if r.Namespace == "" {
		r.Namespace = core.DefaultNamespace
	}
	return r
}

func (r Ref) check() error {
	r = r.filled()
	if err := checkPart("provider", r.Provider); err != nil {
		return err
	}
	if err := checkPart("namespace", r.Namespace); err != nil {
		return err
	}
	return checkPart("label", r.Label)
}

var part = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?$`)
})

// checkPart holds the rule on namespaces, labels and quota groups: 1 to 64
// letters, digits and . _ @ + -, beginning and ending with a letter or digit.
func checkPart(field, s string) error {
	if part().MatchString(s) {
		return nil
	}
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return core.Errorf(core.Invalid, "%q cannot be the %s of an account", s, strings.ReplaceAll(field, "_", " ")).WithField(field).
		WithHint("1 to 64 letters, digits and . _ @ + -, beginning and ending with a letter or digit, such as work")
}

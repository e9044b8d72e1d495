package account

import "keyfob/internal/core"

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

// checkPart holds the rule on namespaces, labels and quota groups.
func checkPart(field, s string) error { return core.CheckPart("account", field, s) }

// Package core holds the domain types that every other package speaks in.
package core

import "strings"

// OwnerKind is what kind of owner a record has.
type OwnerKind string

// The kinds of owner.
const (
	UserOwner  OwnerKind = "user"
	GroupOwner OwnerKind = "group"
	OrgOwner   OwnerKind = "org"
)

// Owner is whom a record belongs to. Its text form is "user:local".
type Owner struct {
	Kind OwnerKind
	ID   string
}

// Local is the one user of a machine, and of a server whoever it belongs to
// before others come.
var Local = Owner{Kind: UserOwner, ID: "local"}

// Org is the organisation that a vault belongs to. Its records are the
// administrators' to change.
var Org = Owner{Kind: OrgOwner, ID: "org"}

func (o Owner) String() string { return string(o.Kind) + ":" + o.ID }

// ParseOwner reads the text form.
func ParseOwner(s string) (Owner, error) {
	kind, id, ok := strings.Cut(s, ":")
	k := OwnerKind(kind)
	if !ok || id == "" || (k != UserOwner && k != GroupOwner && k != OrgOwner) {
		return Owner{}, Errorf(Invalid, "%q is not an owner", s).WithHint("write it as user:NAME, group:NAME or org:NAME")
	}
	return Owner{Kind: k, ID: id}, nil
}

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

// Local is the one user of a machine.
var Local = Owner{Kind: UserOwner, ID: "local"}

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

// ActorKind is what kind of party acts.
type ActorKind string

// The kinds of actor.
const (
	UserActor      ActorKind = "user"      // a person, by the CLI or a personal token
	WorkspaceActor ActorKind = "workspace" // a session key: code inside a live workspace
	GatewayActor   ActorKind = "gateway"   // a gateway key: a client of the gateway
	SystemActor    ActorKind = "system"    // Keyfob's own upkeep
)

// Actor is who acts. It is always passed as an argument.
type Actor struct {
	Kind  ActorKind
	ID    string // user name, workspace id or component
	Owner Owner  // whose records it acts on
}

// LocalUser is the person at this machine.
var LocalUser = Actor{Kind: UserActor, ID: "local", Owner: Local}

// System is Keyfob's own upkeep on behalf of an owner.
func System(component string, o Owner) Actor {
	return Actor{Kind: SystemActor, ID: component, Owner: o}
}

func (a Actor) String() string { return string(a.Kind) + ":" + a.ID }

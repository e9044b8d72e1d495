package core

// ActorKind is what kind of party acts.
type ActorKind string

// The kinds of actor.
const (
	UserActor      ActorKind = "user"      // a person, by the CLI, a personal token or a browser
	LauncherActor  ActorKind = "launcher"  // a program that makes workspaces for named users
	WorkspaceActor ActorKind = "workspace" // a session key: code inside a live workspace
	GatewayActor   ActorKind = "gateway"   // a gateway key: a client of the gateway
	SystemActor    ActorKind = "system"    // Keyfob's own upkeep
)

// ViaKind is how an actor proved itself.
type ViaKind string

// The ways to prove oneself.
const (
	ViaLocal   ViaKind = "local"   // is a process of this machine's user, with the vault open
	ViaToken   ViaKind = "token"   // a personal token, a launcher's or a workspace's key
	ViaBrowser ViaKind = "browser" // a browser session
	ViaProxy   ViaKind = "proxy"   // named by a proxy that proved itself
)

// Via is how an actor proved itself, and by which record.
type Via struct {
	Kind ViaKind
	ID   string // of the token or browser session; else empty
}

// String is "token:ID", or the kind alone; empty for the zero value.
func (v Via) String() string {
	if v.ID == "" {
		return string(v.Kind)
	}
	return string(v.Kind) + ":" + v.ID
}

// Actor is who acts. It is always passed as an argument. Two actors may be
// compared by ==.
type Actor struct {
	Kind   ActorKind
	ID     string // user id, launcher name, workspace id or component
	Owner  Owner  // whose records it acts on
	Admin  bool   // a user who may act on the organisation's records
	Scopes Scopes // what it may do at all; AllScopes where nothing limits it
	Via    Via
}

// LocalUser is the person at this machine.
var LocalUser = Actor{Kind: UserActor, ID: "local", Owner: Local, Admin: true, Scopes: AllScopes, Via: Via{Kind: ViaLocal}}

// System is Keyfob's own upkeep on behalf of an owner.
func System(component string, o Owner) Actor {
	return Actor{Kind: SystemActor, ID: component, Owner: o, Scopes: AllScopes}
}

// On is the same actor acting on another owner's records, where the guard lets
// it.
func (a Actor) On(o Owner) Actor {
	a.Owner = o
	return a
}

func (a Actor) String() string { return string(a.Kind) + ":" + a.ID }

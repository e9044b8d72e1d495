package core

import "time"

// Role is what a user is in the organisation.
type Role string

// The roles.
const (
	RoleUser  Role = "user"
	RoleAdmin Role = "admin"
)

// User is somebody who owns records.
type User struct {
	ID        string // "local", or usr_…; it never changes
	Name      string // unique: 1 to 64 of a-z, 0-9 and . _ -, beginning and ending with a letter or digit
	Email     string // unique where not empty; lower case
	Role      Role
	Disabled  bool // every proof of such a user is refused
	Version   int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Owner is the owner of the user's records.
func (u User) Owner() Owner { return Owner{Kind: UserOwner, ID: u.ID} }

// Token is a personal token, without its text.
type Token struct {
	ID        string
	UserID    string
	Name      string
	Digest    []byte
	Scopes    Scopes
	Maker     string // id of the token that made it and with which it ends; empty: a browser or a login did, or a browser approved that it stands alone
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // to the minute or so; zero: never
}

// BrowserSession is a browser that somebody signed in.
type BrowserSession struct {
	ID        string
	UserID    string
	Digest    []byte
	Agent     string // what the browser calls itself, clipped
	Address   string // where it signed in from
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time // to the minute or so
}

// ProofKind is what a Proof is for.
type ProofKind string

// The kinds of proof.
const (
	LinkProof   ProofKind = "link"    // signs a browser in
	CodeProof   ProofKind = "code"    // signs a command line in
	DeviceProof ProofKind = "device"  // signs a command line in once a browser approves (RFC 8628)
	StepUpProof ProofKind = "step_up" // lets one value be revealed once
	TokenProof  ProofKind = "token"   // lets one token be made once that ends with no other
)

// ProofState is how far a Proof is.
type ProofState string

// The states of a proof.
const (
	ProofPending  ProofState = "pending"
	ProofApproved ProofState = "approved"
	ProofDenied   ProofState = "denied"
	ProofUsed     ProofState = "used"
)

// Proof is something that is good once and soon over.
type Proof struct {
	ID        string
	Kind      ProofKind
	Digest    []byte // of what its bearer shows; nil: its ID alone is shown, by an actor who is known
	UserCode  []byte // digest of what a person types, for DeviceProof; else nil
	UserID    string // whom it is for; empty while nobody has approved a DeviceProof
	Requester string // who asked for it: a Via's text and an address, or what a DeviceProof's client calls itself
	Subject   string // what a StepUpProof is bound to: a secret's id, owner and name; a TokenProof: a token's life, scopes and name
	Version   int64  // and the secret's version
	State     ProofState
	Approver  string // the browser session that approved or denied
	CreatedAt time.Time
	DecidedAt time.Time
	ExpiresAt time.Time
}

// Idempotency remembers an answer to a request that makes something, so that
// the same request sent again makes it once. It holds no value and no key.
type Idempotency struct {
	Actor     string // Actor.String of whoever asked
	Key       string // the Idempotency-Key
	Request   []byte // SHA-256 of method, path and body
	Location  string // path of what was made
	CreatedAt time.Time
}

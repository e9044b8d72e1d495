package api

import "time"

// Me answers GET /v1/me: who asks, and what this proof may do.
type Me struct {
	Kind   string            `json:"kind" enum:"user,launcher"` // user or launcher
	User   *User             `json:"user,omitempty"`
	Name   string            `json:"name"`                                                                                                                                                                                             // of the user or launcher
	Via    string            `json:"via" enum:"local,token,browser,proxy"`                                                                                                                                                             // local, token, browser or proxy
	Token  string            `json:"token,omitempty"`                                                                                                                                                                                  // id of the token or browser session
	Scopes []string          `json:"scopes" enum:"secrets:read,secrets:write,secrets:reveal,accounts:read,accounts:write,workspaces:read,workspaces:write,workspaces:keys,tokens:read,tokens:write,audit:read,admin:read,admin:write"` // what it may be used for
	Org    bool              `json:"org"`                                                                                                                                                                                              // whether it may act on the organisation's records
	Users  []string          `json:"users,omitempty"`                                                                                                                                                                                  // of a launcher: names of those it may act for; "*" alone: all
	Labels map[string]string `json:"labels,omitempty"`                                                                                                                                                                                 // of a launcher: what every workspace that it makes carries
	Server string            `json:"server,omitempty"`                                                                                                                                                                                 // the server's public URL; empty on one machine without a server
}

// User is somebody who owns records.
type User struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Email     string    `json:"email,omitempty"`
	Role      string    `json:"role" enum:"user,admin"` // user or admin
	Disabled  bool      `json:"disabled"`               // every proof of such a user is refused
	Version   int64     `json:"version"`                // grows by one with each change; the ETag is made of it
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// UserList answers GET /v1/users, in order of name.
type UserList struct {
	Users []User `json:"users"`
	Next  string `json:"next,omitempty"` // the cursor of the next page; empty: there is none
}

// UserCreate is the body of POST /v1/users.
type UserCreate struct {
	Name  string `json:"name" pattern:"^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$"` // 1 to 64 of a-z, 0-9 and . _ -, beginning and ending with a letter or digit
	Email string `json:"email,omitempty" maxLength:"254"`                       // unique; by it a proxy's user is found
	Role  string `json:"role,omitempty" enum:"user,admin"`                      // empty: user
}

// UserUpdate is the body of PATCH /v1/users/{user}: what is nil stays. Disabling
// a user ends their tokens, browser sessions and workspaces at once.
type UserUpdate struct {
	Email    *string `json:"email,omitempty" maxLength:"254"` // empty takes it away
	Role     *string `json:"role,omitempty" enum:"user,admin"`
	Disabled *bool   `json:"disabled,omitempty"`
}

// Token is a personal token, without its text.
type Token struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Scopes    []string  `json:"scopes" enum:"secrets:read,secrets:write,secrets:reveal,accounts:read,accounts:write,workspaces:read,workspaces:write,workspaces:keys,tokens:read,tokens:write,audit:read,admin:read,admin:write"`
	Maker     string    `json:"maker,omitempty"` // id of the token that made it, with which it ends; left out: it ends with no other
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	UsedAt    time.Time `json:"used_at,omitzero"` // to the minute or so; left out: never
	Current   bool      `json:"current"`          // it is the one that asks
}

// TokenList answers GET /v1/tokens, oldest first.
type TokenList struct {
	Tokens []Token `json:"tokens"`
}

// TokenCreate is the body of POST /v1/tokens. A token has no more scopes than the
// proof that makes it. Made with a token, it also expires no later than that one,
// whatever is asked for, and is revoked when that one is; but not with a step-up
// that a browser approved for just this name, these scopes and this time.
type TokenCreate struct {
	Name    string   `json:"name" minLength:"1" maxLength:"100"`                                                                                                                                                                            // for people
	Scopes  []string `json:"scopes" minItems:"1" enum:"secrets:read,secrets:write,secrets:reveal,accounts:read,accounts:write,workspaces:read,workspaces:write,workspaces:keys,tokens:read,tokens:write,audit:read,admin:read,admin:write"` // what it may be used for
	Seconds Seconds  `json:"seconds,omitempty" minimum:"0" maximum:"31536000"`                                                                                                                                                              // until it expires; 0: 30 days, at most a year
	StepUp  string   `json:"step_up,omitempty"`                                                                                                                                                                                             // id of the approved step-up, of POST /v1/tokens/step-ups; left out: it ends with the token that makes it
}

// TokenCreated carries the token's text, once.
type TokenCreated struct {
	Token
	Value Key `json:"value" pattern:"^kfp_[a-z2-7]{59}$"` // the token, this once
}

// BrowserSession is a browser that is signed in.
type BrowserSession struct {
	ID        string    `json:"id"`
	Agent     string    `json:"agent"`   // what the browser calls itself
	Address   string    `json:"address"` // where it signed in from
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	UsedAt    time.Time `json:"used_at,omitzero"`
	Current   bool      `json:"current"`
}

// BrowserSessionList answers GET /v1/sessions, oldest first.
type BrowserSessionList struct {
	Sessions []BrowserSession `json:"sessions"`
}

// Launcher is a program that may make workspaces for whoever asks.
type Launcher struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"` // that each workspace it makes carries
}

// LauncherList answers GET /v1/launchers.
type LauncherList struct {
	Launchers []Launcher `json:"launchers"`
}

// DeviceStart is the body of POST /v1/login/device, which needs no proof.
type DeviceStart struct {
	Client string `json:"client"` // what asks, for the person who approves: such as "keyfob on HOST"
}

// DeviceStarted answers it, in the manner of RFC 8628.
type DeviceStarted struct {
	DeviceCode              Key     `json:"device_code" pattern:"^kfd_[a-z2-7]{59}$"` // for LoginRequest
	UserCode                string  `json:"user_code"`                                // for people, such as BCDF-GHJK
	VerificationURI         string  `json:"verification_uri"`
	VerificationURIComplete string  `json:"verification_uri_complete"`
	ExpiresIn               Seconds `json:"expires_in"`
	Interval                Seconds `json:"interval"` // between two questions
}

// LoginRequest is the body of POST /v1/login/token, which needs no other proof:
// a device code, or a one-time code that was made on the server's machine. While
// nobody has approved, the answer is forbidden with reason
// "authorization_pending", or exhausted with reason "slow_down".
type LoginRequest struct {
	DeviceCode Key    `json:"device_code,omitzero" pattern:"^kfd_[a-z2-7]{59}$"` // of DeviceStarted
	Code       Key    `json:"code,omitzero" pattern:"^kfo_[a-z2-7]{59}$"`        // one-time code
	Client     string `json:"client,omitempty"`                                  // of a one-time code, as in DeviceStart
}

// Login answers it: two personal tokens, since none may both reveal and hand out
// keys of workspaces.
type Login struct {
	User   User         `json:"user"`
	Token  TokenCreated `json:"token"`
	Reveal TokenCreated `json:"reveal"`
}

// StepUpAsk is the body of POST /v1/step-ups.
type StepUpAsk struct {
	Secret string `json:"secret" minLength:"1" maxLength:"255" pattern:"^[^/?#]+$"` // its name
	Org    bool   `json:"org,omitempty"`                                            // it is the organisation's
}

// TokenAsk is the body of POST /v1/tokens/step-ups: all of the token that is to
// be made. Its time begins when it is asked for.
type TokenAsk struct {
	Name    string   `json:"name" minLength:"1" maxLength:"100"`                                                                                                                                                                            // for people
	Scopes  []string `json:"scopes" minItems:"1" enum:"secrets:read,secrets:write,secrets:reveal,accounts:read,accounts:write,workspaces:read,workspaces:write,workspaces:keys,tokens:read,tokens:write,audit:read,admin:read,admin:write"` // no more than the proof that asks has
	Seconds Seconds  `json:"seconds,omitempty" minimum:"0" maximum:"31536000"`                                                                                                                                                              // until it expires; 0: 30 days, at most a year
}

// StepUp is a browser's approval of one act: of one reveal, bound to who asked,
// the secret and its version; or of one token that ends with no other, bound to
// who asked and to all of the token. It is good once, for 60 seconds after a
// browser approved it.
type StepUp struct {
	ID         string       `json:"id"`
	Purpose    string       `json:"purpose" enum:"reveal,token"`               // what it approves
	State      string       `json:"state" enum:"pending,approved,denied,used"` // pending, approved, denied, used
	Secret     string       `json:"secret,omitempty"`                          // of a reveal: its name
	Version    int64        `json:"version,omitempty"`                         // of the secret: another value needs another approval
	Token      *StepUpToken `json:"token,omitempty"`                           // of a token
	Code       string       `json:"code"`                                      // both sides show it, so that people approve what they asked for
	ApproveURL string       `json:"approve_url"`                               // the page on which a browser approves
	CreatedAt  time.Time    `json:"created_at"`
	ExpiresAt  time.Time    `json:"expires_at"`
}

// StepUpToken is the token that a step-up is for.
type StepUpToken struct {
	Name      string    `json:"name"`
	Scopes    []string  `json:"scopes" enum:"secrets:read,secrets:write,secrets:reveal,accounts:read,accounts:write,workspaces:read,workspaces:write,workspaces:keys,tokens:read,tokens:write,audit:read,admin:read,admin:write"`
	ExpiresAt time.Time `json:"expires_at"` // of the token
}

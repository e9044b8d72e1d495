package api

import "time"

// AuditEntry is one entry of the audit trail.
type AuditEntry struct {
	Writer  string            `json:"writer"` // whose chain it is in
	Seq     int64             `json:"seq"`    // its place there, from 1
	At      time.Time         `json:"at"`
	Actor   string            `json:"actor"`   // who did it
	Action  string            `json:"action"`  // such as secret.create
	Owner   string            `json:"owner"`   // whose record that is, such as user:local, or org:org for the organisation's
	Subject string            `json:"subject"` // what it was done to
	Outcome string            `json:"outcome" enum:"attempt,ok,denied,failed"`
	Detail  map[string]string `json:"detail,omitempty"` // names, versions and digests, never values
	Names   map[string]string `json:"names,omitempty"`  // what the users and tokens are called whose ids stand in this entry, by id
	Hash    string            `json:"hash"`             // hex
}

// AuditList answers GET /v1/audit: newest first.
type AuditList struct {
	Entries []AuditEntry `json:"entries"`
	Next    string       `json:"next,omitempty"` // the cursor of the next page, which may be an empty one
}

// VaultStatus answers GET /v1/vault.
type VaultStatus struct {
	Home       string    `json:"home"`
	Custody    string    `json:"custody"`
	Place      string    `json:"place"`
	Protects   string    `json:"protects"`
	RootKeyID  string    `json:"root_key_id"`
	Format     int       `json:"format"`
	CreatedAt  time.Time `json:"created_at"`
	Secrets    int       `json:"secrets"`    // of every owner
	Accounts   int       `json:"accounts"`   // of every owner
	Workspaces int       `json:"workspaces"` // that are live, of every owner
}

// AuditVerification answers GET /v1/audit/verify.
type AuditVerification struct {
	OK         bool     `json:"ok"`
	Entries    int64    `json:"entries"`
	Writers    int      `json:"writers"`
	Problems   []string `json:"problems,omitempty"`   // a broken link, a record that was put back or changed
	Records    int      `json:"records"`              // stored records compared with the trail
	Unprovable []string `json:"unprovable,omitempty"` // what this cannot show

	Checkpoints int64 `json:"checkpoints"` // that hold together
	Uncovered   int64 `json:"uncovered"`   // entries that no checkpoint covers yet: they can be taken away without a trace
}

// AuditKey answers GET /v1/audit/key: what checkpoints and exports are verified
// with.
type AuditKey struct {
	ID  string `json:"id"`  // hex
	Key string `json:"key"` // the Ed25519 public key, 64 hex digits
}

// ValueVerification answers GET /v1/vault/verify: whether each stored value
// opens.
type ValueVerification struct {
	OK       bool     `json:"ok"`
	Secrets  int      `json:"secrets"`
	Accounts int      `json:"accounts"`
	Problems []string `json:"problems,omitempty"`
}

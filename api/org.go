package api

import "time"

// OrgSpec is what the organisation is to have: the body of POST /v1/org/apply,
// and the form of the file that keyfob apply reads, values apart.
type OrgSpec struct {
	Secrets  []OrgSecret  `json:"secrets,omitempty" maxItems:"10000"`
	Accounts []OrgAccount `json:"accounts,omitempty" maxItems:"10000"`
}

// OrgSecret is one secret that is to be. A nil Value keeps the one there is, and
// is an error for one that is not there yet.
type OrgSecret struct {
	Name        string            `json:"name" minLength:"1" maxLength:"255" pattern:"^[^/?#]+$"`
	Value       *Value            `json:"value,omitempty" minLength:"4"`
	Description string            `json:"description,omitempty" maxLength:"4096"`
	Enabled     *bool             `json:"enabled,omitempty"` // left out: true
	Env         string            `json:"env,omitempty" maxLength:"256" pattern:"^([A-Za-z_][A-Za-z0-9_]*)?$"`
	File        string            `json:"file,omitempty" maxLength:"4096" pattern:"^(~/|/|$)"`
	Lookup      bool              `json:"lookup,omitempty"`
	Selector    map[string]string `json:"selector,omitempty" maxProperties:"32"`
}

// OrgAccount is one account that is to be; its place in the list is its place in
// its pool. A nil Key keeps the one there is.
type OrgAccount struct {
	Provider   string            `json:"provider" minLength:"1" maxLength:"64"`
	Namespace  string            `json:"namespace,omitempty" pattern:"^([A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?)?$"`
	Label      string            `json:"label" pattern:"^[A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?$"`
	Key        *Value            `json:"key,omitempty" minLength:"4"`
	BaseURL    string            `json:"base_url,omitempty" maxLength:"2048"`
	QuotaGroup string            `json:"quota_group,omitempty" pattern:"^([A-Za-z0-9]([A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?)?$"`
	Enabled    *bool             `json:"enabled,omitempty"` // left out: true
	Selector   map[string]string `json:"selector,omitempty" maxProperties:"32"`
	Limit      Limit             `json:"limit,omitzero"`
}

// Limit bounds what each user takes of an organisation's account on one day
// (UTC). 0 is no limit.
type Limit struct {
	Requests int64 `json:"requests,omitempty" minimum:"0"` // 0: no limit
	Tokens   int64 `json:"tokens,omitempty" minimum:"0"`   // of input and output; 0: no limit
}

// OrgApply is the body of POST /v1/org/apply.
type OrgApply struct {
	Spec   OrgSpec `json:"spec"`
	Prune  bool    `json:"prune,omitempty"`   // remove what the spec does not name
	DryRun bool    `json:"dry_run,omitempty"` // only say what would be done
}

// OrgApplied says what was done, or with DryRun would be: all of it or nothing.
type OrgApplied struct {
	DryRun  bool        `json:"dry_run"`
	Changes []OrgChange `json:"changes"` // in order of the spec, removals last
}

// OrgChange is one record of the spec, or one that it does not name.
type OrgChange struct {
	Kind   string   `json:"kind" enum:"secret,account"`                    // secret or account
	Name   string   `json:"name"`                                          // or PROVIDER[/NAMESPACE]/LABEL
	Action string   `json:"action" enum:"create,update,delete,none,extra"` // create, update, delete or none; "extra": it is not in the spec and stays
	Fields []string `json:"fields,omitempty"`
}

// Pool is the accounts of one provider and namespace in order.
type Pool struct {
	Provider       string   `json:"provider"`
	Namespace      string   `json:"namespace"`
	Strategy       string   `json:"strategy" enum:"sticky,round_robin"` // sticky or round_robin
	AllowAmbiguous bool     `json:"allow_ambiguous"`                    // a request is sent again though its work may have been done
	Accounts       []string `json:"accounts"`                           // labels, in order
	Version        int64    `json:"version"`                            // 0: the settings were never changed
}

// PoolList answers GET /v1/pools, in order of provider and namespace.
type PoolList struct {
	Pools []Pool `json:"pools"`
}

// PoolUpdate is the body of PATCH /v1/pools/{provider}/{namespace}: what is nil
// stays. Accounts must name each of the pool's labels once.
type PoolUpdate struct {
	Strategy       *string   `json:"strategy,omitempty" enum:"sticky,round_robin"`
	AllowAmbiguous *bool     `json:"allow_ambiguous,omitempty"` // send a request again though its work may have been done
	Accounts       *[]string `json:"accounts,omitempty"`        // labels in their new order
}

// UsageList answers GET /v1/usage.
type UsageList struct {
	Since time.Time `json:"since"`                                      // the beginning of the first day
	By    string    `json:"by" enum:"account,model,workspace,day,user"` // account, model, workspace, day or (the organisation's) user
	Usage []Usage   `json:"usage"`
	Next  string    `json:"next,omitempty"` // the cursor of the next page; empty: there is none
}

// Usage is the counts of one account, model, workspace, day or user.
type Usage struct {
	Key          string `json:"key"` // an account's ref; its id where the account is gone
	Requests     int64  `json:"requests"`
	Rotations    int64  `json:"rotations"`
	Errors       int64  `json:"errors"`
	InputTokens  int64  `json:"input_tokens"`
	OutputTokens int64  `json:"output_tokens"`
	Unreported   int64  `json:"unreported"` // answers that did not say what they used
}

// Event is one server-sent event of GET /v1/events: a record of the user's, or
// one of the organisation's that concerns everybody, changed. Its SSE id resumes
// the stream by Last-Event-ID. An event of kind "reset" says that some were
// missed: read everything anew.
type Event struct {
	ID   string `json:"id"` // of the event
	Kind string `json:"kind"`
	Org  bool   `json:"org,omitempty"`
	// Record is the changed record's id, empty of a reset and of the organisation's
	// that are for another user's workspaces alone.
	Record string `json:"record,omitempty"`
}

package api

// Shared answers GET /v1/shared: what the organisation gives whoever asks, all of
// it.
type Shared struct {
	Secrets  []SharedSecret  `json:"secrets"`  // in order of name
	Accounts []SharedAccount `json:"accounts"` // in order of provider, namespace and place in the pool
}

// SharedSecret is a secret of the organisation's, without its value. A user's own
// secret for the same variable, path or name goes before it.
type SharedSecret struct {
	Name        string            `json:"name"`
	Description string            `json:"description"`
	Env         string            `json:"env,omitempty"`      // the variable it is delivered as; left out: none
	File        string            `json:"file,omitempty"`     // the path it is written to; left out: none
	Lookup      bool              `json:"lookup"`             // whether code in a workspace may fetch it by name
	Selector    map[string]string `json:"selector,omitempty"` // labels that a workspace must have to receive it; left out: every workspace
}

// SharedAccount is an account of the organisation's. The gateway uses it where a
// user's own accounts cannot answer.
type SharedAccount struct {
	Ref       string            `json:"ref"` // PROVIDER[/NAMESPACE]/LABEL
	Provider  string            `json:"provider"`
	Namespace string            `json:"namespace"`
	Label     string            `json:"label"`
	Selector  map[string]string `json:"selector,omitempty"` // of workspaces that may use it; left out: every one
	Limit     Limit             `json:"limit,omitzero"`     // for each user and day (UTC)
	Used      Used              `json:"used"`               // by whoever asks, on this day (UTC)
}

// Used is what was taken of a Limit.
type Used struct {
	Requests int64 `json:"requests"`
	Tokens   int64 `json:"tokens"` // of input and output
}

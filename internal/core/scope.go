package core

import "strings"

// Scopes are what a personal token may be used for, as a set.
type Scopes uint32

// The scopes. An act that needs none is open to every token of its user.
const (
	SecretsRead     Scopes = 1 << iota // secrets without values, LLM profiles, MCP servers
	SecretsWrite                       // make, change, import and delete those
	SecretsReveal                      // see values, each after a step-up; never together with WorkspacesKeys
	AccountsRead                       // accounts, pools, usage
	AccountsWrite                      // add, change, clear, test and delete accounts; order pools
	WorkspacesRead                     // list workspaces
	WorkspacesWrite                    // label and stop them
	WorkspacesKeys                     // make workspaces and rotate their keys, which hands the keys out
	TokensRead                         // list tokens, browser sessions and launchers
	TokensWrite                        // make tokens of no more scopes, revoke tokens and browser sessions
	AuditRead                          // the audit trail
	AdminRead                          // of an administrator: users, the organisation's records, the server
	AdminWrite                         // of an administrator: change those
	endOfScopes
)

// AllScopes is what a person has who is not limited to a token.
const AllScopes = endOfScopes - 1

// ScopeNames are the scopes' names in order of their bits.
var ScopeNames = []string{
	"secrets:read", "secrets:write", "secrets:reveal", "accounts:read", "accounts:write",
	"workspaces:read", "workspaces:write", "workspaces:keys", "tokens:read", "tokens:write",
	"audit:read", "admin:read", "admin:write",
}

// ParseScopes reads names; an unknown one is invalid.
func ParseScopes(names []string) (Scopes, error) {
	var out Scopes
next:
	for _, n := range names {
		for i, known := range ScopeNames {
			if n == known {
				out |= 1 << i
				continue next
			}
		}
		return 0, Errorf(Invalid, "there is no such scope").WithField("scopes").
			WithHint("the scopes are %s", strings.Join(ScopeNames, ", "))
	}
	return out, nil
}

// Names is the set as names, in order of their bits.
func (s Scopes) Names() []string {
	out := []string{}
	for i, n := range ScopeNames {
		if s&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// Has says whether every scope of need is in s.
func (s Scopes) Has(need Scopes) bool { return s&need == need }

// CheckTogether refuses sets that no token may have: one that can make session
// keys must not reveal, or it would hold both proofs that a raw key takes.
func (s Scopes) CheckTogether() error {
	if s.Has(SecretsReveal | WorkspacesKeys) {
		return Errorf(Invalid, "no token may both reveal secrets and hand out keys of workspaces").WithField("scopes").
			WithReason("scopes_exclude").WithHint("make two tokens")
	}
	return nil
}

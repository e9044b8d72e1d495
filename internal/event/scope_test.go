package event

import (
	"testing"

	"keyfob/internal/core"
)

// Somebody's token may read one kind of thing: of the others it hears nothing, be
// they its owner's or the organisation's. That its proof may have ended is noticed
// all the same.
func TestATokenHearsOfWhatItMayRead(t *testing.T) {
	alice, bob := core.Owner{Kind: core.UserOwner, ID: "usr_alice"}, core.Owner{Kind: core.UserOwner, ID: "usr_bob"}
	all := core.AllScopes
	for kind, want := range map[string]struct {
		need   core.Scopes
		shared bool
	}{
		"secret": {core.SecretsRead, true}, "profile": {core.SecretsRead, false}, "mcp": {core.SecretsRead, false},
		"account": {core.AccountsRead, true}, "pool": {core.AccountsRead, true}, "health": {core.AccountsRead, true},
		"workspace": {core.WorkspacesRead, false}, "token": {core.TokensRead, false}, "session": {core.TokensRead, false},
		"user": {0, false}, "key": {all << 1, false},
	} {
		for _, o := range []core.Owner{alice, bob, core.Org} {
			for bit := core.Scopes(1); bit&all != 0; bit <<= 1 {
				s := Stream{actor: core.Actor{Kind: core.UserActor, ID: alice.ID, Owner: alice, Scopes: bit}}
				got := len(s.take([]core.Change{{Seq: 1, Owner: o, Kind: kind, ID: "x"}})) == 1
				if told := bit.Has(want.need) && (o == alice || o == core.Org && want.shared); got != told {
					t.Errorf("%s of %s with %v: told %v, want %v", kind, o, bit.Names(), got, told)
				}
				if own := o == alice && (kind == "token" || kind == "session" || kind == "user"); s.Doubtful() != own {
					t.Errorf("%s of %s: doubtful %v, want %v", kind, o, s.Doubtful(), own)
				}
			}
		}
	}
}

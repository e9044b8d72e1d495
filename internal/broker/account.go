package broker

import (
	"bytes"
	"net/http"

	"keyfob/internal/core"
	"keyfob/internal/provider"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
)

// account is one with its credential opened.
type account struct {
	core.Account
	ref        string // as people see it, see refOf
	origin     string // where the credential may go, as seal.Origin writes it
	keyID      string
	ciphertext []byte
	credential provider.Credential
}

// refOf names an account for people: one of the organisation's is told from the
// user's own.
func refOf(a core.Account) string {
	if a.Owner == core.Org {
		return "org:" + a.Ref()
	}
	return a.Ref()
}

// newAccount takes a record with its opened credential.
func newAccount(rec core.SealedAccount, value secret.Secret) (*account, error) {
	origin, err := seal.Origin(rec.BaseURL)
	if err != nil {
		return nil, err
	}
	return &account{
		Account: rec.Account, ref: refOf(rec.Account), origin: origin, keyID: rec.KeyID, ciphertext: rec.Ciphertext,
		credential: provider.Credential{Kind: rec.Kind, Value: value, BaseURL: rec.BaseURL},
	}, nil
}

// open gives the account ready for use, with the credential from before where
// the record's did not change.
func open(rec core.SealedAccount, old *account, r records) (*account, error) {
	if old != nil && old.same(rec) {
		return newAccount(rec, old.credential.Value)
	}
	if r.keyErr != nil {
		return nil, r.keyErr
	}
	value, err := r.key.Open(seal.AccountBinding(rec.Account), rec.Ciphertext)
	if err != nil {
		return nil, err
	}
	return newAccount(rec, value)
}

// same says whether the record still holds the credential that was opened.
func (a *account) same(r core.SealedAccount) bool {
	return a.keyID == r.KeyID && a.ValueVersion == r.ValueVersion && a.BaseURL == r.BaseURL && bytes.Equal(a.ciphertext, r.Ciphertext)
}

// apply points the request at the account's upstream and puts its credential
// on. Whatever the adapter made of the path, the request goes to the origin the
// credential was sealed for, or nowhere.
func (a *account) apply(ad provider.Adapter, req *http.Request) error {
	if err := ad.Apply(req, a.credential); err != nil {
		return err
	}
	if !a.mayGo(req) {
		return core.Errorf(core.Internal, "the request would leave the upstream of %s", a.ref).WithReason("foreign_origin")
	}
	req.Host = req.URL.Host
	return nil
}

// mayGo compares without parsing: the adapter builds the URL from the base URL,
// so scheme and host are spelt as there. Another spelling of the same origin is
// looked at closer.
func (a *account) mayGo(req *http.Request) bool {
	u := req.URL
	if u.User != nil || u.Opaque != "" {
		return false
	}
	if n := len(u.Scheme); len(a.BaseURL) > n+3 && a.BaseURL[:n] == u.Scheme && a.BaseURL[n:n+3] == "://" {
		rest := a.BaseURL[n+3:]
		if len(rest) >= len(u.Host) && rest[:len(u.Host)] == u.Host && (len(rest) == len(u.Host) || rest[len(u.Host)] == '/') {
			return true
		}
	}
	got, err := seal.Origin(u.Scheme + "://" + u.Host)
	return err == nil && got == a.origin
}

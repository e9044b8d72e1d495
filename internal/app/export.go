package app

import (
	"crypto/ed25519"
	"io"

	"keyfob/api"
	"keyfob/internal/audit"
	"keyfob/internal/httpapi"
)

// VerifyExport verifies an export of the audit trail, or a file of an audit
// sink, without a vault. The key is the vault's public one in hexadecimal digits;
// empty: the file's own word is taken for it.
func VerifyExport(r io.Reader, key string) (api.AuditVerification, error) {
	var public ed25519.PublicKey
	if key != "" {
		var err error
		if public, err = audit.ParseKey(key); err != nil {
			return api.AuditVerification{}, err
		}
	}
	v, err := audit.VerifyExport(r, public)
	if err != nil {
		return api.AuditVerification{}, err
	}
	return httpapi.VerificationOf(v), nil
}

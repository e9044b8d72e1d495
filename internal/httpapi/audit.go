package httpapi

import (
	"context"
	"encoding/hex"
	"net/http"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
)

const (
	tagAudit = "audit"
	tagVault = "the vault"
)

func (s *Server) auditRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/v1/audit", ID: "listAudit", Tag: tagAudit, Summary: "The audit trail of one's own records, newest first",
			Who: Users, Acts: []string{guard.AuditList}, Status: http.StatusOK, Paged: true, typed: gives(s.listAudit)},
		{Method: http.MethodGet, Path: "/v1/org/audit", ID: "orgListAudit", Tag: tagAudit, Summary: "The audit trail of everybody's records, newest first",
			Who: Admins, Acts: []string{guard.AuditList}, Status: http.StatusOK, Paged: true, typed: gives(s.listAudit)},
		{Method: http.MethodGet, Path: "/v1/audit/verify", ID: "verifyAudit", Tag: tagAudit, Summary: "Walk the trail's chains and hold the store against them",
			Who: Admins, Acts: []string{guard.AuditVerify}, Status: http.StatusOK, Long: true, typed: gives(s.verifyAudit)},
	}
}

func (s *Server) vaultRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/v1/vault", ID: "getVault", Tag: tagVault, Summary: "What the vault is and where its root key is kept",
			Who: Admins, Acts: []string{guard.VaultStatus}, Status: http.StatusOK, typed: gives(s.vaultStatus)},
		{Method: http.MethodGet, Path: "/v1/vault/verify", ID: "verifyVault", Tag: tagVault, Summary: "Open every stored value and show none",
			Who: Admins, Acts: []string{guard.VaultVerify}, Status: http.StatusOK, Long: true, typed: gives(s.verifyValues)},
	}
}

func (s *Server) vaultStatus(ctx context.Context, _ *call) (api.VaultStatus, error) {
	return s.Status(ctx)
}

func (s *Server) verifyValues(ctx context.Context, c *call) (api.ValueVerification, error) {
	got, err := s.Upkeep.VerifyValues(ctx, c.actor)
	return api.ValueVerification{
		OK: len(got.Problems) == 0, Secrets: got.Secrets, Accounts: got.Accounts, Problems: got.Problems,
	}, err
}

// listAudit goes on at a time: a page never ends between entries of one moment.
func (s *Server) listAudit(ctx context.Context, c *call) (api.AuditList, error) {
	var before time.Time
	if c.page.After != "" {
		var err error
		if before, err = time.Parse(time.RFC3339Nano, c.page.After); err != nil {
			return api.AuditList{}, core.Errorf(core.Invalid, "the cursor is none of this list's").WithField("cursor")
		}
	}
	entries, err := s.Guard.Entries(ctx, c.actor, before, c.page.Limit)
	if err != nil {
		return api.AuditList{}, err
	}
	out := api.AuditList{Entries: make([]api.AuditEntry, 0, len(entries))}
	for _, e := range entries {
		out.Entries = append(out.Entries, auditEntryOf(e))
	}
	if n := len(entries); n > 0 {
		out.Next = cursorOf(c.list(), entries[n-1].At.Format(time.RFC3339Nano))
	}
	return out, nil
}

func auditEntryOf(e core.AuditEntry) api.AuditEntry {
	return api.AuditEntry{
		Writer: e.Writer, Seq: e.Seq, At: e.At, Actor: e.Actor.String(), Action: e.Action,
		Subject: e.Subject, Outcome: e.Outcome, Detail: e.Detail, Hash: hex.EncodeToString(e.Hash),
	}
}

func (s *Server) verifyAudit(ctx context.Context, c *call) (api.AuditVerification, error) {
	got, err := s.Guard.Verify(ctx)
	if err != nil {
		return api.AuditVerification{}, err
	}
	return verificationOf(got), nil
}

func verificationOf(v guard.Verification) api.AuditVerification {
	out := api.AuditVerification{OK: v.OK(), Writers: len(v.Chains), Records: v.Records, Unprovable: v.Unproven}
	for _, c := range v.Chains {
		out.Entries += c.Entries
	}
	for _, p := range v.Problems {
		out.Problems = append(out.Problems, p.Message)
	}
	return out
}

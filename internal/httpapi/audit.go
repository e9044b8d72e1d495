package httpapi

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"time"

	"keyfob/api"
	"keyfob/internal/audit"
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
		{Method: http.MethodGet, Path: "/v1/audit/export", ID: "exportAudit", Tag: tagAudit, Summary: "The whole trail, signed, one JSON object a line",
			Text: "The last line is a trailer: an export without one is not whole. keyfob audit verify FILE checks it offline.",
			Who:  Admins, Acts: []string{guard.AuditExport}, Status: http.StatusOK, Type: "application/x-ndjson", Stream: true, typed: writes(s.exportAudit)},
		{Method: http.MethodGet, Path: "/v1/audit/key", ID: "getAuditKey", Tag: tagAudit, Summary: "The public key that the trail is verified with",
			Who: Admins, Acts: []string{guard.AuditVerify}, Status: http.StatusOK, typed: gives(s.auditKey)},
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

func auditEntryOf(e guard.Listed) api.AuditEntry {
	return api.AuditEntry{
		Writer: e.Writer, Seq: e.Seq, At: e.At, Actor: e.Actor.String(), Action: e.Action, Owner: e.Owner.String(),
		Subject: e.Subject, Outcome: e.Outcome, Detail: e.Detail, Names: e.Names, Hash: hex.EncodeToString(e.Hash),
	}
}

func (s *Server) verifyAudit(ctx context.Context, c *call) (api.AuditVerification, error) {
	got, err := s.Guard.Verify(ctx, c.actor)
	if err != nil {
		return api.AuditVerification{}, err
	}
	return VerificationOf(got), nil
}

// VerificationOf is what a verification found, of the vault or of a file, as the
// API says it.
func VerificationOf(v audit.Verification) api.AuditVerification {
	out := api.AuditVerification{
		OK: v.OK(), Writers: len(v.Chains), Records: v.Records, Unprovable: v.Unproven,
		Checkpoints: v.Checkpoints, Uncovered: v.Uncovered,
	}
	for _, c := range v.Chains {
		out.Entries += c.Entries
	}
	for _, p := range v.Problems {
		out.Problems = append(out.Problems, p.Message)
	}
	return out
}

func (s *Server) auditKey(ctx context.Context, c *call) (api.AuditKey, error) {
	key, err := s.Guard.AuditKey(ctx, c.actor)
	if err != nil {
		return api.AuditKey{}, err
	}
	return api.AuditKey{ID: audit.KeyID(key), Key: audit.KeyText(key)}, nil
}

// exportAudit breaks the connection off where the trail ends too early: what was
// sent is no answer to a request that failed.
func (s *Server) exportAudit(ctx context.Context, c *call) error {
	out := &slowWriter{c: c}
	err := s.Guard.Export(ctx, c.actor, out)
	if err == nil || !out.begun {
		return err
	}
	s.Log.LogAttrs(ctx, slog.LevelError, "an export of the audit trail ended early", slog.String("cause", err.Error()))
	if c.remote {
		panic(http.ErrAbortHandler)
	}
	return nil // in process; the trailer is missing
}

// slowWriter begins the answer with the first bytes, and gives each part of it
// its own time.
type slowWriter struct {
	c     *call
	begun bool
}

func (w *slowWriter) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		w.c.status = http.StatusOK
		w.c.w.Header().Set("Content-Type", w.c.route.Type)
	}
	w.c.begin()
	return w.c.w.Write(p)
}

package httpapi

import (
	"cmp"
	"context"
	"encoding/hex"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/usage"
)

// statusDays is what status counts where the request names no time.
const statusDays = 30

func (s *Server) vaultStatus(w http.ResponseWriter, r *http.Request, _ core.Actor) error {
	got, err := s.Status(r.Context())
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, got)
}

func (s *Server) verifyValues(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	got, err := s.Upkeep.VerifyValues(r.Context(), actor)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, api.ValueVerification{
		OK: len(got.Problems) == 0, Secrets: got.Secrets, Accounts: got.Accounts, Problems: got.Problems,
	})
}

func (s *Server) status(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	since, err := sinceOf(r)
	if err != nil {
		return err
	}
	out, err := s.statusSince(r.Context(), actor, since)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, out)
}

// sinceOf is the beginning of the day that was asked for: counts are kept by day.
func sinceOf(r *http.Request) (time.Time, error) {
	raw := r.URL.Query().Get("since")
	if raw == "" {
		return time.Now().UTC().AddDate(0, 0, -statusDays).Truncate(24 * time.Hour), nil
	}
	t, err := time.Parse(time.RFC3339, raw)
	if err != nil {
		return t, core.Errorf(core.Invalid, "since is not a time").WithField("since").WithHint("write it as 2006-01-02T15:04:05Z")
	}
	return t.UTC().Truncate(24 * time.Hour), nil
}

func (s *Server) statusSince(ctx context.Context, actor core.Actor, since time.Time) (api.Status, error) {
	out := api.Status{Since: since, Accounts: []api.AccountStatus{}}
	if err := s.Flush(ctx); err != nil {
		return out, err
	}
	accounts, health, err := s.Accounts.List(ctx, actor)
	if err != nil {
		return out, err
	}
	counts, err := usage.Read(ctx, s.Guard, actor, since)
	if err != nil {
		return out, err
	}
	for _, a := range accounts {
		out.Accounts = append(out.Accounts, accountStatus(s.accountOf(a, health[a.ID]), counts))
	}
	secrets, err := s.Vault.List(ctx, actor)
	if err != nil {
		return out, err
	}
	live, err := s.Workspaces.List(ctx, actor)
	out.Secrets, out.Workspaces = len(secrets), len(live)
	return out, err
}

func accountStatus(a api.Account, counts []core.Usage) api.AccountStatus {
	out := api.AccountStatus{Account: a}
	models := map[string]api.ModelUsage{}
	for _, c := range counts {
		if c.AccountID != a.ID {
			continue
		}
		out.Requests += c.Requests
		out.Rotations += c.Rotations
		out.Errors += c.Errors
		out.InputTokens += c.InputTokens
		out.OutputTokens += c.OutputTokens
		out.Unreported += c.Unreported
		m := models[c.Model]
		models[c.Model] = api.ModelUsage{
			Model: c.Model, Requests: m.Requests + c.Requests, Rotations: m.Rotations + c.Rotations,
			InputTokens: m.InputTokens + c.InputTokens, OutputTokens: m.OutputTokens + c.OutputTokens,
			Unreported: m.Unreported + c.Unreported,
		}
	}
	out.Models = slices.SortedFunc(maps.Values(models), func(a, b api.ModelUsage) int { return cmp.Compare(a.Model, b.Model) })
	return out
}

// maxAudit is the most entries of one answer.
const maxAudit = 1000

func (s *Server) listAudit(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	limit, before, err := pageOf(r)
	if err != nil {
		return err
	}
	entries, err := s.Guard.Entries(r.Context(), actor, before, limit)
	if err != nil {
		return err
	}
	out := api.AuditList{Entries: make([]api.AuditEntry, 0, len(entries))}
	for _, e := range entries {
		out.Entries = append(out.Entries, api.AuditEntry{
			Writer: e.Writer, Seq: e.Seq, At: e.At, Actor: e.Actor.String(), Action: e.Action,
			Subject: e.Subject, Outcome: e.Outcome, Detail: e.Detail, Hash: hex.EncodeToString(e.Hash),
		})
	}
	return reply(w, http.StatusOK, out)
}

func pageOf(r *http.Request) (limit int, before time.Time, err error) {
	limit = 100
	if raw := r.URL.Query().Get("limit"); raw != "" {
		if limit, err = strconv.Atoi(raw); err != nil || limit < 1 || limit > maxAudit {
			return 0, before, core.Errorf(core.Invalid, "limit is not a number from 1 to %d", maxAudit).WithField("limit")
		}
	}
	if raw := r.URL.Query().Get("before"); raw != "" {
		if before, err = time.Parse(time.RFC3339Nano, raw); err != nil {
			return 0, before, core.Errorf(core.Invalid, "before is not a time").WithField("before").WithHint("write it as 2006-01-02T15:04:05Z")
		}
	}
	return limit, before, nil
}

func (s *Server) verifyAudit(w http.ResponseWriter, r *http.Request, actor core.Actor) error {
	got, err := s.Guard.Verify(r.Context())
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, verificationOf(got))
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

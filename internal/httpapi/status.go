package httpapi

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"keyfob/api"
	"keyfob/internal/core"
	"keyfob/internal/guard"
	"keyfob/internal/store"
	"keyfob/internal/usage"
)

const tagUsage = "usage"

// usualDays is what is counted where the request names no time.
const usualDays = 30

func (s *Server) statusRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: "/v1/status", ID: "getStatus", Tag: tagUsage, Summary: "Accounts with what is held against them and their counts",
			Who: Users, Acts: []string{guard.AccountList, guard.UsageRead, guard.SecretList, guard.WorkspaceList}, Status: http.StatusOK,
			Query: []Param{sinceParam()}, typed: gives(s.status)},
		{Method: http.MethodGet, Path: "/v1/usage", ID: "listUsage", Tag: tagUsage, Summary: "Counts by account, model, workspace or day",
			Text: "An account of the organisation's stands there as org: and its name.",
			Who:  Users, Acts: []string{guard.UsageRead, guard.AccountList}, Status: http.StatusOK, Paged: true,
			Query: []Param{sinceParam(), byParam(false)}, typed: gives(s.listUsage)},
		{Method: http.MethodGet, Path: "/v1/org/usage", ID: "orgListUsage", Tag: tagUsage, Summary: "Counts of the organisation's accounts, also by user",
			Who: Admins, Acts: []string{guard.UsageRead, guard.AccountList}, Status: http.StatusOK, Paged: true,
			Query: []Param{sinceParam(), byParam(true)}, typed: gives(s.listUsage)},
	}
}

func sinceParam() Param {
	return Param{Name: "since", Text: "counts are by day (UTC): those from this time's day on; else of the last 30 days", Format: "date-time"}
}

func byParam(org bool) Param {
	return Param{Name: "by", Text: "what to count by; account if left out", Enum: usageKeys(org)}
}

func usageKeys(org bool) []string {
	if org {
		return []string{"account", "model", "day", "user"}
	}
	return []string{"account", "model", "workspace", "day"}
}

// orList is words as people list them: "a, b or c".
func orList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

func (s *Server) status(ctx context.Context, c *call) (api.Status, error) {
	since, err := sinceOf(c)
	out := api.Status{Since: since, Accounts: []api.AccountStatus{}}
	if err != nil {
		return out, err
	}
	if err := s.Flush(ctx); err != nil {
		return out, err
	}
	accounts, health, err := s.Accounts.List(ctx, c.actor, store.Page{})
	if err != nil {
		return out, err
	}
	counts, err := usage.Read(ctx, s.Guard, c.actor, since)
	if err != nil {
		return out, err
	}
	for _, a := range accounts {
		out.Accounts = append(out.Accounts, accountStatus(s.accountOf(a, health[a.ID]), counts))
	}
	secrets, err := s.Vault.List(ctx, c.actor, store.Page{})
	if err != nil {
		return out, err
	}
	out.Secrets = len(secrets)
	if out.SharedSecrets, err = s.sharedSecrets(ctx, c); err != nil {
		return out, err
	}
	if out.SharedAccounts, err = s.sharedAccounts(ctx, c); err != nil {
		return out, err
	}
	out.Workspaces, err = s.Workspaces.Count(ctx, c.actor)
	return out, err
}

// sinceOf is the beginning of the day that was asked for: counts are kept by day.
func sinceOf(c *call) (time.Time, error) {
	raw := c.query.Get("since")
	if raw == "" {
		return time.Now().UTC().AddDate(0, 0, -usualDays).Truncate(24 * time.Hour), nil
	}
	t, err := time.Parse(time.RFC3339, raw)
	if err != nil {
		return t, core.Errorf(core.Invalid, "since is not a time").WithField("since").WithHint("write it as 2006-01-02T15:04:05Z")
	}
	return t.UTC().Truncate(24 * time.Hour), nil
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

func (s *Server) listUsage(ctx context.Context, c *call) (api.UsageList, error) {
	out := api.UsageList{By: cmp.Or(c.query.Get("by"), "account"), Usage: []api.Usage{}}
	var err error
	if out.Since, err = sinceOf(c); err != nil {
		return out, err
	}
	if !slices.Contains(usageKeys(c.route.Who == Admins), out.By) {
		return out, core.Errorf(core.Invalid, "usage is not counted by that").WithField("by").WithHint("it is counted by %s", orList(usageKeys(c.route.Who == Admins)))
	}
	if err := s.Flush(ctx); err != nil {
		return out, err
	}
	counts, err := s.counts(ctx, c, out.By, out.Since)
	if err != nil {
		return out, err
	}
	out.Usage, out.Next = pageIn(counts, c.page, c.list(), func(u api.Usage) string { return u.Key })
	return out, nil
}

// counts are summed up by key, in order of key.
func (s *Server) counts(ctx context.Context, c *call, by string, since time.Time) ([]api.Usage, error) {
	sums := map[string]api.Usage{}
	if by == "user" {
		list, err := usage.ByUser(ctx, s.Guard, c.actor, since)
		for _, u := range list {
			addUsage(sums, u.User, u.Usage)
		}
		return inOrder(sums), err
	}
	refs, err := s.Accounts.Names(ctx, c.actor)
	if err != nil {
		return nil, err
	}
	list, err := usage.Read(ctx, s.Guard, c.actor, since)
	for _, u := range list {
		addUsage(sums, keyOfUsage(u, by, refs), u)
	}
	return inOrder(sums), err
}

func keyOfUsage(u core.Usage, by string, refs map[string]string) string {
	switch by {
	case "model":
		return u.Model
	case "workspace":
		return u.Workspace
	case "day":
		return u.Day
	}
	return cmp.Or(refs[u.AccountID], u.AccountID)
}

func addUsage(sums map[string]api.Usage, key string, u core.Usage) {
	s := sums[key]
	sums[key] = api.Usage{
		Key: key, Requests: s.Requests + u.Requests, Rotations: s.Rotations + u.Rotations, Errors: s.Errors + u.Errors,
		InputTokens: s.InputTokens + u.InputTokens, OutputTokens: s.OutputTokens + u.OutputTokens, Unreported: s.Unreported + u.Unreported,
	}
}

func inOrder(sums map[string]api.Usage) []api.Usage {
	return slices.SortedFunc(maps.Values(sums), func(a, b api.Usage) int { return cmp.Compare(a.Key, b.Key) })
}

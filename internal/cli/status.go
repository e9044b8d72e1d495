package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
)

func statusCommand(e *Env) *cobra.Command {
	var since string
	c := &cobra.Command{
		Use: "status", Short: "Show accounts, cooldowns with the time left, requests and rotations",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return e.status(c.Context(), since) },
	}
	c.Flags().StringVar(&since, "since", "30d", "count from a `DURATION` ago, such as 12h or 7d; counts are kept by day")
	return c
}

func (e *Env) status(ctx context.Context, since string) error {
	d, err := parseAgo(since)
	if err != nil {
		return err
	}
	cl, err := e.Client(ctx)
	if err != nil {
		return err
	}
	st, err := cl.Status(ctx, time.Now().Add(-d))
	if err != nil {
		return err
	}
	return e.Print(st, func() { e.statusText(st) })
}

// parseAgo reads a duration that may be in days.
func parseAgo(s string) (time.Duration, error) { return parseLength("--since", s) }

// parseLength is parseAgo for any flag.
func parseLength(flag, s string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.Atoi(n); err == nil && days > 0 && days <= 3650 {
			return time.Duration(days) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return d, nil
	}
	return 0, withHint(usagef("%s is not a length of time", flag), "write it as 90m, 12h or 7d")
}

func (e *Env) statusText(st api.Status) {
	e.Printf("%s, %s, %s", count(st.Secrets, "secret"), count(len(st.Accounts), "account"), count(st.Workspaces, "live workspace"))
	if st.SharedSecrets+st.SharedAccounts > 0 {
		e.Printf("and of the organisation's %s, %s; to see what: keyfob org", count(st.SharedSecrets, "secret"), count(st.SharedAccounts, "account"))
	}
	if len(st.Accounts) == 0 {
		return
	}
	rows := make([][]string, 0, len(st.Accounts))
	for _, a := range st.Accounts {
		rows = append(rows, []string{
			a.Ref, accountState(a.Account), fmt.Sprint(a.Requests), fmt.Sprint(a.Rotations), fmt.Sprint(a.Errors), tokens(a),
		})
	}
	e.Printf("")
	e.Table([]string{"ACCOUNT", "STATE", "REQUESTS", "ROTATIONS", "ERRORS", "TOKENS IN/OUT"}, rows)
	e.Printf("\ncounted since %s; keyfob account clear ACCOUNT ends a cooldown", localTime(st.Since))
}

func tokens(a api.AccountStatus) string {
	return tokenCount(a.InputTokens, a.OutputTokens, a.Unreported)
}

// tokenCount never shows an unreported count as 0.
func tokenCount(in, out, unreported int64) string {
	switch {
	case in+out == 0 && unreported > 0:
		return "not reported"
	case unreported > 0:
		return fmt.Sprintf("%d/%d and %d answers without", in, out, unreported)
	}
	return fmt.Sprintf("%d/%d", in, out)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

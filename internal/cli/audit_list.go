package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

// auditPage is the most that a server gives at once.
const auditPage = 1000

// auditQuery says which entries are wanted.
type auditQuery struct {
	limit           int
	since           string
	action, subject string // what it begins with
	by              string

	after time.Time
}

func auditListCommand(e *Env) *cobra.Command {
	var q auditQuery
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the newest entries, newest first",
		Long: "List the newest entries, newest first: those of your own records, with --org those of every\n" +
			"owner. With --since all since then, however many they are, unless --limit says otherwise.",
		Example: "  keyfob audit list --since 7d --action secret.\n" +
			"  keyfob audit list --org --since 30d --by wsp_abc",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := q.check(c.Flags().Changed("limit")); err != nil {
				return err
			}
			return e.auditList(c.Context(), q)
		},
	}
	f := c.Flags()
	f.IntVar(&q.limit, "limit", 50, "at most a `NUMBER` of entries")
	f.StringVar(&q.since, "since", "", "those since a `DURATION` ago, such as 12h or 7d")
	f.StringVar(&q.action, "action", "", "those whose action begins with a `TEXT`, such as secret. or token.create")
	f.StringVar(&q.subject, "subject", "", "those on records that begin with a `TEXT`, such as secret:TOKEN")
	f.StringVar(&q.by, "by", "", "those by an actor, or through a token: its `ID` or name")
	f.BoolVar(&e.Org, "org", false, "as an administrator: the entries of every owner")
	return c
}

func (q *auditQuery) check(limited bool) error {
	if q.limit < 1 {
		return withHint(usagef("--limit is not a number from 1"), "write: keyfob audit list --limit 50")
	}
	if q.since == "" {
		return nil
	}
	ago, err := parseAgo(q.since)
	q.after = time.Now().Add(-ago)
	if !limited {
		q.limit = 0
	}
	return err
}

// picks says whether an entry is wanted, whenever it is from.
func (q *auditQuery) picks(a api.AuditEntry) bool {
	return strings.HasPrefix(a.Action, q.action) && strings.HasPrefix(a.Subject, q.subject) && (q.by == "" || q.isBy(a))
}

func (q *auditQuery) isBy(a api.AuditEntry) bool {
	for _, who := range []string{a.Actor, a.Detail["via"]} {
		_, id, _ := strings.Cut(who, ":")
		if who == q.by || id == q.by || id != "" && a.Names[id] == q.by {
			return true
		}
	}
	return false
}

func (q *auditQuery) page(have int) int {
	if q.limit == 0 || q.action+q.subject+q.by != "" {
		return auditPage
	}
	return min(auditPage, q.limit-have)
}

func (e *Env) auditList(ctx context.Context, q auditQuery) error {
	cl, err := e.records(ctx)
	if err != nil {
		return err
	}
	list, err := q.entries(ctx, cl)
	if err != nil {
		return err
	}
	return e.Print(api.AuditList{Entries: list}, func() { e.auditTable(list) })
}

// entries follows pages until there are enough, or the rest is older.
func (q *auditQuery) entries(ctx context.Context, cl *client.Client) ([]api.AuditEntry, error) {
	out, p := []api.AuditEntry{}, client.Page{}
	for {
		p.Limit = q.page(len(out))
		got, err := cl.AuditPage(ctx, p)
		if err != nil {
			return nil, err
		}
		for _, a := range got.Entries {
			switch {
			case a.At.Before(q.after):
				return out, nil
			case q.picks(a):
				out = append(out, a)
			}
			if q.limit > 0 && len(out) == q.limit {
				return out, nil
			}
		}
		if got.Next == "" {
			return out, nil
		}
		p.Cursor = got.Next
	}
}

package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
)

func applyCommand(e *Env) *cobra.Command {
	var file string
	var prune, dryRun, yes bool
	c := &cobra.Command{
		Use: "apply -f FILE", Short: "Make the organisation's secrets and accounts what a file says",
		Long: "Make the organisation's secrets and accounts what a YAML file says: all of it or, where one\n" +
			"cannot be, nothing, with every such record named at once. What the file does not name stays,\n" +
			"unless --prune removes it. Values never stand in the file: value_from names a variable or a\n" +
			"file, whose path counts from the YAML file's directory. Without it a record keeps its value.\n\n" +
			"  secrets:\n" +
			"    - name: NPM_TOKEN\n" +
			"      value_from: {env: NPM_TOKEN}\n" +
			"      env: NPM_TOKEN\n" +
			"      selector: {team: web}\n" +
			"  accounts:\n" +
			"    - provider: anthropic\n" +
			"      label: shared\n" +
			"      value_from: {file: anthropic.key}\n" +
			"      limit: {requests: 1000, tokens: 5000000}",
		Example: "  keyfob apply -f org.yaml --dry-run\n  keyfob apply -f org.yaml --prune --yes",
		Args:    argCount(0, 0, "-f FILE"),
		RunE: func(c *cobra.Command, _ []string) error {
			return e.apply(c.Context(), file, api.OrgApply{Prune: prune, DryRun: dryRun}, yes)
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "the YAML `FILE`; - is standard input")
	c.Flags().BoolVar(&prune, "prune", false, "remove what the file does not name")
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, and change nothing")
	c.Flags().BoolVarP(&yes, "yes", "y", false, "remove without asking; with --prune needed without a terminal")
	return c
}

func (e *Env) apply(ctx context.Context, file string, in api.OrgApply, yes bool) error {
	if file == "" {
		return withHint(usagef("the file is missing"), "write: keyfob apply -f FILE")
	}
	var err error
	var doc *orgDocument
	if in.Spec, doc, err = e.readOrgFile(file); err != nil {
		return err
	}
	cl, err := e.Client(ctx)
	if err != nil {
		return err
	}
	if in.Prune && !in.DryRun && !yes {
		plan := in
		plan.DryRun = true
		would, err := cl.ApplyOrg(ctx, plan)
		if err != nil {
			return doc.placed(err)
		}
		if gone := named(would.Changes, "delete"); len(gone) > 0 {
			if err := e.ConfirmLoss(ctx, false, "Remove "+strings.Join(gone, ", ")+" for good?"); err != nil {
				return err
			}
		}
	}
	done, err := cl.ApplyOrg(ctx, in)
	if err != nil {
		return doc.placed(err)
	}
	return e.Print(done, func() { e.applied(done) })
}

func named(changes []api.OrgChange, action string) []string {
	var out []string
	for _, c := range changes {
		if c.Action == action {
			out = append(out, c.Kind+" "+c.Name)
		}
	}
	return out
}

func (e *Env) applied(a api.OrgApplied) {
	rows := [][]string{}
	for _, c := range a.Changes {
		if c.Action != "none" {
			rows = append(rows, []string{changeWord(c.Action, a.DryRun), c.Kind, c.Name, strings.Join(c.Fields, ", ")})
		}
	}
	same := len(a.Changes) - len(rows)
	if len(rows) > 0 {
		e.Table([]string{"WHAT", "KIND", "NAME", "FIELDS"}, rows)
	}
	switch {
	case len(rows) == 0:
		e.Printf("nothing to change: all %s are as the file says", fmt.Sprint(same))
	case same > 0:
		e.Printf("\n%s as the file says already", isAre(same))
	}
}

func isAre(n int) string {
	if n == 1 {
		return "1 is"
	}
	return fmt.Sprintf("%d are", n)
}

func changeWord(action string, dry bool) string {
	word, ok := map[string][2]string{
		"create": {"made", "would make"}, "update": {"changed", "would change"},
		"delete": {"removed", "would remove"}, "extra": {"not in the file", "not in the file"},
	}[action]
	switch {
	case !ok:
		return action
	case dry:
		return word[1]
	}
	return word[0]
}

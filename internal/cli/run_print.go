package cli

import (
	"context"
	"strings"

	"keyfob/api"
	"keyfob/internal/deliver"
)

// envPrint is what --print-env prints as JSON. It holds no values.
type envPrint struct {
	Client    string            `json:"client"`
	Arguments []string          `json:"arguments,omitempty"` // put before the command's own
	Labels    map[string]string `json:"labels,omitempty"`
	LabelFile string            `json:"label_file,omitempty"`
	Variables []deliver.Var     `json:"variables"`
	Outcomes  []api.Outcome     `json:"outcomes"`
}

// runPrint fails with run's own code, as runChild does.
func (e *Env) runPrint(ctx context.Context, f runFlags, args []string) (code int, err error) {
	s, err := e.openSession(ctx, f)
	if err != nil {
		return deliver.ExitFailed, err
	}
	defer s.close()
	if err := s.deliver(args); err != nil {
		return deliver.ExitFailed, err
	}
	out := envPrint{
		Client: s.plan.Client, Arguments: s.plan.Added, Labels: s.made.Labels, LabelFile: s.labels.path,
		Variables: s.plan.Vars, Outcomes: s.outcomes,
	}
	if err := e.Print(out, func() { e.printPlan(out) }); err != nil {
		return deliver.ExitFailed, err
	}
	return 0, nil
}

func (e *Env) printPlan(p envPrint) {
	e.Fields([2]string{"client", p.Client}, [2]string{"added arguments", strings.Join(p.Arguments, " ")}, [2]string{"labels from", p.LabelFile})
	rows := make([][]string, 0, len(p.Variables))
	for _, v := range p.Variables {
		source := v.Source
		if v.Secret != "" {
			source = strings.TrimSpace(v.Source + " " + v.Secret)
		}
		rows = append(rows, []string{v.Name, v.Action, source, v.Over, v.Why})
	}
	e.Printf("")
	e.Table([]string{"VARIABLE", "ACTION", "SOURCE", "REPLACES", "WHY"}, rows)
	rows = nil
	for _, o := range p.Outcomes {
		if o.Delivery != "env" || o.State != "delivered" {
			rows = append(rows, []string{o.Delivery, o.Secret, o.Target, o.State, strings.Trim(o.With+", "+o.Why, ", ")})
		}
	}
	if len(rows) > 0 {
		e.Printf("")
		e.Table([]string{"DELIVERY", "SECRET", "TARGET", "STATE", "WHY"}, rows)
	}
}

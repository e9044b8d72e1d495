package cli

import (
	"context"

	"github.com/spf13/cobra"

	"keyfob/api"
)

// The states of a check.
const (
	checkOK   = "ok"
	checkWarn = "warn"
	checkFail = "fail"
	checkSkip = "skip"
)

// check is one line of doctor.
type check struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`

	code string // of a failure
}

// checkup is what `doctor` prints as JSON.
type checkup struct {
	OK     bool    `json:"ok"` // nothing failed; there may be warnings
	Checks []check `json:"checks"`
}

func doctorCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check the vault and what is around it",
		Long: "Check the vault and what is around it, without changing or showing anything. The exit code is\n" +
			"0 where nothing failed, else that of the first failure.",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return e.doctor(c.Context()) },
	}
}

func (e *Env) doctor(ctx context.Context) error {
	checks := append(e.checkVault(ctx), e.checkAround()...)
	result := checkup{OK: true, Checks: checks}
	exit := 0
	for _, c := range checks {
		if c.State == checkFail && result.OK {
			result.OK, exit = false, api.ExitOf(c.code)
		}
	}
	if err := e.Print(result, func() { e.checkLines(checks) }); err != nil || exit == 0 {
		return err
	}
	return Exit(exit)
}

func (e *Env) checkLines(checks []check) {
	style := map[string]string{checkOK: styleGood, checkWarn: styleWarn, checkFail: styleBad, checkSkip: styleWarn}
	for _, c := range checks {
		pad := "     "[len(c.State):]
		e.Printf("%s%s %-11s %s", e.Style(style[c.State], c.State), pad, c.Name, Clean(c.Message))
		if c.Hint != "" {
			e.Printf("%17s hint: %s", "", Clean(c.Hint))
		}
	}
}

// failed makes a check of an error.
func failed(name string, err error) check {
	p := publicError(err)
	c := check{Name: name, State: checkFail, Message: p.Message, Hint: p.Hint, code: p.Code}
	for _, d := range p.Details {
		c.Message += "; " + d.Message
	}
	return c
}

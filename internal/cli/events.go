package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
)

func eventsCommand(e *Env) *cobra.Command {
	var after string
	var limit int
	c := &cobra.Command{
		Use: "events", Short: "Show changes of your records as they happen",
		Long: "Print a line for each change of your records, and of the organisation's that concern you,\n" +
			"until you interrupt it. With --output json each line is one JSON object. \"reset\" says that\n" +
			"some were missed.",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return e.events(c.Context(), after, limit) },
	}
	c.Flags().StringVar(&after, "after", "", "begin after the event with this `ID`, as JSON shows it")
	c.Flags().IntVar(&limit, "limit", 0, "end after a `NUMBER` of events; 0: go on")
	return c
}

func (e *Env) events(ctx context.Context, after string, limit int) error {
	if limit < 0 || strings.ContainsAny(after, "\r\n") {
		return withHint(usagef("--limit is not a number from 0 on"), "write: keyfob events --limit 10")
	}
	cl, err := e.Client(ctx)
	if err != nil {
		return err
	}
	ctx, stop := untilInterrupt(ctx)
	defer stop()
	n := 0
	for ev, err := range cl.Events(ctx, after) {
		if errors.Is(err, context.Canceled) {
			return nil // that is how it ends
		}
		if err != nil {
			return err
		}
		if err := e.event(ev); err != nil {
			return err
		}
		if n++; n == limit {
			return nil
		}
	}
	return nil
}

func (e *Env) event(ev api.Event) error {
	if e.JSON() {
		b, err := json.Marshal(ev)
		if err != nil {
			return err
		}
		return e.write(append(b, '\n'))
	}
	whose := ""
	if ev.Org {
		whose = "of the organisation"
	}
	e.Printf("%s", strings.TrimSpace(Clean(ev.Kind+" "+ev.Record+" "+whose)))
	return e.lost
}

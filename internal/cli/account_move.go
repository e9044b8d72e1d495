package cli

import (
	"context"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

// moveFlags says where an account is to stand; exactly one is given.
type moveFlags struct {
	to            int
	first, last   bool
	before, after string
	namespace     string
}

func accountMoveCommand(e *Env) *cobra.Command {
	var f moveFlags
	c := &cobra.Command{
		Use: "move ACCOUNT", Short: "Change an account's place in its pool, or its namespace",
		Example: "  keyfob account move anthropic/personal --first\n" +
			"  keyfob account move anthropic/personal --after anthropic/work\n" +
			"  keyfob account move anthropic/work --namespace team",
		Args: argCount(1, 1, "PROVIDER[/NAMESPACE]/LABEL --first"), ValidArgsFunction: e.completeAccounts,
	}
	fl := c.Flags()
	fl.BoolVar(&f.first, "first", false, "to the front of its pool")
	fl.BoolVar(&f.last, "last", false, "to the end of its pool")
	fl.IntVar(&f.to, "to", 0, "to this `PLACE`, counted from 1 as account list does")
	fl.StringVar(&f.before, "before", "", "in front of this `ACCOUNT` of the same pool")
	fl.StringVar(&f.after, "after", "", "behind this `ACCOUNT` of the same pool")
	fl.StringVar(&f.namespace, "namespace", "", "to the end of the pool of this `NAMESPACE`")
	c.RunE = e.onAccount(func(ctx context.Context, cl *client.Client, ref client.AccountRef) error {
		if err := f.check(c); err != nil {
			return err
		}
		u, err := f.update(ctx, cl, ref)
		if err != nil {
			return err
		}
		return e.moveAccount(ctx, cl, ref, u)
	})
	return c
}

// check wants exactly one flag.
func (f *moveFlags) check(c *cobra.Command) error {
	given := 0
	for _, name := range []string{"first", "last", "to", "before", "after", "namespace"} {
		if c.Flags().Changed(name) {
			given++
		}
	}
	if given != 1 || c.Flags().Changed("to") && f.to < 1 {
		return withHint(usagef("say where to, in one way"), "one of --first, --last, --to N (from 1), --before ACCOUNT, --after ACCOUNT, --namespace NAME")
	}
	return nil
}

func (f *moveFlags) update(ctx context.Context, cl *client.Client, ref client.AccountRef) (api.AccountUpdate, error) {
	if f.namespace != "" {
		return api.AccountUpdate{Namespace: &f.namespace}, nil
	}
	position := 0
	var err error
	switch {
	case f.last:
		position = math.MaxInt32 // beyond the end is the end
	case f.to > 0:
		position = f.to - 1
	case f.before != "":
		position, err = placeBeside(ctx, cl, ref, f.before, 0)
	case f.after != "":
		position, err = placeBeside(ctx, cl, ref, f.after, 1)
	}
	return api.AccountUpdate{Position: &position}, err
}

// placeBeside is the place beside another account of ref's pool, counted as if
// ref were not in it.
func placeBeside(ctx context.Context, cl *client.Client, ref client.AccountRef, other string, offset int) (int, error) {
	beside, err := parseRef(other)
	if err != nil {
		return 0, err
	}
	moved, err := cl.GetAccount(ctx, ref)
	if err != nil {
		return 0, err
	}
	target, err := cl.GetAccount(ctx, beside)
	if err != nil {
		return 0, err
	}
	if target.Provider != moved.Provider || target.Namespace != moved.Namespace || target.ID == moved.ID {
		return 0, withHint(usagef("%s is not another account of that pool", target.Ref), "keyfob account list shows the pools in order")
	}
	list, err := cl.ListAccounts(ctx)
	if err != nil {
		return 0, err
	}
	pool := slices.DeleteFunc(list, func(a api.Account) bool {
		return a.Provider != moved.Provider || a.Namespace != moved.Namespace || a.ID == moved.ID
	})
	return slices.IndexFunc(pool, func(a api.Account) bool { return a.ID == target.ID }) + offset, nil
}

func (e *Env) moveAccount(ctx context.Context, cl *client.Client, ref client.AccountRef, u api.AccountUpdate) error {
	a, err := cl.UpdateAccount(ctx, ref, u, client.Any)
	if err != nil {
		return err
	}
	return e.Print(a, func() { e.Printf("%s is now number %d of its pool", Clean(a.Ref), a.Position+1) })
}

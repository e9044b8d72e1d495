package guard

import (
	"context"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// users compares them, and has the records of each looked at.
func (w *walker) users(ctx context.Context, tx store.Tx) error {
	return paged(ctx, w, tx, kindUser, "users", tx.Users().Page, func(u core.User) string {
		w.owners[u.Owner()] = true
		w.compare(userRecord(u))
		return u.Name
	})
}

func (w *walker) proofs(ctx context.Context, tx store.Tx) error {
	return paged(ctx, w, tx, kindProof, "sign-ins and step-ups", tx.Proofs().Page, func(p core.Proof) string {
		w.compare(proofRecord(p))
		return p.ID
	})
}

// paged looks at every record of a kind that is in one list; look gives its key.
func paged[T any](ctx context.Context, w *walker, tx store.Tx, kind, what string, list func(context.Context, store.Page) ([]T, error), look func(T) string) error {
	for p := (store.Page{Limit: feedPage}); ; {
		page, err := list(ctx, p)
		if core.CodeOf(err) == core.Internal {
			return w.unreadable(ctx, tx, kind, what, core.Owner{})
		}
		if err != nil {
			return err
		}
		for _, x := range page {
			p.After = look(x)
		}
		if len(page) < p.Limit {
			return nil
		}
	}
}

// owner compares all that is one owner's.
func (w *walker) owner(ctx context.Context, tx store.Tx, o core.Owner) error {
	for _, part := range []struct {
		kind, what string
		run        func(context.Context, store.Tx, core.Owner) error
	}{
		{kindSecret, "secrets", w.secrets},
		{kindAccount, "accounts", w.accounts},
		{kindMCP, "MCP servers", w.servers},
		{kindProfile, "LLM profiles", w.profiles},
		{kindPool, "pools", w.pools},
		{kindWorkspace, "workspaces", w.workspaces},
		{kindToken, "tokens", w.tokens},
		{kindSession, "browser sessions", w.sessions},
	} {
		err := part.run(ctx, tx, o)
		if core.CodeOf(err) == core.Internal {
			err = w.unreadable(ctx, tx, part.kind, part.what+" of "+o.String(), o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// secrets reads them one by one: together they may take a gigabyte.
func (w *walker) secrets(ctx context.Context, tx store.Tx, o core.Owner) error {
	for p := (store.Page{Limit: feedPage}); ; {
		page, err := tx.Secrets().Page(ctx, o, p)
		if err != nil {
			return err
		}
		for _, one := range page {
			s, err := tx.Secrets().Get(ctx, o, one.Name)
			if err != nil {
				return err
			}
			w.compare(secretRecord(s))
			p.After = one.Name
		}
		if len(page) < p.Limit {
			return nil
		}
	}
}

// workspaces compares the live ones: an ended one is worth nothing.
func (w *walker) workspaces(ctx context.Context, tx store.Tx, o core.Owner) error {
	for p := (store.Page{Limit: feedPage}); ; {
		page, err := tx.Workspaces().Page(ctx, o, store.WorkspaceFilter{}, p)
		if err != nil {
			return err
		}
		for _, one := range page {
			w.compare(workspaceRecord(one))
			p.After = one.ID
		}
		if len(page) < p.Limit {
			return nil
		}
	}
}

func (w *walker) accounts(ctx context.Context, tx store.Tx, o core.Owner) error {
	list, err := tx.Accounts().List(ctx, o)
	return compareAll(w, list, err, accountRecord)
}

func (w *walker) servers(ctx context.Context, tx store.Tx, o core.Owner) error {
	list, err := tx.MCPServers().List(ctx, o)
	return compareAll(w, list, err, mcpRecord)
}

func (w *walker) profiles(ctx context.Context, tx store.Tx, o core.Owner) error {
	list, err := tx.Profiles().List(ctx, o)
	return compareAll(w, list, err, profileRecord)
}

func (w *walker) pools(ctx context.Context, tx store.Tx, o core.Owner) error {
	list, err := tx.Pools().List(ctx, o)
	return compareAll(w, list, err, poolRecord)
}

func (w *walker) tokens(ctx context.Context, tx store.Tx, o core.Owner) error {
	if o.Kind != core.UserOwner {
		return nil
	}
	list, err := tx.Tokens().List(ctx, o.ID)
	return compareAll(w, list, err, tokenRecord)
}

func (w *walker) sessions(ctx context.Context, tx store.Tx, o core.Owner) error {
	if o.Kind != core.UserOwner {
		return nil
	}
	list, err := tx.Sessions().List(ctx, o.ID)
	return compareAll(w, list, err, sessionRecord)
}

func compareAll[T any](w *walker, list []T, err error, of func(T) record) error {
	for _, x := range list {
		if err == nil {
			w.compare(of(x))
		}
	}
	return err
}

package guard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// unreadable makes a finding of a list that the store cannot read. It asks for
// each record that the trail knows by itself, to name the one it is; where it is
// none of those, none of the kind is called missing.
func (w *walker) unreadable(ctx context.Context, tx store.Tx, kind, what string, o core.Owner) error {
	named := false
	for _, key := range slices.Sorted(maps.Keys(w.known)) {
		n := w.known[key]
		if kindOf(key) != kind || n.gone {
			continue
		}
		r, of, err := single(ctx, tx, o, n)
		switch {
		case core.CodeOf(err) == core.Internal:
			named = true
			delete(w.known, key)
			w.problem(Problem{Subject: n.subject, Message: n.subject + " cannot be read: it was changed outside Keyfob"})
		case err == nil && of == o && r.key == key:
			w.compare(r)
		case err != nil && core.CodeOf(err) != core.NotFound:
			return err
		}
	}
	if !named {
		w.unread[kind] = true
		w.problem(Problem{Subject: what, Message: fmt.Sprintf("the %s cannot be read: at least one was changed outside Keyfob", what)})
	}
	return nil
}

// single reads one record that the trail knows, and whose it is: by its id, or as
// one of the owner's by the name that the trail has.
func single(ctx context.Context, tx store.Tx, o core.Owner, n known) (record, core.Owner, error) {
	kind, id, _ := strings.Cut(n.key, "/")
	_, name, _ := strings.Cut(n.subject, ":")
	switch kind {
	case kindSecret:
		s, err := tx.Secrets().Get(ctx, o, name)
		return secretRecord(s), s.Owner, err
	case kindAccount:
		p := strings.Split(name, "/")
		if len(p) == 2 {
			p = []string{p[0], core.DefaultNamespace, p[1]}
		}
		if len(p) != 3 {
			return record{}, o, nil
		}
		a, err := tx.Accounts().Get(ctx, o, p[0], p[1], p[2])
		return accountRecord(a), a.Owner, err
	case kindMCP:
		m, err := tx.MCPServers().Get(ctx, o, name)
		return mcpRecord(m), m.Owner, err
	case kindProfile:
		p, err := tx.Profiles().Get(ctx, o, name)
		return profileRecord(p), p.Owner, err
	case kindPool:
		provider, namespace, _ := strings.Cut(name, "/")
		if id != o.String()+"/"+name {
			return record{}, o, nil
		}
		p, err := tx.Pools().Get(ctx, o, provider, namespace)
		return poolRecord(p), p.Owner, err
	}
	return person(ctx, tx, o, kind, id)
}

func person(ctx context.Context, tx store.Tx, o core.Owner, kind, id string) (record, core.Owner, error) {
	switch kind {
	case kindUser:
		u, err := tx.Users().Get(ctx, id)
		return userRecord(u), o, err
	case kindToken:
		t, err := tx.Tokens().Get(ctx, id)
		return tokenRecord(t), core.User{ID: t.UserID}.Owner(), err
	case kindSession:
		s, err := tx.Sessions().Get(ctx, id)
		return sessionRecord(s), core.User{ID: s.UserID}.Owner(), err
	}
	s, err := tx.Workspaces().Get(ctx, id)
	if err == nil && !s.EndedAt.IsZero() {
		return record{}, o, nil
	}
	return workspaceRecord(s), s.Owner, err
}

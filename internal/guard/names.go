package guard

import (
	"context"
	"maps"
	"slices"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Listed is an entry as it is listed: with what the ids in it are called now.
type Listed struct {
	core.AuditEntry
	Names map[string]string // by id, of users and personal tokens; nil: none is known
}

// maxNamed bounds the records that are read to name one page's ids.
const maxNamed = 1000

// named finds the names for entries. A token that is gone has the name that
// another of these entries tells.
func named(ctx context.Context, tx store.Tx, actor core.Actor, entries []core.AuditEntry) ([]Listed, error) {
	out, known := make([]Listed, len(entries)), told(entries)
	asked := map[string]bool{}
	for i, e := range entries {
		out[i].AuditEntry = e
		for _, id := range idsIn(e) {
			if !asked[id] && len(asked) < maxNamed {
				asked[id] = true
				name, err := nameOf(ctx, tx, actor, id)
				if err != nil {
					return nil, err
				}
				if name != "" {
					known[id] = name
				}
			}
			if known[id] == "" {
				continue
			}
			if out[i].Names == nil {
				out[i].Names = map[string]string{}
			}
			out[i].Names[id] = known[id]
		}
	}
	return out, nil
}

// told is what entries on tokens themselves call them.
func told(entries []core.AuditEntry) map[string]string {
	out := map[string]string{}
	for _, e := range entries {
		if id, ok := strings.CutPrefix(e.Subject, TokenSubject("")); ok && e.Detail["name"] != "" {
			out[id] = e.Detail["name"]
		}
	}
	return out
}

// nameOf is empty where there is no such record. What a token is called is for
// its user, and for an administrator who looks at everybody's entries.
func nameOf(ctx context.Context, tx store.Tx, actor core.Actor, id string) (string, error) {
	var name string
	var err error
	if strings.HasPrefix(id, userPrefix) {
		var u core.User
		u, err = tx.Users().Get(ctx, id)
		name = u.Name
	} else {
		var t core.Token
		t, err = tx.Tokens().Get(ctx, id)
		if name = t.Name; t.UserID != actor.ID && actor.Owner != core.Org {
			name = ""
		}
	}
	if core.CodeOf(err) == core.NotFound {
		return "", nil
	}
	return name, err
}

const (
	userPrefix  = "usr_"
	tokenPrefix = "tok_"
)

// idsIn is the ids in an entry that nameOf knows, each once.
func idsIn(e core.AuditEntry) []string {
	texts := []string{e.Actor.ID, e.Owner.ID, e.Subject}
	for _, k := range slices.Sorted(maps.Keys(e.Detail)) {
		texts = append(texts, k, e.Detail[k])
	}
	var out []string
	for _, t := range texts {
		for _, w := range strings.FieldsFunc(t, func(r rune) bool { return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }) {
			if (strings.HasPrefix(w, userPrefix) || strings.HasPrefix(w, tokenPrefix)) && !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

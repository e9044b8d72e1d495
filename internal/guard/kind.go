package guard

import (
	"context"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// kind is how the records of one kind are found, and told of in the trail.
type kind[T any] struct {
	name string
	of   func(T) record
	find func(store.Tx) finder[T]
}

// finder gives the record with this id; not_found where there is none.
type finder[T any] func(ctx context.Context, id string) (T, error)

var (
	secretKind    = kind[core.SealedSecret]{kindSecret, secretRecord, func(tx store.Tx) finder[core.SealedSecret] { return tx.Secrets().ByID }}
	accountKind   = kind[core.SealedAccount]{kindAccount, accountRecord, func(tx store.Tx) finder[core.SealedAccount] { return tx.Accounts().ByID }}
	mcpKind       = kind[core.SealedMCPServer]{kindMCP, mcpRecord, func(tx store.Tx) finder[core.SealedMCPServer] { return tx.MCPServers().ByID }}
	profileKind   = kind[core.Profile]{kindProfile, profileRecord, func(tx store.Tx) finder[core.Profile] { return tx.Profiles().ByID }}
	poolKind      = kind[core.Pool]{kindPool, poolRecord, poolFinder}
	userKind      = kind[core.User]{kindUser, userRecord, func(tx store.Tx) finder[core.User] { return tx.Users().Get }}
	tokenKind     = kind[core.Token]{kindToken, tokenRecord, func(tx store.Tx) finder[core.Token] { return tx.Tokens().Get }}
	sessionKind   = kind[core.BrowserSession]{kindSession, sessionRecord, func(tx store.Tx) finder[core.BrowserSession] { return tx.Sessions().Get }}
	workspaceKind = kind[core.Workspace]{kindWorkspace, workspaceRecord, liveFinder}
	proofKind     = kind[core.Proof]{kindProof, proofRecord, func(tx store.Tx) finder[core.Proof] { return tx.Proofs().Get }}
)

// stored reads a record of any kind by its id.
var stored = map[string]func(ctx context.Context, tx store.Tx, id string) (record, error){
	kindSecret: secretKind.stored, kindAccount: accountKind.stored, kindMCP: mcpKind.stored, kindProfile: profileKind.stored,
	kindPool: poolKind.stored, kindUser: userKind.stored, kindToken: tokenKind.stored, kindSession: sessionKind.stored,
	kindWorkspace: workspaceKind.stored, kindProof: proofKind.stored,
}

func (k kind[T]) stored(ctx context.Context, tx store.Tx, id string) (record, error) {
	x, err := k.find(tx)(ctx, id)
	return k.of(x), err
}

// poolFinder takes an id apart as poolRecord makes it.
func poolFinder(tx store.Tx) finder[core.Pool] {
	return func(ctx context.Context, id string) (core.Pool, error) {
		p := strings.Split(id, "/")
		n := len(p)
		if n < 3 {
			return core.Pool{}, core.Errorf(core.NotFound, "there is no such pool")
		}
		o, err := core.ParseOwner(strings.Join(p[:n-2], "/"))
		if err != nil {
			return core.Pool{}, core.Errorf(core.NotFound, "there is no such pool").Wrap(err)
		}
		return tx.Pools().Get(ctx, o, p[n-2], p[n-1])
	}
}

// liveFinder finds no workspace that ended: of those the trail has no more.
func liveFinder(tx store.Tx) finder[core.Workspace] {
	return func(ctx context.Context, id string) (core.Workspace, error) {
		w, err := tx.Workspaces().Get(ctx, id)
		if err == nil && !w.EndedAt.IsZero() {
			err = core.Errorf(core.NotFound, "the workspace ended")
		}
		return w, err
	}
}

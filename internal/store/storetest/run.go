// Package storetest is the contract of package store as tests, run on every
// driver.
package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// Run checks one handle. open makes an empty store that is closed with the test.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(*testing.T, suite){
		"Vault": testVault, "Keys": testKeys, "Rewrap": testRewrap, "ReplaceKey": testReplaceKey, "Owners": testOwners,
		"Secrets": testSecrets, "SecretConflicts": testConflicts(store.Tx.Secrets, sampleSecret), "SecretList": testSecretList, "SecretPages": testSecretPages, "SealedPages": testSealedPages,
		"Accounts": testAccounts, "AccountConflicts": testConflicts(store.Tx.Accounts, sampleAccount), "AccountList": testAccountList,
		"AccountEpoch": testAccountEpoch,
		"HealthMerge":  testHealthMerge, "HealthProperties": testHealthProperties, "HealthOfOthers": testHealthOfOthers, "HealthIsBounded": testHealthIsBounded,
		"Workspaces": testWorkspaces, "WorkspaceConflicts": testWorkspaceConflicts,
		"WorkspaceUpdate": testWorkspaceUpdate, "WorkspaceRenew": testWorkspaceRenew, "WorkspaceExpired": testWorkspaceExpired,
		"WorkspaceCount": testWorkspaceCount, "WorkspacePages": testWorkspacePages, "BadPages": testBadPages,
		"Users": testUsers, "UserConflicts": testUserConflicts, "UserPages": testUserPages,
		"Tokens": testTokens, "Sessions": testSessions, "SessionSweep": testSessionSweep,
		"Proofs": testProofs, "ProofDecide": testProofDecide, "ProofEnd": testProofEnd, "ProofLists": testProofLists,
		"Pools": testPools, "Profiles": testProfiles, "ProfileConflicts": testConflicts(store.Tx.Profiles, sampleProfile), "ProfileActivate": testProfileActivate,
		"MCP": testMCP, "MCPConflicts": testConflicts(store.Tx.MCPServers, sampleMCP), "Checkpoints": testCheckpoints, "Idempotency": testIdempotency,
		"Usage": testUsage,
		"Audit": testAudit, "AuditGaps": testAuditGaps, "AuditList": testAuditList, "AuditPages": testAuditPages, "AuditLargePages": testAuditLargePages, "AuditText": testAuditText,
		"AuditListAll": testAuditListAll, "AuditHeads": testAuditHeads, "AuditAfter": testAuditAfter, "CheckpointsAfter": testCheckpointsAfter,
		"Changes": testChanges, "ChangesPruned": testChangesPruned,
		"Rollback": testRollback, "Panic": testPanic, "Canceled": testCanceled, "ViewCannotWrite": testViewCannotWrite,
		"Snapshot": testSnapshot, "OwnWrites": testOwnWrites, "Version": testVersion, "Concurrent": testConcurrent,
		"HostileText": testHostileText,
	} {
		t.Run(name, func(t *testing.T) { test(t, suite{open(t)}) })
	}
}

// Pair checks two handles on one store, as two processes have them.
func Pair(t *testing.T, open func(t *testing.T) (a, b store.Store)) {
	for name, test := range map[string]func(t *testing.T, a, b suite){
		"Visible": testVisible, "VersionAcross": testVersionAcross, "TwoWriters": testTwoWriters,
		"SnapshotAcross": testSnapshotAcross, "StaleAcross": testStaleAcross, "OneUse": testOneUse,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := open(t)
			test(t, suite{a}, suite{b})
		})
	}
}

// suite is a store with the shortcuts of these tests.
type suite struct{ store.Store }

// do runs one write transaction that must succeed.
func (s suite) do(t testing.TB, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := s.try(t, fn); err != nil {
		t.Fatalf("update: %v", err)
	}
}

func (s suite) try(t testing.TB, fn func(ctx context.Context, tx store.Tx) error) error {
	t.Helper()
	return s.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) })
}

// see runs one read that must succeed.
func (s suite) see(t testing.TB, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// read gives what one read found.
func read[T any](t testing.TB, s suite, fn func(ctx context.Context, tx store.Tx) (T, error)) T {
	t.Helper()
	var out T
	s.see(t, func(ctx context.Context, tx store.Tx) (err error) {
		out, err = fn(ctx, tx)
		return err
	})
	return out
}

// missing runs one read that must find nothing.
func missing[T any](t testing.TB, s suite, fn func(ctx context.Context, tx store.Tx) (T, error)) {
	t.Helper()
	wants(t, s.View(t.Context(), func(tx store.Tx) error { _, err := fn(t.Context(), tx); return err }), core.NotFound)
}

// wants checks an error's code, and that it can be shown to a person.
func wants(t testing.TB, err error, code core.Code) {
	t.Helper()
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Code != code {
		t.Fatalf("error is %v, want one of code %s", err, code)
	}
	if e.Message == "" || (e.Hint == "" && code != core.NotFound) {
		t.Errorf("message %q, hint %q", e.Message, e.Hint)
	}
}

// fails runs one write transaction that must fail with this code.
func (s suite) fails(t testing.TB, code core.Code, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	wants(t, s.try(t, fn), code)
}

func same(t testing.TB, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-want +got)\n%s", d)
	}
}

var other = core.Owner{Kind: core.OrgOwner, ID: "acme:eu"}

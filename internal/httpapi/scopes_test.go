package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/httpapi"
)

// scopesOf says, by hand, which scopes each route takes of a user's token. Routes
// that no user's token opens have no row.
const scopesOf = `
getMe
listTokens            tokens:read
createToken           tokens:write
deleteToken           tokens:write
listSessions          tokens:read
deleteSession         tokens:write
listLaunchers         tokens:read
askStepUp             secrets:read secrets:reveal
askTokenStepUp        tokens:write
getStepUp             secrets:reveal
approveStepUp         secrets:reveal
denyStepUp            secrets:reveal
listUsers             admin:read
createUser            admin:read admin:write
getUser               admin:read
updateUser            admin:read admin:write
applyOrg              admin:read admin:write
listSecrets           secrets:read
createSecret          secrets:write
importSecrets         secrets:write
getSecret             secrets:read
updateSecret          secrets:write
deleteSecret          secrets:write
revealSecret          secrets:reveal
orgListSecrets        secrets:read admin:read
orgCreateSecret       secrets:write admin:read admin:write
orgImportSecrets      secrets:write admin:read admin:write
orgGetSecret          secrets:read admin:read
orgUpdateSecret       secrets:write admin:read admin:write
orgDeleteSecret       secrets:write admin:read admin:write
orgRevealSecret       secrets:reveal admin:read
listAccounts          accounts:read
createAccount         accounts:write
getAccount            accounts:read
updateAccount         accounts:read accounts:write
deleteAccount         accounts:write
clearAccount          accounts:write
testAccount           accounts:write
orgListAccounts       accounts:read admin:read
orgCreateAccount      accounts:write admin:read admin:write
orgGetAccount         accounts:read admin:read
orgUpdateAccount      accounts:read accounts:write admin:read admin:write
orgDeleteAccount      accounts:write admin:read admin:write
orgClearAccount       accounts:write admin:read admin:write
orgTestAccount        accounts:write admin:read admin:write
listPools             accounts:read
getPool               accounts:read
updatePool            accounts:write
orgListPools          accounts:read admin:read
orgGetPool            accounts:read admin:read
orgUpdatePool         accounts:write admin:read admin:write
listProviders
getProvider
getStatus             secrets:read accounts:read workspaces:read
listUsage             accounts:read
orgListUsage          accounts:read admin:read
getShared             secrets:read accounts:read
listProfiles          secrets:read
createProfile         secrets:write
getProfile            secrets:read
updateProfile         secrets:write
deleteProfile         secrets:write
activateProfile       secrets:write
listMCPServers        secrets:read
createMCPServer       secrets:write
getMCPServer          secrets:read
updateMCPServer       secrets:write
deleteMCPServer       secrets:write
listWorkspaces        workspaces:read
createWorkspace       workspaces:keys
getWorkspace          workspaces:read
updateWorkspace       workspaces:write
endWorkspace          workspaces:write
rotateWorkspace       workspaces:keys
followEvents
listAudit             audit:read
orgListAudit          audit:read admin:read
verifyAudit           audit:read admin:read
exportAudit           audit:read admin:read
getAuditKey           audit:read admin:read
getVault              admin:read
verifyVault           admin:read admin:write
`

// Every route × every scope that it takes: a token that lacks just that one is
// refused, and one that has just those does what a whole one does.
func TestScopesOfRoutes(t *testing.T) {
	k, cells, want := newKit(t, nil), cells(t), map[string]core.Scopes{}
	for line := range strings.Lines(scopesOf) {
		if f := strings.Fields(line); len(f) > 0 {
			s, err := core.ParseScopes(f[1:])
			if err != nil {
				t.Fatal(err)
			}
			want[f[0]] = s
		}
	}
	for _, r := range httpapi.Routes() {
		if !slices.Contains([]httpapi.Who{httpapi.Users, httpapi.UsersOrLauncher, httpapi.Admins}, r.Who) {
			continue
		}
		need, ok := want[r.ID]
		if !ok {
			t.Errorf("%s has no row of scopes", r.ID)
			continue
		}
		delete(want, r.ID)
		t.Run(r.ID, func(t *testing.T) {
			if got := r.Scopes(); got != need {
				t.Errorf("it is said to take %v, want %v", got.Names(), need.Names())
			}
			k.scopes(t, r, need, cells[r.ID])
		})
	}
	for id := range want {
		t.Errorf("there is a row of scopes for %s, and no such route", id)
	}
}

func (k *kit) scopes(t *testing.T, r httpapi.Route, need core.Scopes, row map[string]int) {
	t.Helper()
	person, who := "alice", "alice"
	if r.Who == httpapi.Admins {
		person, who = "root", "admin"
	}
	full := core.AllScopes &^ core.SecretsReveal
	if need.Has(core.SecretsReveal) {
		full = core.AllScopes &^ core.WorkspacesKeys
	}
	for _, name := range need.Names() {
		lacks, err := core.ParseScopes([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		if got := k.matrixCallAs(t, r, "narrow", bearer(k.token(t, person, full&^lacks, time.Hour))); got.status != 403 || got.problem.Reason != "scope" && !strings.HasSuffix(r.ID, "StepUp") {
			t.Errorf("without %s: got %d %s, want 403 scope", name, got.status, got.body)
		}
	}
	least := need
	if strings.HasSuffix(r.Path, "/reveal") {
		least |= core.SecretsRead // to ask for the approval
	}
	if got := k.matrixCallAs(t, r, who, bearer(k.token(t, person, least, time.Hour))); got.status != row[who] {
		t.Errorf("with just %v: got %d %s, want %d", least.Names(), got.status, got.body, row[who])
	}
}

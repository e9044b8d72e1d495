//go:build linux

package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/api"
)

// launcherKey is that of the launcher of withLauncher.
func launcherKey() string { return forged("kfl_", 4711) }

func withLauncher(users ...string) setup {
	sum := sha256.Sum256([]byte(launcherKey()))
	return setup{config: "launchers:\n  - name: builds\n    key_digest: '" + hex.EncodeToString(sum[:]) + "'\n    users: [" + strings.Join(users, ", ") + "]\n    labels: {team: web}\n"}
}

// A launcher's key leaked from a build server. It makes workspaces, and so
// receives what is delivered there: of the users and with the labels that the
// server's configuration names, and nothing else.
func TestLauncherBeyondItsUsers(t *testing.T) {
	t.Parallel()
	s := start(t, withLauncher("alice"))
	alice, bob := s.join(t, "alice"), s.join(t, "bob")
	s.secret(t, alice, api.SecretCreate{Name: "WEB", Lookup: true, Selector: map[string]string{"team": "web"}}, "value-of-alice-for-the-web-team")
	s.secret(t, alice, api.SecretCreate{Name: "OPS", Lookup: true, Selector: map[string]string{"team": "ops"}}, "value-of-alice-for-operations")
	s.secret(t, bob, api.SecretCreate{Name: "BOBS", Lookup: true}, "value-of-bob-for-no-launcher")
	own := s.workspace(t, alice, api.WorkspaceCreate{Gateway: true})
	launch := func(user string, labels map[string]string) answer {
		return s.ask(t, "POST", "/v1/users/"+user+"/workspaces", api.WorkspaceCreate{Labels: labels}, as(launcherKey()))
	}
	relabel := func(id string, labels map[string]string, more ...how) answer {
		if len(more) == 0 {
			more = append(more, whichever())
		}
		return s.ask(t, "PATCH", "/v1/users/alice/workspaces/"+id, api.WorkspaceUpdate{Labels: &labels}, append(more, as(launcherKey()))...)
	}
	var made api.WorkspaceCreated
	launch("alice", map[string]string{"team": "ops", "task": "x"}).want(t, "a label of its own choice", 400, "launcher_label")
	launch("alice", map[string]string{"task": "x"}).into(t, &made)
	if made.Labels["team"] != "web" || made.Labels["task"] != "x" {
		t.Errorf("the launcher chose its own labels: %v", made.Labels)
	}
	inside := key(made.SessionKey)
	s.ask(t, "GET", "/v1/workspace/secrets/OPS", nil, as(inside)).want(t, "a secret for other labels", 404, "")
	s.must(t, "GET", "/v1/workspace/secrets/WEB", nil, as(inside), shows("alice's WEB"))
	s.unchanged(t, func() {
		for _, user := range []string{"bob", "local", "nobody", "*", "ALICE", "alice%20", "alice%00", "..", alice.id, bob.id, "%2a"} {
			if got := launch(user, nil); got.status != 404 && got.status != 400 {
				t.Errorf("a workspace of %s: %v", user, got)
			}
		}
		launch("alice", map[string]string{"keyfob/user": "bob"}).want(t, "a label that is automatic", 400, "")
		for _, id := range []string{own.ID} { // alice's own, which the launcher did not make
			s.ask(t, "GET", "/v1/users/alice/workspaces/"+id, nil, as(launcherKey())).want(t, "another's workspace", 404, "")
			s.ask(t, "DELETE", "/v1/users/alice/workspaces/"+id, nil, as(launcherKey()), whichever()).want(t, "ending it", 404, "")
			s.ask(t, "POST", "/v1/users/alice/workspaces/"+id+"/rotate", nil, as(launcherKey()), whichever()).want(t, "its keys", 404, "")
			relabel(id, map[string]string{"task": "y"}).want(t, "its labels", 404, "")
		}
		relabel(made.ID, map[string]string{"team": "ops"}).want(t, "a label that is fixed", 400, "launcher_label")
		relabel(made.ID, map[string]string{"team": ""}).want(t, "emptying it", 400, "launcher_label")
		relabel(made.ID, map[string]string{"keyfob/user": "bob"}).want(t, "a label that is automatic", 400, "")
		relabel(made.ID, map[string]string{"task": "y"}, with("If-Match", `"v7"`)).want(t, "an older version", 412, "stale")
		s.onlyFor(t, as(launcherKey()), "a launcher", "getMe", "listUserWorkspaces", "createUserWorkspace", "getUserWorkspace", "updateUserWorkspace", "endUserWorkspace", "rotateUserWorkspace", "getOpenAPI", "startLogin", "finishLogin")
	})
	var now api.Workspace
	relabel(made.ID, map[string]string{}).into(t, &now)
	if len(now.Labels) != 1 || now.Labels["team"] != "web" {
		t.Errorf("taking all labels away leaves %v", now.Labels)
	}
	s.ask(t, "GET", "/v1/workspace/secrets/OPS", nil, as(inside)).want(t, "a secret for other labels", 404, "")
	s.must(t, "DELETE", "/v1/users/alice/workspaces/"+made.ID, nil, as(launcherKey()), whichever())
	s.ask(t, "GET", "/v1/workspace/secrets/WEB", nil, as(inside)).want(t, "the keys of what it ended", 401, "")
}

// onlyFor asks every operation but these with a proof, and wants it refused.
func (s *server) onlyFor(t *testing.T, proof how, what string, may ...string) {
	t.Helper()
	for _, o := range s.operations(t) {
		if slices.Contains(may, o.id) {
			continue
		}
		got := s.ask(t, o.method, o.some(), "{}", proof, whichever())
		if got.status != 401 && got.status != 403 {
			t.Errorf("%s may %s: %v", what, o.id, got)
		}
	}
}

// An agent that was talked into it, or what reads its environment, takes the keys
// of its workspace to the server's other routes. They open that workspace, and
// the gateway, and nothing else.
func TestWorkspaceKeysOnOtherRoutes(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.6.1"))
	s.keeps("alice's key", aliceKey)
	_, good := upstreamAt(t, "127.88.6.1")
	alice := s.join(t, "alice")
	s.account(t, "/v1/accounts", alice, "work", aliceKey, good)
	s.secret(t, alice, api.SecretCreate{Name: "MINE", Lookup: true}, "value-of-alice-for-a-workspace")
	s.secret(t, alice, api.SecretCreate{Name: "FILE", File: "~/.x"}, "value-of-alice-that-allows-no-lookup")
	w := s.workspace(t, alice, api.WorkspaceCreate{Gateway: true, Except: []string{"FILE"}})
	session, gateway := key(w.SessionKey), key(w.GatewayKey)
	inside := []string{"getManifest", "listLookups", "lookupSecret", "reportDeliveries", "renewWorkspace", "leaveWorkspace", "getOpenAPI", "startLogin", "finishLogin"}
	s.unchanged(t, func() {
		s.onlyFor(t, as(session), "a session key", inside...)
		s.onlyFor(t, with("X-Session-API-Key", session), "a session key in its own header", inside...)
		s.onlyFor(t, as(gateway), "a gateway key", "getOpenAPI", "startLogin", "finishLogin")
		s.onlyFor(t, with("X-Session-API-Key", alice.token), "a token as a session key", "getOpenAPI", "startLogin", "finishLogin")
		for _, o := range []operation{{"", "GET", "/v1/workspace/manifest"}, {"", "DELETE", "/v1/workspace"}, {"", "POST", "/v1/workspace/renew"}, {"", "GET", "/v1/workspace/secrets/MINE"}} {
			got := s.ask(t, o.method, o.path, nil, as(alice.token))
			if got.status != 401 && got.status != 403 {
				t.Errorf("a token inside a workspace: %s %s: %v", o.method, o.path, got)
			}
		}
		s.throughGateway(t, session).want(t, "a session key at the gateway", 401, "")
		s.throughGateway(t, alice.token).want(t, "a token at the gateway", 401, "")
		s.ask(t, "GET", "/v1/workspace/secrets/FILE", nil, as(session)).want(t, "a secret that allows no lookup", 404, "")
	})
	s.must(t, "GET", "/v1/workspace/secrets/MINE", nil, as(session), shows("alice's MINE"))
	s.throughGateway(t, gateway).want(t, "the gateway key at the gateway", 200, "")
	// Keys that were rotated are worth nothing at once.
	var anew api.WorkspaceCreated
	s.must(t, "POST", "/v1/workspaces/"+w.ID+"/rotate", nil, as(alice.token), whichever()).into(t, &anew)
	s.ask(t, "GET", "/v1/workspace/secrets/MINE", nil, as(session)).want(t, "the old session key", 401, "")
	s.until(t, "the old gateway key is refused", func() bool { return s.throughGateway(t, gateway).status == 401 })
	s.throughGateway(t, key(anew.GatewayKey)).want(t, "the new gateway key", 200, "")
}

// until waits for what follows within moments.
func (s *server) until(t *testing.T, what string, fn func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(patience); !fn(); {
		select {
		case <-tick.C:
		case <-end:
			t.Errorf("it never came to be that %s", what)
			return
		}
	}
}

// Somebody is let go, and disabled. Everything that they hold must be worth
// nothing at once: tokens, browsers, streams that are open, workspaces with their
// keys, logins and approvals that wait.
func TestDisabledUser(t *testing.T) {
	t.Parallel()
	s := start(t, allowing("127.88.7.1"))
	s.keeps("alice's key", aliceKey)
	provider, good := upstreamAt(t, "127.88.7.1")
	alice, bob := s.join(t, "alice"), s.join(t, "bob")
	s.account(t, "/v1/accounts", alice, "work", aliceKey, good)
	s.secret(t, alice, api.SecretCreate{Name: "MINE", Lookup: true}, "value-of-alice-who-is-let-go")
	w := s.workspace(t, alice, api.WorkspaceCreate{Gateway: true})
	approved := s.stepUp(t, alice.reveal, "MINE")
	s.approve(t, alice, approved.ID)
	link, code := s.links(t, "alice")
	var waits api.DeviceStarted
	s.must(t, "POST", "/v1/login/device", api.DeviceStart{Client: "x"}).into(t, &waits)
	s.must(t, "POST", "/device", "decision=approve&code="+waits.UserCode, form(), s.inBrowser(alice))
	byToken, byCookie, others := s.follow(t, as(alice.token)), s.follow(t, s.inBrowser(alice)), s.follow(t, as(bob.token))
	s.throughGateway(t, key(w.GatewayKey)).want(t, "the gateway before", 200, "")
	s.account(t, "/v1/accounts", bob, "his", orgKey, good)
	bobs := s.workspace(t, bob, api.WorkspaceCreate{Gateway: true})
	streamOn(provider, aliceKey, orgKey)
	answering, hisAnswer := s.answering(t, key(w.GatewayKey)), s.answering(t, key(bobs.GatewayKey))

	yes := true
	s.must(t, "PATCH", "/v1/users/alice", api.UserUpdate{Disabled: &yes}, as(s.admin.token), whichever())
	for what, got := range map[string]answer{
		"token":             s.ask(t, "GET", "/v1/me", nil, as(alice.token)),
		"reveal token":      s.ask(t, "POST", "/v1/secrets/MINE/reveal", api.RevealRequest{StepUp: approved.ID}, as(alice.reveal)),
		"cookie":            s.ask(t, "GET", "/v1/secrets", nil, s.inBrowser(alice)),
		"page":              s.ask(t, "GET", "/sessions", nil, s.inBrowser(alice)),
		"manifest":          s.ask(t, "GET", "/v1/workspace/manifest", nil, as(key(w.SessionKey))),
		"lookup":            s.ask(t, "GET", "/v1/workspace/secrets/MINE", nil, as(key(w.SessionKey))),
		"link":              s.ask(t, "GET", link[len(s.pages):], nil, toHost(s.hostOfPages())),
		"one-time code":     s.ask(t, "POST", "/v1/login/token", api.LoginRequest{Code: asKey(code)}),
		"login that waits":  s.ask(t, "POST", "/v1/login/token", api.LoginRequest{DeviceCode: waits.DeviceCode}),
		"making a token":    s.ask(t, "POST", "/v1/tokens", api.TokenCreate{Name: "x", Scopes: []string{"secrets:read"}}, as(alice.token)),
		"keys by workspace": s.ask(t, "POST", "/v1/workspace/renew", nil, as(key(w.SessionKey))),
	} {
		got.want(t, "the "+what+" of somebody who is disabled", 401, "")
	}
	s.until(t, "the gateway refuses her", func() bool { return s.throughGateway(t, key(w.GatewayKey)).status == 401 })
	asked := len(provider.Requests())
	s.throughGateway(t, key(w.GatewayKey)).want(t, "the gateway key", 401, "")
	if len(provider.Requests()) != asked {
		t.Error("the provider was asked for somebody who is disabled")
	}
	byToken.wantEnded(t, "the stream by token")
	byCookie.wantEnded(t, "the stream by cookie")
	answering.wantEnded(t, "the answer that came through the gateway")
	s.stillTells(t, "somebody else's stream", others, bob)
	hisAnswer.goesOn(t, "somebody else's answer")
	s.must(t, "GET", "/v1/me", nil, as(bob.token))
	// Enabled again, they sign in anew; nothing that they held comes back.
	no := false
	s.must(t, "PATCH", "/v1/users/alice", api.UserUpdate{Disabled: &no}, as(s.admin.token), whichever())
	s.ask(t, "GET", "/v1/me", nil, as(alice.token)).want(t, "the old token", 401, "bad_token")
	s.ask(t, "GET", "/v1/me", nil, s.inBrowser(alice)).want(t, "the old cookie", 401, "bad_session")
	s.ask(t, "GET", "/v1/workspace/manifest", nil, as(key(w.SessionKey))).want(t, "the old session key", 401, "")
	s.throughGateway(t, key(w.GatewayKey)).want(t, "the old gateway key", 401, "")
	s.ask(t, "GET", link[len(s.pages):], nil, toHost(s.hostOfPages())).want(t, "the old link", 401, "")
	s.people = s.people[:1]
	again := func() *person { link, code := s.links(t, "alice"); return s.signIn(t, "alice", link, code) }()
	s.must(t, "GET", "/v1/secrets/MINE", nil, as(again.token))
}

// A token leaked and is revoked. The stream that was opened with it must not go
// on telling; nor that of a browser that was signed out.
func TestRevokedProofEndsItsStream(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	leaked := s.token(t, s.admin, "secrets:read", "tokens:read")
	byToken, byCookie, mine := s.follow(t, as(key(leaked.Value))), s.follow(t, s.inBrowser(s.admin)), s.follow(t, as(s.admin.token))
	s.must(t, "DELETE", "/v1/tokens/"+leaked.ID, nil, as(s.admin.token))
	byToken.wantEnded(t, "the stream of a token that was revoked")
	s.ask(t, "GET", "/v1/me", nil, as(key(leaked.Value))).want(t, "the token", 401, "bad_token")
	s.endSessions(t, s.admin)
	byCookie.wantEnded(t, "the stream of a browser that was signed out")
	s.stillTells(t, "the stream of a good token", mine, s.admin)
}

// The last administrator is talked into giving up the role, or somebody who is
// one no more goes on with a token that was made when they were.
func TestRoleIsTakenAway(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	s.join(t, "carol")
	user, admin := "user", "admin"
	s.ask(t, "PATCH", "/v1/users/local", api.UserUpdate{Role: &user}, as(s.admin.token), whichever()).want(t, "no administrator left", 409, "last_admin")
	s.must(t, "PATCH", "/v1/users/carol", api.UserUpdate{Role: &admin}, as(s.admin.token), whichever())
	link, code := s.links(t, "carol")
	carol := s.signIn(t, "carol", link, code)
	s.must(t, "GET", "/v1/users", nil, as(carol.token))
	s.must(t, "PATCH", "/v1/users/carol", api.UserUpdate{Role: &user}, as(s.admin.token), whichever())
	s.unchanged(t, func() {
		for _, change := range []how{as(carol.token), s.inBrowser(carol)} {
			for _, path := range []string{"/v1/users", "/v1/org/secrets", "/v1/org/audit", "/v1/audit/export", "/v1/vault"} {
				s.ask(t, "GET", path, nil, change).want(t, path, 403, "not_admin")
			}
			s.ask(t, "PATCH", "/v1/users/carol", api.UserUpdate{Role: &admin}, change, whichever()).want(t, "taking it back", 403, "not_admin")
			s.ask(t, "POST", "/v1/org/secrets", api.SecretCreate{Name: "X", Value: val("planted"), Lookup: true}, change).want(t, "the organisation's", 403, "not_admin")
		}
	})
	s.must(t, "GET", "/v1/secrets", nil, as(carol.token))
}

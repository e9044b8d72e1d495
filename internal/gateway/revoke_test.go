package gateway_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"keyfob/internal/account"
	"keyfob/internal/broker"
	"keyfob/internal/broker/brokertest"
	"keyfob/internal/core"
	"keyfob/internal/identity"
	"keyfob/internal/secret"
	"keyfob/internal/workspace"
	"keyfob/keyfobtest"
)

// endless streams for longer than any test lasts.
func endless() keyfobtest.Behaviour {
	return keyfobtest.Behaviour{Text: strings.Repeat("word ", 20_000), EventGap: 20 * time.Millisecond}
}

// watched is a provider that says which of its requests are over.
type watched struct {
	*keyfobtest.Provider
	ended chan string // accounts
}

func (w *watched) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("X-Api-Key")
	defer func() { w.ended <- key }()
	w.Provider.ServeHTTP(rw, r)
}

// twoUsers is a rig where ann and ben have an account and a workspace each, at a
// provider that behaves so.
type twoUsers struct {
	*rig
	at     *watched
	ann    core.Actor
	hers   core.Workspace
	herKey string
	hisKey string
}

func newTwoUsers(t *testing.T, b keyfobtest.Behaviour) *twoUsers {
	t.Helper()
	u := &twoUsers{rig: emptyRig(t, newProvider(t, b, b))}
	u.at = &watched{u.provider, make(chan string, 100)}
	upstream := httptest.NewServer(u.at)
	t.Cleanup(func() { _ = u.provider.Close(); upstream.Close() })
	u.ann, u.hers, u.herKey = u.user("ann", keyOne, upstream.URL)
	_, _, u.hisKey = u.user("ben", keyTwo, upstream.URL)
	return u
}

func (u *twoUsers) user(name, key, url string) (core.Actor, core.Workspace, string) {
	u.t.Helper()
	who, err := u.home.User(u.t.Context(), name)
	if err != nil {
		u.t.Fatal(err)
	}
	if _, err := u.home.Accounts.Add(u.t.Context(), who, account.NewAccount{
		Provider: "anthropic", Label: name, Key: secret.FromString(key), BaseURL: url,
	}); err != nil {
		u.t.Fatal(err)
	}
	w, gateway, err := u.home.WorkspaceOf(u.t.Context(), who, workspace.Spec{})
	if err != nil {
		u.t.Fatal(err)
	}
	return who, w, gateway
}

// streaming is an answer that is read along.
type streaming struct {
	t    *testing.T
	resp *http.Response
	read *bufio.Reader
}

func (u *twoUsers) begin(key string) *streaming {
	u.t.Helper()
	req := u.request(http.MethodPost, path, stream)
	req.Header.Set("X-Api-Key", key)
	resp, err := noRedirects.Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		u.t.Fatalf("%v %v", resp, err)
	}
	s := &streaming{u.t, resp, bufio.NewReader(resp.Body)}
	u.t.Cleanup(func() { _ = resp.Body.Close() })
	s.goesOn()
	return s
}

// goesOn wants more words than can have been on their way already: half a
// second's.
func (s *streaming) goesOn() {
	s.t.Helper()
	for n := 0; n < 25; {
		line, err := s.read.ReadString('\n')
		if err != nil {
			s.t.Fatalf("the stream ended: %v", err)
		}
		if strings.Contains(line, "word ") {
			n++
		}
	}
}

// isCut wants the stream to end, and not as if it were whole.
func (s *streaming) isCut() {
	s.t.Helper()
	timer := time.AfterFunc(30*time.Second, func() { _ = s.resp.Body.Close() })
	for {
		line, err := s.read.ReadString('\n')
		if strings.Contains(line, "message_stop") {
			s.t.Fatal("the stream has a false end")
		}
		if err == nil {
			continue
		}
		if !timer.Stop() {
			s.t.Fatal("the stream goes on")
		}
		if err.Error() == "EOF" {
			s.t.Error("the answer looks complete")
		}
		return
	}
}

// upstreamEnded waits until the provider does not work any more on a request with
// this key.
func (u *twoUsers) upstreamEnded(key string) {
	u.t.Helper()
	select {
	case got := <-u.at.ended:
		if got != key {
			u.t.Errorf("the provider's work with %q ended", got)
		}
	case <-time.After(30 * time.Second):
		u.t.Fatal("the provider works on")
	}
}

// ends are the ways to take a grant back.
var ends = map[string]func(*twoUsers) error{
	"the workspace is stopped": func(u *twoUsers) error {
		return u.home.Workspaces.End(u.t.Context(), u.ann, u.hers.ID, 0)
	},
	"its keys are rotated": func(u *twoUsers) error {
		_, _, _, err := u.home.Workspaces.Rotate(u.t.Context(), u.ann, u.hers.ID, 0)
		return err
	},
	"its user is disabled": func(u *twoUsers) error {
		i, err := identity.New(identity.Config{Guard: u.home.Guard, Store: u.home.Store})
		if err != nil {
			return err
		}
		yes := true
		_, err = i.UpdateUser(u.t.Context(), core.LocalUser.On(core.Org), "ann", identity.Edit{Disabled: &yes}, 0)
		return err
	},
}

// Somebody was let go; their agent's answer that was streaming went on to its
// natural end.
func TestStreamsEndWithTheirGrant(t *testing.T) {
	for what, end := range ends {
		t.Run(what, func(t *testing.T) {
			u := newTwoUsers(t, endless())
			hers, his := u.begin(u.herKey), u.begin(u.hisKey)
			if err := end(u); err != nil {
				t.Fatal(err)
			}
			hers.isCut()
			u.upstreamEnded(keyOne)
			his.goesOn()
		})
	}
}

// The same while the provider has not answered yet: the client is told.
func TestRequestsThatWaitEndWithTheirGrant(t *testing.T) {
	for what, end := range ends {
		t.Run(what, func(t *testing.T) {
			release := make(chan struct{})
			u := newTwoUsers(t, keyfobtest.Hold(release))
			got := make(chan reply, 2)
			for _, key := range []string{u.herKey, u.hisKey} {
				req := u.request(http.MethodPost, path, ask)
				req.Header.Set("X-Api-Key", key)
				go func() { got <- u.send(req) }()
			}
			eventually(t, "both wait", func() bool { return len(u.provider.Requests()) == 2 })
			if err := end(u); err != nil {
				t.Fatal(err)
			}
			r := <-got
			if r.status != http.StatusUnauthorized || r.header.Get(broker.HeaderLocal) != "gateway_key_revoked" || r.err != nil {
				t.Errorf("hers: %+v", r)
			}
			u.upstreamEnded(keyOne)
			close(release)
			if r := <-got; r.status != http.StatusOK {
				t.Errorf("his: %+v", r)
			}
		})
	}
}

// Another change of a workspace or its user ends nothing; nor does an account
// that is taken away, which the next request finds out.
func TestStreamsGoOnAfterOtherChanges(t *testing.T) {
	u := newTwoUsers(t, endless())
	hers := u.begin(u.herKey)
	if _, err := u.home.Workspaces.Update(t.Context(), u.ann, u.hers.ID, map[string]string{"team": "ops"}, 0); err != nil {
		t.Fatal(err)
	}
	if err := u.home.Accounts.Delete(t.Context(), u.ann, account.Ref{Provider: "anthropic", Label: "ann"}, 0); err != nil {
		t.Fatal(err)
	}
	u.key = u.herKey
	eventually(t, "the account is used no more", func() bool { return u.post(ask).header.Get(broker.HeaderLocal) == "no_account" })
	hers.goesOn()
}

// A second process takes the key back.
func TestStreamEndsFromElsewhere(t *testing.T) {
	u := newTwoUsers(t, endless())
	hers, his := u.begin(u.herKey), u.begin(u.hisKey)
	other, err := brokertest.Open(t.Context(), u.dir, brokertest.Options{Idle: true})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Kill() //nolint:errcheck // it only wrote
	if err := other.Workspaces.End(t.Context(), u.ann, u.hers.ID, 0); err != nil {
		t.Fatal(err)
	}
	hers.isCut()
	his.goesOn()
}

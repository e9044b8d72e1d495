package cli

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/core"
)

// loggedIn is what login prints as JSON.
type loggedIn struct {
	Server    string    `json:"server"`
	User      string    `json:"user"`
	ExpiresAt time.Time `json:"expires_at"`
}

func loginCommand(e *Env) *cobra.Command {
	var code string
	c := &cobra.Command{
		Use: "login URL", Short: "Sign in to a server, on which commands act from then on",
		Long: "Sign in to a Keyfob server. Every command then acts on your records there, until keyfob\n" +
			"logout; --local or " + localVariable + "=1 uses this machine's vault all the same. On a terminal you are\n" +
			"asked for a one-time code that was made on the server's machine; without one you approve the\n" +
			"sign-in in a browser that is signed in to the server. --code - reads the code from standard\n" +
			"input; as an argument others on this machine see it.\n\n" +
			"What is stored, in KEYFOB_HOME/" + loginFile + ", is two tokens that expire: one for reveals alone,\n" +
			"one for everything else. " + serverVariable + " and " + tokenVariable + " go before it.",
		Example: "  keyfob login https://keyfob.example.com\n  keyfob login http://127.0.0.1:4780 --code -",
		Args:    argCount(1, 1, "URL"),
		RunE:    func(c *cobra.Command, args []string) error { return e.login(c.Context(), args[0], code) },
	}
	c.Flags().StringVar(&code, "code", "", "a one-time `CODE` in place of a browser; better -, which reads it from standard input")
	return c
}

func (e *Env) login(ctx context.Context, address, code string) error {
	u, err := serverURL(address)
	if err != nil {
		return err
	}
	next := savedLogin{URL: u}
	if e.CAFile != "" {
		if next.CA, err = readCA(e.CAFile); err != nil {
			return err
		}
	}
	s, err := e.serverFor(next)
	if err != nil {
		return err
	}
	old, _ := e.readLogin() // what cannot be read is replaced
	got, err := e.signIn(ctx, s.client, code)
	if err != nil {
		return err
	}
	next.User, next.Token, next.Reveal = got.User.Name, savedTokenOf(got.Token), savedTokenOf(got.Reveal)
	if err := e.good(ctx, next); err != nil {
		return err
	}
	if err := e.writeLogin(next); err != nil {
		return errors.Join(err, e.revoke(ctx, next))
	}
	if old.URL != "" {
		e.endBefore(ctx, old)
	}
	return e.Print(loggedIn{Server: u, User: next.User, ExpiresAt: next.Token.ExpiresAt}, func() {
		e.Printf("signed in to %s as %s until %s", u, Clean(next.User), localTime(next.Token.ExpiresAt))
	})
}

// good says whether a login is one, so that what is none takes the place of none:
// anything may answer at an address that was mistyped.
func (e *Env) good(ctx context.Context, l savedLogin) error {
	for _, t := range []savedToken{l.Token, l.Reveal} {
		if l.User == "" || t.ID == "" || t.ExpiresAt.IsZero() || !core.IsToken(t.Value, core.PersonalPrefix) {
			return &api.Error{
				Code: api.CodeUnavailable, Reason: "not_keyfob", Message: "what answers at " + l.URL + " is no Keyfob server",
				Hint: "check the address; nothing has changed here",
			}
		}
	}
	s, err := e.serverFor(l)
	if err != nil {
		return err
	}
	_, err = s.client.Me(ctx)
	return err
}

// endBefore ends the login that another one took the place of.
func (e *Env) endBefore(ctx context.Context, old savedLogin) {
	if err := e.revoke(ctx, old); err != nil {
		e.Notef("the tokens of the sign-in before could not be revoked at %s: %s", old.URL, publicError(err).Message)
		return
	}
	e.Notef("the sign-in before this one, at %s as %s, has ended, and with it the tokens that were made with it", old.URL, Clean(old.User))
}

// signIn takes the code, or waits for a browser's approval.
func (e *Env) signIn(ctx context.Context, cl *client.Client, code string) (api.Login, error) {
	code, err := e.oneTimeCode(ctx, code)
	if err != nil {
		return api.Login{}, err
	}
	if code == "" {
		return e.signInByBrowser(ctx, cl)
	}
	return cl.Login(ctx, api.LoginRequest{Code: api.NewKey([]byte(code)), Client: clientName()})
}

// oneTimeCode is the flag's, or what is typed: a code among the arguments stands in
// the list of processes, which everybody on the machine may read. Empty: there is
// none.
func (e *Env) oneTimeCode(ctx context.Context, flag string) (string, error) {
	var v api.Value
	var err error
	switch {
	case flag == "-":
		v, err = e.readLine("one-time code")
	case flag == "" && e.Interactive():
		v, err = e.PromptHidden(ctx, "one-time code, or Enter to approve in a browser")
	default:
		return flag, nil
	}
	return strings.TrimSpace(string(v.Bytes())), err
}

// clientName is what people see of this program when they approve it, and the
// name of its token.
func clientName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "keyfob"
	}
	return "keyfob on " + host
}

func (e *Env) signInByBrowser(ctx context.Context, cl *client.Client) (api.Login, error) {
	ctx, stop := untilInterrupt(ctx)
	defer stop()
	d, err := cl.StartLogin(ctx, api.DeviceStart{Client: clientName()})
	if err != nil {
		return api.Login{}, err
	}
	e.Notef("to sign in, open %s in a browser", d.VerificationURIComplete)
	e.Notef("and approve the code %s, if that is what it shows", d.UserCode)
	if strings.HasPrefix(d.VerificationURIComplete, "http://") {
		e.Notef("if nobody is signed in there: in the browser that a sign-in link signed in, open \"Sign a command line in\" and type the code")
	}
	every := max(d.Interval.Duration(), time.Second)
	ctx, cancel := context.WithTimeout(ctx, d.ExpiresIn.Duration())
	defer cancel()
	var got api.Login
	err = poll(ctx, every, func() (bool, time.Duration, error) {
		var err error
		got, err = cl.Login(ctx, api.LoginRequest{DeviceCode: d.DeviceCode})
		switch {
		case isReason(err, api.ReasonPending):
			return false, 0, nil
		case isReason(err, api.ReasonSlowDown):
			return false, 5 * time.Second, nil // as RFC 8628 has it
		case isReason(err, client.ReasonUnreachable):
			return false, 0, nil // what is there again soon may still be asked
		}
		return true, 0, err
	})
	if errors.Is(err, context.DeadlineExceeded) {
		err = &api.Error{Code: api.CodeForbidden, Reason: "expired", Message: "nobody approved the sign-in in time", Hint: "run keyfob login again"}
	}
	return got, err
}

// poll calls ask each time the pause is over until it is done; ask may make the
// pause longer.
func poll(ctx context.Context, every time.Duration, ask func() (done bool, longer time.Duration, err error)) error {
	t := time.NewTimer(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
		done, longer, err := ask()
		if ctx.Err() != nil && !done {
			return ctx.Err()
		}
		if done {
			return err
		}
		every += longer
		t.Reset(every)
	}
}

// revoke ends the tokens of a login at its server. Tokens that are no good any
// more are no fault.
func (e *Env) revoke(ctx context.Context, l savedLogin) error {
	s, err := e.serverFor(l)
	if err != nil {
		return err
	}
	for _, id := range []string{l.Reveal.ID, l.Token.ID} { // the second does the revoking
		err := s.client.DeleteToken(ctx, id)
		switch {
		case errors.Is(err, &api.Error{Code: api.CodeUnauthenticated}):
			return nil
		case err != nil && !errors.Is(err, &api.Error{Code: api.CodeNotFound}):
			return err
		}
	}
	return nil
}

func logoutCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Sign out: revoke the login's tokens and forget them",
		Long: "Sign out: revoke the tokens at the server, and those made with them, and forget them here.",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return e.logout(c.Context()) },
	}
}

func (e *Env) logout(ctx context.Context) error {
	l, err := e.readLogin()
	if err != nil {
		return err
	}
	if l.URL == "" {
		return &api.Error{Code: api.CodeNotFound, Reason: "no_login", Message: "nobody is signed in here", Hint: "sign in with: keyfob login URL"}
	}
	rerr := e.revoke(ctx, l)
	if err := e.removeLogin(); err != nil {
		return err
	}
	if rerr != nil {
		p := publicError(rerr)
		p.Message = "signed out here, but the tokens could not be revoked at " + l.URL + ": " + p.Message
		p.Hint = "they expire at " + localTime(l.Token.ExpiresAt) + "; from another sign-in: keyfob token revoke " + l.Token.ID + " and " + l.Reveal.ID
		return p
	}
	return e.Print(map[string]string{"server": l.URL, "user": l.User}, func() { e.Printf("signed out of %s", l.URL) })
}

func whoamiCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "whoami", Short: "Show who you are, where commands act and what you may do there",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error { return e.whoami(c.Context()) },
	}
}

func (e *Env) whoami(ctx context.Context) error {
	s, err := e.server()
	if err != nil {
		return err
	}
	cl, err := e.existing(ctx)
	if isReason(err, reasonInside) {
		return e.whoamiInside(ctx)
	}
	if err != nil {
		return err
	}
	me, err := cl.Me(ctx)
	if err != nil {
		return err
	}
	if s != nil && me.Server == "" {
		me.Server = s.url
	}
	return e.Print(me, func() { e.meFields(me, s) })
}

func actsFor(users []string) string {
	if slices.Equal(users, []string{"*"}) {
		return "every user"
	}
	return strings.Join(users, ", ")
}

func (e *Env) meFields(me api.Me, s *server) {
	at, until := "this machine's vault", ""
	if s != nil {
		at = s.url
		if !s.saved.Token.ExpiresAt.IsZero() {
			until = localTime(s.saved.Token.ExpiresAt)
		}
	}
	pairs := [][2]string{{"name", me.Name}, {"at", at}}
	if me.User != nil {
		pairs = append(pairs, [2]string{"role", me.User.Role}, [2]string{"e-mail", me.User.Email})
	}
	if len(me.Users) > 0 {
		pairs = append(pairs, [2]string{"acts for", actsFor(me.Users)}, [2]string{"labels", core.Selector(me.Labels).String()})
	}
	e.Fields(append(pairs, [2]string{"proof", me.Via}, [2]string{"until", until}, [2]string{"scopes", words(me.Scopes)})...)
}

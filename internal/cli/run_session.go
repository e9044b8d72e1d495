package cli

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/deliver"
)

// session is one run's workspace, from making it to the last trace of it gone.
type session struct {
	env     *Env
	flags   runFlags
	host    host
	ctx     context.Context //nolint:containedctx // of the run as a whole: signals end the child, never the clean-up
	signals *deliver.Signals

	base      string
	made      api.WorkspaceCreated
	ws        *client.Workspace
	transport *http.Transport
	manifest  api.Manifest
	labels    labelFile
	files     *deliver.Files
	guard     *deliver.Guard
	plan      deliver.Plan
	outcomes  []api.Outcome
	reported  chan struct{}
	rest      func() // ends the renewals, and waits for that
}

// openSession makes the workspace. From here on close must be called.
func (e *Env) openSession(ctx context.Context, f runFlags) (*session, error) {
	labels, err := findLabels(e.userHome())
	if err != nil {
		return nil, err
	}
	spec, err := f.spec(labels.Labels)
	if err != nil {
		return nil, err
	}
	h, err := e.host(ctx, f.join)
	if err != nil {
		return nil, err
	}
	s := &session{env: e, flags: f, host: h, ctx: context.WithoutCancel(ctx), signals: deliver.CatchSignals(), labels: labels}
	if err := s.open(spec); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *session) open(spec api.WorkspaceCreate) error {
	if s.env.inside() && !s.host.joined {
		s.env.Notef("this runs in a new workspace and not in %s of %s: --join runs in that one; unset %s and %s to leave it",
			s.env.workspaceName(), s.env.Getenv(urlVariable), urlVariable, sessionKeyVariable)
	}
	start := s.join
	if !s.host.joined {
		start = func() error { return s.make(spec) }
	}
	if err := start(); err != nil {
		return err
	}
	var err error
	if s.manifest, err = s.ws.Manifest(s.ctx); err != nil {
		return err
	}
	if s.host.joined && !s.flags.printEnv {
		s.rest = s.keepAlive()
	}
	s.files = deliver.NewFiles(deliver.FilesConfig{Home: s.env.userHome(), State: s.host.home, Overwrite: s.flags.overwrite})
	return nil
}

// make makes a workspace of this run's own.
func (s *session) make(spec api.WorkspaceCreate) (err error) {
	if s.base, err = s.host.serve(s.ctx, spec.Gateway && !s.flags.printEnv); err != nil {
		return err
	}
	if s.made, err = s.host.client.CreateWorkspace(s.ctx, s.host.bound(spec)); err != nil {
		return err
	}
	s.ws = s.host.inside(s.made.SessionKey)
	s.rest = s.keepAlive()
	return nil
}

// deliver writes the files and plans the environment, in a preview the former
// only in thought.
func (s *session) deliver(args []string) (err error) {
	place := s.files.Deliver
	if s.flags.printEnv {
		place = s.files.Preview
	}
	r := place(s.ctx, s.manifest.Files)
	s.plan, err = deliver.NewPlan(deliver.PlanInput{
		Environ: s.env.Environ, Command: args, Manifest: s.manifest, BaseURL: s.base,
		SessionKey: s.made.SessionKey, GatewayKey: s.made.GatewayKey, KeepEnv: s.flags.keepEnv, Tools: r.Tools, State: s.host.home, CAFile: s.host.ca(),
	})
	s.outcomes = slices.Concat(s.plan.Outcomes, r.Outcomes, deliver.ConflictOutcomes(s.manifest))
	if err != nil || s.flags.printEnv {
		return err
	}
	s.guard = deliver.NewGuard(s.plan.Guarded)
	return deliver.WriteSettings(s.plan.Settings)
}

// tell names on Stderr what the user would not expect.
func (s *session) tell() {
	if notes, err := deliver.Notes(s.host.home); err == nil {
		for _, o := range notes {
			s.env.Notef("left by an earlier run: %s", sentence(o))
		}
	}
	for _, v := range s.plan.TakenOut() {
		s.env.Notef("%s is taken out of the environment: %s (--keep-env %s keeps it)", v.Name, v.Why, v.Name)
	}
	for _, o := range s.outcomes {
		if o.State != "delivered" || o.Why != "" || o.Over != "" && o.Over != "environment" {
			s.env.Notef("%s", sentence(o))
		}
	}
}

// sentence is an outcome in words.
func sentence(o api.Outcome) string {
	text := strings.TrimSpace(fmt.Sprintf("%s %s: %s", o.Secret, o.Target, o.State))
	if o.With != "" {
		text += " with " + o.With
	}
	if o.Over != "" {
		text += " over " + o.Over
	}
	if o.Why != "" {
		text += ": " + o.Why
	}
	return text
}

// report sends what became of the deliveries while the child starts already: it
// is for looking back, what left the vault stands in the audit trail before.
func (s *session) report() {
	s.reported = make(chan struct{})
	go func() {
		defer close(s.reported)
		s.send(s.outcomes)
	}()
}

func (s *session) send(outcomes []api.Outcome) {
	if len(outcomes) == 0 {
		return
	}
	if err := s.ws.Report(s.ctx, api.Report{Version: s.manifest.Version, Outcomes: outcomes}); err != nil {
		s.env.Notef("the report of what was delivered could not be kept: %s", publicError(err).Message)
	}
}

// close takes everything back, on every way out.
func (s *session) close() {
	defer s.signals.Stop()
	if s.reported != nil {
		<-s.reported
	}
	s.takeBack()
	if s.rest != nil {
		s.rest()
	}
	s.leave()
	if s.transport != nil {
		s.transport.CloseIdleConnections()
	}
}

func (s *session) takeBack() {
	if s.files != nil {
		gone := s.files.Close(s.ctx)
		for _, o := range gone {
			if o.State != "removed" {
				s.env.Notef("%s", sentence(o))
			}
		}
		s.send(gone)
	}
	if s.guard == nil {
		return
	}
	repaired, err := s.guard.Close()
	for _, path := range repaired {
		s.env.Notef("the client rewrote %s without the entries it could not see; they are back", path)
	}
	if err != nil {
		s.env.Notef("a file of the client lost entries that could not be put back: %v", err)
	}
}

// userHome is the directory that "~/" stands for.
func (e *Env) userHome() string {
	if runtime.GOOS == "windows" {
		return e.Getenv("USERPROFILE")
	}
	return e.Getenv("HOME")
}

// asFile is the stream for a child to inherit; nil where it is none.
func asFile(stream any) *os.File {
	f, _ := stream.(*os.File)
	return f
}

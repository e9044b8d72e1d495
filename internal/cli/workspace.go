package cli

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
	"keyfob/internal/core"
)

func workspaceCommand(e *Env) *cobra.Command {
	var user string
	c := &cobra.Command{
		Use: "workspace", Short: "Workspaces: places where an agent runs, each with keys of its own",
		Long: "A workspace is a place where an agent runs. keyfob run makes one for a command and ends it\n" +
			"after; what runs elsewhere gets one here, and takes its keys along.\n\n" +
			"A launcher, with its key in " + tokenVariable + ", makes and sees workspaces of the user that --user\n" +
			"names: those that it made itself.",
	}
	asGroup(c)
	c.PersistentFlags().StringVar(&user, "user", "", "as a launcher: for the user `NAME`")
	at := func(ctx context.Context) (*client.Client, error) {
		if user == "" && strings.HasPrefix(e.Getenv(tokenVariable), core.LauncherPrefix) {
			return nil, withHint(usagef("%s holds a launcher's key, which acts for a user", tokenVariable), "add: --user NAME")
		}
		cl, err := e.Client(ctx)
		if err == nil && user != "" {
			cl = cl.For(user)
		}
		return cl, err
	}
	c.AddCommand(
		workspaceListCommand(e, at), workspaceShowCommand(e, at), workspaceCreateCommand(e, at),
		workspaceLabelCommand(e, at), workspaceRotateCommand(e, at), workspaceStopCommand(e, at),
	)
	return c
}

// placer gives the client for the workspaces that are meant.
type placer func(ctx context.Context) (*client.Client, error)

func workspaceListCommand(e *Env, at placer) *cobra.Command {
	var q client.WorkspaceQuery
	var labels []string
	c := &cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List live workspaces, newest first",
		Example: "  keyfob workspace list --label team=web --ended",
		Args:    argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if q.Labels, err = labelsOf(labels); err != nil {
				return err
			}
			if q.Launcher != "" && c.Flags().Changed("user") {
				return withHint(usagef("--launcher is for who is none"), "leave it out: a launcher sees what it made itself")
			}
			return e.workspaceList(c.Context(), at, q)
		},
	}
	c.Flags().BoolVar(&q.Ended, "ended", false, "list those that have ended too")
	c.Flags().StringArrayVar(&labels, "label", nil, "those alone that have a label `KEY=VALUE`; may be repeated")
	c.Flags().StringVar(&q.Launcher, "launcher", "", "those alone that the launcher `NAME` made")
	return c
}

func (e *Env) workspaceList(ctx context.Context, at placer, q client.WorkspaceQuery) error {
	cl, err := at(ctx)
	if err != nil {
		return err
	}
	list := []api.Workspace{}
	for w, err := range cl.Workspaces(ctx, q) {
		if err != nil {
			return err
		}
		list = append(list, w)
	}
	return e.Print(api.WorkspaceList{Workspaces: list}, func() { e.workspaceTable(list, q) })
}

// workspaceTable knows of an empty list whether there may be others.
func (e *Env) workspaceTable(list []api.Workspace, q client.WorkspaceQuery) {
	rows := make([][]string, 0, len(list))
	for _, w := range list {
		rows = append(rows, []string{w.ID, core.Selector(w.Labels).String(), localTime(w.CreatedAt), workspaceState(w), w.Launcher})
	}
	none := "no workspace is live; keyfob run -- COMMAND makes one while COMMAND runs"
	switch {
	case len(q.Labels) > 0 || q.Launcher != "":
		none = noSuchWorkspace(q) + "; keyfob workspace list shows all that are live"
	case q.Ended:
		none = "there was no workspace yet; keyfob run -- COMMAND makes one while COMMAND runs"
	}
	e.TableOr(none, []string{"ID", "LABELS", "SINCE", "STATE", "LAUNCHER"}, rows)
}

// noSuchWorkspace says of a query what no workspace has.
func noSuchWorkspace(q client.WorkspaceQuery) string {
	none := "no live workspace "
	if q.Ended {
		none = "no workspace, live or ended, "
	}
	switch {
	case q.Launcher == "":
		return none + "has these labels"
	case len(q.Labels) == 0:
		return none + "is this launcher's"
	}
	return none + "has these labels and is this launcher's"
}

func workspaceState(w api.Workspace) string {
	switch {
	case !w.EndedAt.IsZero():
		return "ended " + localTime(w.EndedAt)
	case w.ExpiresAt.IsZero():
		return "live"
	case w.ExpiresAt.Before(time.Now()):
		return "expired " + localTime(w.ExpiresAt)
	}
	return "live until " + localTime(w.ExpiresAt)
}

func workspaceShowCommand(e *Env, at placer) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a workspace, without its keys",
		Args: argCount(1, 1, "ID"), ValidArgsFunction: e.completeWorkspaces(at),
		RunE: func(c *cobra.Command, args []string) error {
			_, w, err := getWorkspace(c.Context(), at, args[0])
			if err != nil {
				return err
			}
			return e.Print(w, func() { e.workspaceFields(w) })
		},
	}
}

func getWorkspace(ctx context.Context, at placer, id string) (*client.Client, api.Workspace, error) {
	if err := plainID(id, "workspace"); err != nil {
		return nil, api.Workspace{}, err
	}
	cl, err := at(ctx)
	if err != nil {
		return nil, api.Workspace{}, err
	}
	w, err := cl.GetWorkspace(ctx, id)
	return cl, w, err
}

func (e *Env) workspaceFields(w api.Workspace) {
	e.Fields([][2]string{
		{"id", w.ID}, {"labels", core.Selector(w.Labels).String()}, {"namespace", w.Namespace},
		{"gateway", yesNo(w.Gateway)}, {"launcher", w.Launcher}, {"state", workspaceState(w)},
		{"version", fmt.Sprint(w.Version)}, {"created", localTime(w.CreatedAt)}, {"updated", localTime(w.UpdatedAt)},
	}...)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func workspaceCreateCommand(e *Env, at placer) *cobra.Command {
	var f runFlags
	var life string
	c := &cobra.Command{
		Use: "create", Short: "Make a workspace, and print its keys this once",
		Long: "Make a workspace and print its keys on standard output, this once, as the variables that\n" +
			"processes in it need. Whoever has the session key gets what the workspace receives.",
		Example: "  keyfob workspace create --label team=web --expires 8h >workspace.env",
		Args:    argCount(0, 0, ""),
		RunE:    func(c *cobra.Command, _ []string) error { return e.workspaceCreate(c.Context(), at, f, life) },
	}
	f.bindWorkspace(c)
	c.Flags().StringVar(&life, "expires", "", "its keys are good for a `DURATION` such as 8h or 2d, unless it is renewed (default until it is stopped)")
	return c
}

func (e *Env) workspaceCreate(ctx context.Context, at placer, f runFlags, life string) error {
	in, err := f.spec(nil)
	if err != nil {
		return err
	}
	if life != "" {
		d, err := parseLength("--expires", life)
		if err != nil {
			return err
		}
		in.Seconds = api.SecondsOf(d)
	}
	cl, err := at(ctx)
	if err != nil {
		return err
	}
	w, err := cl.CreateWorkspace(ctx, in)
	if err != nil {
		return err
	}
	return e.printKeys(w, "made the workspace "+w.ID)
}

// printKeys prints both keys as variables, which is what they are for.
func (e *Env) printKeys(w api.WorkspaceCreated, line string) error {
	if e.JSON() {
		return e.Print(w, nil)
	}
	e.Notef("%s, %s; its keys are not shown again", line, workspaceState(w.Workspace))
	var b strings.Builder
	if e.srv != nil {
		fmt.Fprintf(&b, "%s=%s\n", urlVariable, e.srv.url)
	} else {
		e.Notef("add %s yourself, the address of the keyfob serve that runs on this vault", urlVariable)
	}
	fmt.Fprintf(&b, "KEYFOB_WORKSPACE=%s\n%s=%s\n", w.ID, sessionKeyVariable, w.SessionKey.Bytes())
	if !w.GatewayKey.IsZero() {
		fmt.Fprintf(&b, "KEYFOB_GATEWAY_KEY=%s\n", w.GatewayKey.Bytes())
	}
	return e.write([]byte(b.String()))
}

func workspaceLabelCommand(e *Env, at placer) *cobra.Command {
	return &cobra.Command{
		Use: "label ID KEY=VALUE…", Short: "Set labels of a workspace, or take them away: KEY-",
		Long:    "Set the labels that are named and keep the others; KEY- takes one away. Which secrets the\n" + "workspace receives follows its labels.",
		Example: "  keyfob workspace label ws_abc team=web stage-",
		Args:    argCount(2, -1, "ID KEY=VALUE…"), ValidArgsFunction: e.completeWorkspaces(at),
		RunE: func(c *cobra.Command, args []string) error {
			cl, w, err := getWorkspace(c.Context(), at, args[0])
			if err != nil {
				return err
			}
			labels, err := relabelled(w.Labels, args[1:])
			if err != nil {
				return err
			}
			w, err = cl.UpdateWorkspace(c.Context(), w.ID, api.WorkspaceUpdate{Labels: &labels}, client.Seen(w.Version))
			if err != nil {
				return err
			}
			e.keptLabels(w, args[1:])
			return e.Print(w, func() { e.Printf("%s: %s", w.ID, orNone(core.Selector(w.Labels).String())) })
		},
	}
}

// keptLabels says which labels were to go and stay: those that a launcher's
// workspaces always carry.
func (e *Env) keptLabels(w api.Workspace, changes []string) {
	for _, ch := range changes {
		k, off := strings.CutSuffix(ch, "-")
		if v, there := w.Labels[k]; off && there {
			e.Notef("%s=%s stays: the server's configuration gives it to every workspace of the launcher %s", k, v, w.Launcher)
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// relabelled is the labels with the changes made.
func relabelled(old map[string]string, changes []string) (map[string]string, error) {
	out := map[string]string{}
	maps.Copy(out, old)
	for _, ch := range changes {
		if k, ok := strings.CutSuffix(ch, "-"); ok && !strings.Contains(ch, "=") {
			if _, there := out[k]; !there {
				return nil, withHint(usagef("there is no such label to take away"), "keyfob workspace show ID shows them")
			}
			delete(out, k)
			continue
		}
		one, err := labelsOf([]string{ch})
		if err != nil {
			return nil, err
		}
		maps.Copy(out, one)
	}
	return out, nil
}

func workspaceRotateCommand(e *Env, at placer) *cobra.Command {
	return &cobra.Command{
		Use: "rotate ID", Short: "Replace both keys of a workspace, and print the new ones this once",
		Args: argCount(1, 1, "ID"), ValidArgsFunction: e.completeWorkspaces(at),
		RunE: func(c *cobra.Command, args []string) error {
			cl, w, err := getWorkspace(c.Context(), at, args[0])
			if err != nil {
				return err
			}
			made, err := cl.RotateWorkspace(c.Context(), w.ID, client.Seen(w.Version))
			if err != nil {
				return err
			}
			return e.printKeys(made, "replaced the keys of "+made.ID)
		},
	}
}

func workspaceStopCommand(e *Env, at placer) *cobra.Command {
	return &cobra.Command{
		Use: "stop ID", Short: "End a workspace: both its keys stop working at once",
		Args: argCount(1, 1, "ID"), ValidArgsFunction: e.completeWorkspaces(at),
		RunE: func(c *cobra.Command, args []string) error {
			cl, w, err := getWorkspace(c.Context(), at, args[0])
			if err != nil {
				return err
			}
			if err := cl.EndWorkspace(c.Context(), w.ID, client.Any); err != nil {
				return err
			}
			return e.Print(map[string]string{"stopped": w.ID}, func() { e.Printf("stopped %s", w.ID) })
		},
	}
}

func (e *Env) completeWorkspaces(at placer) cobra.CompletionFunc {
	known := func(ctx context.Context) (*client.Client, error) {
		if _, err := e.existing(ctx); err != nil {
			return nil, err
		}
		return at(ctx)
	}
	return func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return complete(c, args, known, (*client.Client).ListWorkspaces, func(w api.Workspace) (string, string) {
			return w.ID, core.Selector(w.Labels).String()
		})
	}
}

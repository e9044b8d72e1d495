package cli

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/client"
)

func llmCommand(e *Env) *cobra.Command {
	c := &cobra.Command{
		Use: "llm", Short: "LLM profiles: which model, of which pool, with which parameters",
		Long: "An LLM profile names a model, the pool that serves it and its parameters. One of them is\n" +
			"active. They are kept for programs that read them through the API; keyfob run sets no client\n" +
			"up by them.",
	}
	asGroup(c)
	c.AddCommand(llmSetCommand(e), llmListCommand(e), llmShowCommand(e), llmUseCommand(e), llmRmCommand(e))
	return c
}

type llmFlags struct{ model, provider, namespace, parameters string }

func llmSetCommand(e *Env) *cobra.Command {
	var f llmFlags
	c := &cobra.Command{
		Use: "set NAME --model MODEL --provider PROVIDER", Short: "Make an LLM profile, or change one",
		Long:    "Make an LLM profile, or change what the flags name of one that is there. The first one is\n" + "active from the start.",
		Example: "  keyfob llm set review --model claude-opus-4 --provider anthropic --parameters '{\"temperature\":0}'",
		Args:    argCount(1, 1, "NAME --model MODEL --provider PROVIDER"), ValidArgsFunction: e.completeProfiles,
		RunE: func(c *cobra.Command, args []string) error { return e.llmSet(c, args[0], &f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.model, "model", "", "the `MODEL`, as the provider names it")
	fl.StringVar(&f.provider, "provider", "", "the `PROVIDER` of the pool that serves it")
	fl.StringVar(&f.namespace, "namespace", "", "the `NAMESPACE` of that pool (default \"default\")")
	fl.StringVar(&f.parameters, "parameters", "", "a JSON `OBJECT` with parameters; {} clears")
	return c
}

func (e *Env) llmSet(c *cobra.Command, name string, f *llmFlags) error {
	if err := plainName(name, "an LLM profile"); err != nil {
		return err
	}
	parameters, err := jsonObject(f.parameters)
	if err != nil {
		return err
	}
	ctx := c.Context()
	cl, err := e.Client(ctx)
	if err != nil {
		return err
	}
	old, err := cl.GetProfile(ctx, name)
	if errors.Is(err, &api.Error{Code: api.CodeNotFound}) {
		if f.model == "" || f.provider == "" {
			return withHint(usagef("a new LLM profile takes a model and a provider"), "write: keyfob llm set NAME --model MODEL --provider PROVIDER")
		}
		p, err := cl.CreateProfile(ctx, api.ProfileCreate{Name: name, Model: f.model, Provider: f.provider, Namespace: f.namespace, Parameters: parameters})
		return e.profileDone(p, err, "made")
	}
	if err != nil {
		return err
	}
	u := f.update(c, parameters)
	if reflect.ValueOf(u).IsZero() {
		return withHint(usagef("there is nothing to change"), "name a change: --model, --provider, --namespace or --parameters")
	}
	p, err := cl.UpdateProfile(ctx, name, u, client.Seen(old.Version))
	return e.profileDone(p, err, "changed")
}

func (f *llmFlags) update(c *cobra.Command, parameters json.RawMessage) api.ProfileUpdate {
	var u api.ProfileUpdate
	if c.Flags().Changed("model") {
		u.Model = &f.model
	}
	if c.Flags().Changed("provider") {
		u.Provider = &f.provider
	}
	if c.Flags().Changed("namespace") {
		u.Namespace = &f.namespace
	}
	if c.Flags().Changed("parameters") {
		u.Parameters = &parameters
	}
	return u
}

// jsonObject is nil for an empty text.
func jsonObject(s string) (json.RawMessage, error) {
	var m map[string]json.RawMessage
	if s == "" {
		return nil, nil
	}
	if json.Unmarshal([]byte(s), &m) != nil || m == nil {
		return nil, withHint(usagef("--parameters is not a JSON object"), `write it as --parameters '{"temperature":0.2}'`)
	}
	return json.RawMessage(s), nil
}

// plainName refuses what cannot be a name before a path is made of it.
func plainName(name, of string) error {
	if name == "" || name == "." || name == ".." {
		return withHint(usagef("that cannot be the name of %s", of), "give it a name of letters, digits and - _ .")
	}
	return nil
}

func (e *Env) profileDone(p api.Profile, err error, verb string) error {
	if err != nil {
		return err
	}
	return e.Print(p, func() { e.Printf("%s %s: %s", verb, Clean(p.Name), Clean(profileLine(p))) })
}

func profileLine(p api.Profile) string {
	line := p.Model + " of " + p.Provider
	if p.Namespace != "" && p.Namespace != "default" {
		line += "/" + p.Namespace
	}
	if p.Active {
		line += ", active"
	}
	return line
}

func llmListCommand(e *Env) *cobra.Command {
	return listCommand("List LLM profiles", e.Client, (*client.Client).ListProfiles, func(list []api.Profile) error {
		return e.Print(api.ProfileList{Profiles: list}, func() { e.profileTable(list) })
	})
}

func (e *Env) profileTable(list []api.Profile) {
	if len(list) == 0 {
		e.Notef("there are no LLM profiles yet; make one with: keyfob llm set NAME --model MODEL --provider PROVIDER")
		return
	}
	rows := make([][]string, 0, len(list))
	for _, p := range list {
		mark := ""
		if p.Active {
			mark = "active"
		}
		rows = append(rows, []string{p.Name, p.Model, p.Provider + "/" + p.Namespace, mark})
	}
	e.Table([]string{"NAME", "MODEL", "POOL", ""}, rows)
}

func llmShowCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show an LLM profile",
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeProfiles,
		RunE: e.onProfile(func(ctx context.Context, cl *client.Client, name string) error {
			p, err := cl.GetProfile(ctx, name)
			if err != nil {
				return err
			}
			return e.Print(p, func() {
				e.Fields([][2]string{
					{"name", p.Name}, {"model", p.Model}, {"pool", p.Provider + "/" + p.Namespace}, {"active", yesNo(p.Active)},
					{"parameters", string(p.Parameters)}, {"created", localTime(p.CreatedAt)}, {"updated", localTime(p.UpdatedAt)},
				}...)
			})
		}),
	}
}

// onProfile is the body of every command that acts on one LLM profile.
func (e *Env) onProfile(fn func(context.Context, *client.Client, string) error) func(*cobra.Command, []string) error {
	return on(e.Client, func(name string) (string, error) { return name, plainName(name, "an LLM profile") }, fn)
}

func llmUseCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "use NAME", Short: "Make an LLM profile the active one",
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeProfiles,
		RunE: e.onProfile(func(ctx context.Context, cl *client.Client, name string) error {
			p, err := cl.UseProfile(ctx, name)
			return e.profileDone(p, err, "now")
		}),
	}
}

func llmRmCommand(e *Env) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: "rm NAME", Short: "Remove an LLM profile",
		Args: argCount(1, 1, "NAME"), ValidArgsFunction: e.completeProfiles,
		RunE: e.onProfile(func(ctx context.Context, cl *client.Client, name string) error {
			p, err := cl.GetProfile(ctx, name)
			if err != nil {
				return err
			}
			if err := e.ConfirmLoss(ctx, yes, "Remove the LLM profile "+p.Name+"?"); err != nil {
				return err
			}
			if err := cl.DeleteProfile(ctx, p.Name, client.Seen(p.Version)); err != nil {
				return err
			}
			return e.removed("llm profile", p.Name)
		}),
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "remove without asking; needed without a terminal")
	return c
}

func (e *Env) completeProfiles(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return complete(c, args, e.known, (*client.Client).ListProfiles, func(p api.Profile) (string, string) { return Clean(p.Name), Clean(p.Model) })
}

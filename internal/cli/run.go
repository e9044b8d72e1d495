package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/internal/deliver"
)

// runFlags is what run was asked for.
type runFlags struct {
	namespace    string
	labels       []string
	only, except []string
	providers    []string
	keepEnv      []string
	noGateway    bool
	overwrite    bool
	printEnv     bool
	join         bool
}

func runCommand(e *Env) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use: "run [flags] -- COMMAND [ARGUMENT…]", Short: "Run a command with your secrets delivered and your accounts behind the gateway",
		Long: "Run a command in a workspace of its own: secrets arrive as variables and files, and clients\n" +
			"are pointed at a gateway that puts your accounts' keys on their requests and fails over\n" +
			"between them: one on 127.0.0.1, or the server's where you are signed in to one. opencode,\n" +
			"claude, codex, gemini and qwen are set up as each needs it; any other command gets the\n" +
			"variables for all providers with an enabled account.\n\n" +
			"Your own real provider keys are taken out of the command's environment, and named. Signals,\n" +
			"the terminal and the exit code are passed on. Everything is removed when the command ends;\n" +
			"after a kill -9, when keyfob starts next.\n\n" +
			"Labels select secrets; they also come from \"labels:\" in a keyfob.yaml in the working\n" +
			"directory or above it, within its repository. A flag beats the file.\n\n" +
			"Inside a workspace, with --join or where this machine has no vault and no login, the command\n" +
			"joins that workspace: it gets what the workspace receives, and the workspace does not expire\n" +
			"while it runs. It ends when whoever made it ends it, and a run that goes on says so. Elsewhere\n" +
			"the workspace is a new one, and the command says so.\n\n" +
			"Exit code: the command's, or 128 and the number of the signal that ended it; before it\n" +
			"started, 125 for a failure of keyfob's own, 126 if it cannot be executed, 127 if it is not\n" +
			"found.",
		Example: "  keyfob run -- opencode\n  keyfob run --only NPM_TOKEN -- npm publish\n  keyfob run --provider openai=openrouter --print-env -- qwen",
		Args: func(c *cobra.Command, args []string) error {
			return argCount(1, -1, "[flags] -- COMMAND [ARGUMENT…]")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error { return e.run(c.Context(), f, args) },
	}
	f.bind(c)
	return c
}

func (f *runFlags) bind(c *cobra.Command) {
	fl := c.Flags()
	fl.SetInterspersed(false) // what follows the command is the command's own
	f.bindWorkspace(c)
	fl.StringSliceVar(&f.keepEnv, "keep-env", nil, "leave the variables `NAME,...` of yours as they are, even real keys")
	fl.BoolVar(&f.overwrite, "overwrite", false, "move a file that stands where a secret goes aside, and restore it at the end")
	fl.BoolVar(&f.join, "join", false, "join the workspace that this is inside of, whatever vault or login there is")
	fl.BoolVar(&f.printEnv, "print-env", false, "print what the command would get, without values, and do not start it")
}

// bindWorkspace binds what says which workspace it is to be.
func (f *runFlags) bindWorkspace(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.namespace, "namespace", "", "the `NAMESPACE` of the accounts to use (default \"default\")")
	fl.StringArrayVar(&f.labels, "label", nil, "a label `KEY=VALUE` of the workspace; may be repeated")
	fl.StringSliceVar(&f.only, "only", nil, "deliver the secrets `NAME,...` alone")
	fl.StringSliceVar(&f.except, "except", nil, "deliver all secrets but `NAME,...`")
	fl.StringArrayVar(&f.providers, "provider", nil, "let another provider's accounts answer, `FROM=TO` such as openai=openrouter; may be repeated")
	fl.BoolVar(&f.noGateway, "no-gateway", false, "deliver secrets only; leave clients and your own keys alone")
	c.MarkFlagsMutuallyExclusive("only", "except")
}

// run reports its own failures with the codes of run: the caller must be able
// to tell them from the command's.
func (e *Env) run(ctx context.Context, f runFlags, args []string) error {
	start := e.runChild
	if f.printEnv {
		start = e.runPrint
	}
	code, err := start(ctx, f, args)
	if err != nil {
		e.printError(publicError(err))
	}
	if code == 0 {
		return nil
	}
	return Exit(code)
}

// runChild gives the code to exit with, also where it gives an error.
func (e *Env) runChild(ctx context.Context, f runFlags, args []string) (code int, err error) {
	s, err := e.openSession(ctx, f)
	if err != nil {
		return deliver.ExitFailed, err
	}
	defer s.close()
	if err := s.deliver(args); err != nil {
		return deliver.ExitFailed, err
	}
	s.tell()
	s.report()
	return deliver.Command{
		Args: s.plan.Command, Env: s.plan.Environ(),
		Stdin: asFile(e.Stdin), Stdout: asFile(e.Stdout), Stderr: asFile(e.Stderr),
	}.Run(s.signals)
}

// spec is the workspace that the flags and the repository ask for.
func (f runFlags) spec(fromFile map[string]string) (api.WorkspaceCreate, error) {
	labels, err := labelsOf(f.labels)
	if err != nil {
		return api.WorkspaceCreate{}, err
	}
	for k, v := range fromFile {
		if _, set := labels[k]; !set {
			labels[k] = v
		}
	}
	providers, err := f.redirects()
	return api.WorkspaceCreate{
		Labels: labels, Namespace: f.namespace, Only: f.only, Except: f.except, Providers: providers,
		Gateway: !f.noGateway,
	}, err
}

func (f runFlags) redirects() (map[string]string, error) {
	out := map[string]string{}
	for _, p := range f.providers {
		from, to, ok := strings.Cut(p, "=")
		if !ok || from == "" || to == "" {
			return nil, withHint(usagef("--provider names two providers"), "write it as --provider openai=openrouter")
		}
		if _, twice := out[from]; twice {
			return nil, withHint(usagef("--provider is given twice for %s", plainWord(from)), "give it once for each provider")
		}
		out[from] = to
	}
	return out, nil
}

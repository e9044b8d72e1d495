package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"keyfob/api"
	"keyfob/internal/deliver"
	"keyfob/keyfobtest"
)

func demoCommand(e *Env) *cobra.Command {
	var child string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Show every delivery and a live failover, with nothing of yours",
		Long: "Shows what Keyfob does, in a temporary home with made-up values: a secret delivered by\n" +
			"variable, file and lookup, and a request that fails over from a rate-limited account to\n" +
			"the next one. The provider is a server on 127.0.0.1; nothing leaves this machine.\n" +
			"Exits with 0 only if everything that it claims happened.",
		Args: argCount(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			if child != "" {
				return demoChild(c.Context(), e, child)
			}
			return runDemo(c.Context(), e)
		},
	}
	c.Flags().StringVar(&child, "child", "", "be the process that the demo starts, and write what it got to this file")
	_ = c.Flags().MarkHidden("child")
	return c
}

// demo is one demonstration: its own home, provider and made-up values.
type demo struct {
	env      *Env // of the demonstration, not of the user
	out      *Env // where it is told
	dir      string
	provider *keyfobtest.Provider
	values   demoValues
	told     int // requests of the provider that were told
}

// demoValues differ at every run, so that nothing shown can be a fixed text.
type demoValues struct{ variable, file, lookup, workKey, personalKey string }

func newDemoValues() demoValues {
	random := func(prefix string) string { return prefix + strings.ToLower(rand.Text()) }
	return demoValues{
		variable: random("npm_"), file: "token: " + random("kube-") + "\n", lookup: random("db-"),
		workKey: random("sk-ant-work-"), personalKey: random("sk-ant-personal-"),
	}
}

const (
	demoVariable = "NPM_TOKEN"
	demoFile     = "~/.config/demo/credentials"
	demoLookup   = "DB_PASSWORD"
)

func runDemo(ctx context.Context, e *Env) (err error) {
	// Its directory goes on every way out: at a signal, and where whoever read
	// the story has gone.
	defer deliver.CatchSignals().Stop()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	d, err := newDemo(e)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := d.close(ctx); err == nil {
			err = cerr
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	if err := d.setUp(ctx); err != nil {
		return err
	}
	got, err := d.runChild(ctx)
	if err != nil {
		return err
	}
	return d.conclude(ctx, got)
}

func newDemo(e *Env) (*demo, error) {
	dir, err := os.MkdirTemp("", "keyfob-demo-")
	if err != nil {
		return nil, fileError("cannot make a directory in", os.TempDir(), err)
	}
	d := &demo{out: e, dir: dir, values: newDemoValues()}
	d.env = &Env{Stdin: strings.NewReader(""), Stdout: e.Stdout, Stderr: e.Stderr, Environ: d.environ(), Output: OutputText}
	if err := os.Mkdir(d.userHome(), 0o700); err != nil {
		return nil, fileError("cannot make", d.userHome(), err)
	}
	d.provider, err = keyfobtest.StartProvider(keyfobtest.Options{Accounts: []keyfobtest.Account{
		{Name: "work", Key: d.values.workKey, Then: keyfobtest.RateLimited(time.Hour)},
		{Name: "personal", Key: d.values.personalKey},
	}})
	return d, err
}

func (d *demo) userHome() string { return filepath.Join(d.dir, "home") }

// environ is the user's environment with the demonstration's homes, and
// without a vault key or provider keys of the user's own.
func (d *demo) environ() []string {
	out := []string{"HOME=" + d.userHome(), "KEYFOB_HOME=" + filepath.Join(d.dir, "keyfob")}
	for _, kv := range d.out.Environ {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case name == "HOME", strings.HasPrefix(name, "KEYFOB_"), strings.HasPrefix(name, "XDG_"), strings.HasSuffix(name, "_API_KEY"):
		default:
			out = append(out, kv)
		}
	}
	return out
}

func (d *demo) close(ctx context.Context) error {
	err := d.env.close(context.WithoutCancel(ctx))
	if d.provider != nil {
		_ = d.provider.Close()
	}
	if rerr := os.RemoveAll(d.dir); err == nil && rerr != nil {
		err = fileError("cannot remove", d.dir, rerr)
	}
	return err
}

// say tells the story, to people only.
func (d *demo) say(format string, args ...any) {
	if !d.out.JSON() {
		d.out.Printf(format, args...)
	}
}

// setUp does what the commands that it names do.
func (d *demo) setUp(ctx context.Context) error {
	d.say("1  A vault, in a temporary directory: everything in it is encrypted.")
	c, err := d.env.Client(ctx)
	if err != nil {
		return err
	}
	d.say("\n2  Three secrets and two accounts of one provider. The first account is over its limit.")
	for _, s := range []api.SecretCreate{
		{Name: demoVariable, Env: demoVariable, Value: api.NewValue([]byte(d.values.variable))},
		{Name: "demo-credentials", File: demoFile, Value: api.NewValue([]byte(d.values.file))},
		{Name: demoLookup, Lookup: true, Value: api.NewValue([]byte(d.values.lookup))},
	} {
		if _, err := c.CreateSecret(ctx, s); err != nil {
			return fmt.Errorf("set secret %s: %w", s.Name, err)
		}
	}
	d.say("   keyfob secret set %s --env %s", demoVariable, demoVariable)
	d.say("   keyfob secret set demo-credentials --file '%s'", demoFile)
	d.say("   keyfob secret set %s --lookup", demoLookup)
	for _, a := range []api.AccountCreate{
		{Provider: "anthropic", Label: "work", BaseURL: d.provider.URL(), Key: api.NewValue([]byte(d.values.workKey))},
		{Provider: "anthropic", Label: "personal", BaseURL: d.provider.URL(), Key: api.NewValue([]byte(d.values.personalKey))},
	} {
		if _, err := c.CreateAccount(ctx, a); err != nil {
			return fmt.Errorf("add account %s: %w", a.Label, err)
		}
		d.say("   keyfob account add anthropic --label %s", a.Label)
	}
	return nil
}

// conclude checks every claim against what really happened.
func (d *demo) conclude(ctx context.Context, got childReport) error {
	claims, err := d.claims(ctx, got)
	if err != nil {
		return err
	}
	failed := 0
	d.say("\n4  What that proves, checked:")
	for _, c := range claims {
		mark := "yes"
		if !c.Held {
			mark, failed = "NO ", failed+1
		}
		d.say("   %s  %s", mark, c.Claim)
	}
	if d.out.JSON() {
		if err := d.out.Print(claims, nil); err != nil {
			return err
		}
	}
	if failed > 0 {
		return &api.Error{Code: api.CodeInternal, Message: fmt.Sprintf("%d of %d claims did not hold", failed, len(claims)), Hint: "this is a fault of Keyfob's: please report it"}
	}
	d.say("\nThe same for real:\n" +
		"   keyfob account add anthropic --label work      # asks for the key; as many accounts as you have\n" +
		"   keyfob secret set NPM_TOKEN --env NPM_TOKEN    # asks for the value\n" +
		"   keyfob run -- opencode                         # or claude, codex, npm publish, any command")
	return nil
}

package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"keyfob/internal/app"
	"keyfob/internal/config"
	"keyfob/internal/core"
)

func serveCommand(e *Env) *cobra.Command {
	var file string
	var check bool
	c := &cobra.Command{
		Use: "serve", Short: "Be a server: the same for many users, over HTTP",
		Long: "Serve this machine's vault to many users. With nothing configured it listens on this machine\n" +
			"alone and prints a link that signs a browser in, once, and a code for keyfob login. Each\n" +
			"flag may also be a variable (--public-url: KEYFOB_PUBLIC_URL) or a key of the file\n" +
			"(public_url), in this order. The log goes to standard error.\n\n" +
			"SIGINT and SIGTERM let requests in flight finish; the same again ends at once. SIGHUP reads\n" +
			"the TLS certificate anew, as a change of its file does.",
		Example: "  keyfob serve\n  keyfob serve --config /etc/keyfob/keyfob.yaml --check",
		Args:    argCount(0, 0, ""),
	}
	c.Flags().StringVar(&file, "config", "", "the configuration `FILE`, YAML; by default what "+config.FileVariable+" names")
	c.Flags().BoolVar(&check, "check", false, "say what is wrong with the configuration, or show what is in effect, and serve nothing")
	flags := bindSettings(c.Flags())
	c.RunE = func(c *cobra.Command, _ []string) error {
		settings, err := config.Load(file, e.Environ, flags(c.Flags()))
		if err == nil && check {
			err = e.serveCheck(settings)
		}
		if check {
			return checked(err)
		}
		if err != nil {
			return err
		}
		return e.serve(c.Context(), settings)
	}
	return c
}

// checked does not advise to do what was just done.
func checked(err error) error {
	if err == nil {
		return nil
	}
	out := publicError(err)
	if out.Reason == "configuration" {
		out.Hint = "mend what is named above; docs/operations.md has examples"
	}
	return out
}

// bindSettings makes a flag of every setting that can be one, and gives what
// reads those that were given.
func bindSettings(f *pflag.FlagSet) func(*pflag.FlagSet) map[string]string {
	settings := config.Settings()
	for _, s := range settings {
		switch {
		case s.FileOnly:
		case s.Switch():
			f.Bool(s.Flag(), false, s.Usage)
		default:
			f.String(s.Flag(), s.Default, s.Usage)
			fl := f.Lookup(s.Flag())
			fl.Value = placed{fl.Value, strings.ReplaceAll(s.Placeholder, "…", "...")}
		}
	}
	return func(f *pflag.FlagSet) map[string]string {
		given := map[string]string{}
		for _, s := range settings {
			if fl := f.Lookup(s.Flag()); fl != nil && fl.Changed {
				given[s.Key] = fl.Value.String()
			}
		}
		return given
	}
}

// placed is a flag's value with a placeholder that its usage text does not hold.
type placed struct {
	pflag.Value
	placeholder string
}

// Type is what pflag shows behind the flag's name.
func (p placed) Type() string { return p.placeholder }

// settingLine is a setting in what `serve --check` prints as JSON.
type settingLine struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	From  string `json:"from"`
}

type serveChecked struct {
	Settings []settingLine `json:"settings"`
	Notes    []string      `json:"notes"`
}

func (e *Env) serveCheck(s config.Server) error {
	cfg, err := e.config()
	if err != nil {
		return err
	}
	notes, err := app.Check(cfg.Home, s)
	if err != nil {
		return err
	}
	out := serveChecked{Settings: []settingLine{}, Notes: append([]string{}, notes...)}
	rows := [][]string{}
	for _, l := range s.Lines() {
		out.Settings = append(out.Settings, settingLine(l))
		rows = append(rows, []string{l.Key, l.Value, l.From})
	}
	return e.Print(out, func() {
		e.Table([]string{"SETTING", "VALUE", "FROM"}, rows)
		for _, n := range notes {
			e.Notef("note: %s", n)
		}
	})
}

func (e *Env) serve(ctx context.Context, settings config.Server) (err error) {
	s, err := e.openServer(ctx, settings)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := s.Close(context.WithoutCancel(ctx)); err == nil {
			err = cerr
		}
	}()
	err = s.RunUntilSignal(ctx, func(r app.Ready) {
		l := linksOf(r)
		e.lost = errors.Join(e.lost, e.Print(l, func() {
			e.Printf("serving at %s", Clean(l.URL))
			if l.Metrics != "" {
				e.Printf("metrics at %s", Clean(l.Metrics))
			}
			e.printLinks(l)
		}))
	})
	return err
}

// openServer makes the vault where there is none yet, as any command does.
func (e *Env) openServer(ctx context.Context, settings config.Server) (*app.Server, error) {
	cfg, err := e.config()
	if err != nil {
		return nil, err
	}
	s, err := app.OpenServer(ctx, cfg, settings, e.Stderr)
	if !errors.Is(err, &core.Error{Code: core.NotFound, Reason: "no_vault"}) {
		return s, err
	}
	if err := e.makeVault(ctx); err != nil {
		return nil, err
	}
	return app.OpenServer(ctx, cfg, settings, e.Stderr)
}

// settingRows is the settings for the reference.
func settingRows() [][]string {
	var rows [][]string
	for _, s := range config.Settings() {
		flag, env := "`--"+s.Flag()+"`", "`"+s.Env()+"`"
		if s.FileOnly {
			flag, env = "", ""
		}
		rows = append(rows, []string{"`" + s.Key + "`", flag, env, s.Usage + defaultText(s.Default)})
	}
	return rows
}

func defaultText(s string) string {
	if s == "" {
		return ""
	}
	return " (default " + s + ")"
}

package deliver

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"runtime"
	"slices"
	"strings"

	"keyfob/api"
)

//go:embed data
var data embed.FS

// preset is how one client is pointed at the gateway. The files in
// data/clients are presets; generic.json serves every command that none names.
type preset struct {
	Name     string   `json:"name"`
	Commands []string `json:"commands"` // base names
	// OwnSubcommands manage the client itself, such as its logins: with one of
	// them as first argument no rule applies.
	OwnSubcommands []string `json:"own_subcommands"`
	// KeepEntries are JSON files of the client whose entries it would drop
	// while a rule hides them from it, see Guard.
	KeepEntries []string `json:"keep_entries"`
	// Login are, by provider, the variables of the client's own login: they are
	// left alone where the gateway does not answer for that provider.
	Login map[string][]string `json:"login"`
	Rules []rule              `json:"rules"`
}

// rule applies to each gateway of its provider, or of its dialect. In its texts
// {base} is the gateway's URL, {provider} the provider and, in Set alone, {key}
// the gateway key.
type rule struct {
	Provider string                    `json:"provider"`
	Dialect  string                    `json:"dialect"`
	Set      map[string]string         `json:"set"`
	Unset    []string                  `json:"unset"`
	Args     []string                  `json:"args"`  // put before the user's own, which can so override them
	Merge    map[string]map[string]any `json:"merge"` // variable to an object that is merged over its JSON
	Write    map[string]map[string]any `json:"write"` // variable to the content of a file of Keyfob's own that it is to name, unless the caller has set it; never a key
}

func (r rule) serves(g api.Gateway) bool {
	if r.Provider != "" {
		return r.Provider == g.Provider
	}
	return r.Dialect == g.Dialect
}

func loadJSON(name string, v any) error {
	b, err := data.ReadFile("data/" + name)
	if err != nil {
		return fmt.Errorf("read the built-in %s: %w", name, err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read the built-in %s: %w", name, err)
	}
	return nil
}

var presetNames = []string{"opencode", "claude", "codex", "gemini", "qwen"}

// presetFor finds the preset of a command by its base name, also through a
// path and with Windows' endings.
func presetFor(command string) (preset, error) {
	base := baseName(command)
	for _, n := range append(slices.Clone(presetNames), "generic") {
		var p preset
		if n != "generic" && !mightServe(n, base) {
			continue
		}
		if err := loadJSON("clients/"+n+".json", &p); err != nil {
			return preset{}, err
		}
		if n == "generic" || slices.Contains(p.Commands, base) {
			return p, nil
		}
	}
	return preset{}, fmt.Errorf("there is no preset for %s", base)
}

// mightServe spares reading every preset: a file is named after its command.
func mightServe(name, base string) bool { return strings.HasPrefix(base, name) }

func baseName(command string) string {
	s := command
	if runtime.GOOS == "windows" {
		s = strings.ReplaceAll(s, `\`, "/")
	}
	s = path.Base(s)
	for _, ext := range []string{".exe", ".cmd", ".bat", ".ps1"} {
		if n := len(s) - len(ext); n > 0 && strings.EqualFold(s[n:], ext) {
			return strings.ToLower(s[:n])
		}
	}
	return s
}

// managesItself says whether the first argument that is no flag is one of the
// client's own subcommands.
func (p preset) managesItself(args []string) bool {
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			return slices.Contains(p.OwnSubcommands, a)
		}
	}
	return false
}

// ownLogin lists the variables to leave alone.
func (p preset) ownLogin(gateways []api.Gateway) []string {
	var out []string
	for provider, vars := range p.Login {
		if !slices.ContainsFunc(gateways, func(g api.Gateway) bool { return g.Provider == provider }) {
			out = append(out, vars...)
		}
	}
	return out
}

package deliver

import (
	"path/filepath"
	"slices"
	"strings"

	"keyfob/api"
	"keyfob/internal/core"
)

// gateways applies the preset's rules for each provider that the gateway
// answers for.
func (b *planner) gateways() error {
	if b.in.GatewayKey.IsZero() {
		return nil
	}
	for _, g := range b.in.Manifest.Gateways {
		b.outcomes = append(b.outcomes, api.Outcome{Delivery: byGateway, Target: g.Provider, State: delivered})
		for _, r := range b.preset.Rules {
			if !b.applies || !r.serves(g) {
				continue
			}
			if err := b.apply(r, g); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *planner) apply(r rule, g api.Gateway) error {
	base := strings.TrimRight(b.in.BaseURL, "/") + g.Path
	fill := strings.NewReplacer("{base}", base, "{provider}", g.Provider)
	for name, text := range r.Set {
		if !b.kept(name) {
			value := strings.ReplaceAll(fill.Replace(text), "{key}", string(b.in.GatewayKey.Bytes()))
			b.own(variable{name: name, value: value, source: fromGateway})
		}
	}
	for _, name := range r.Unset {
		b.unset(name)
	}
	for _, a := range r.Args {
		b.args = append(b.args, fill.Replace(a))
	}
	for name, content := range r.Write {
		if err := b.setting(name, fillObject(content, fill)); err != nil {
			return err
		}
	}
	for name, over := range r.Merge {
		if err := b.merge(name, fillObject(over, fill)); err != nil {
			return err
		}
	}
	return nil
}

// unset takes a variable away that would lead the client past the gateway.
func (b *planner) unset(name string) {
	v, ok := b.env.get(name)
	if !ok || b.kept(name) || v.source == fromGateway {
		return
	}
	n := Var{Name: name, Action: "removed", Source: v.source, Why: whyClient}
	if s := b.beatSecret(name, fromGateway); s != "" {
		n.Secret = s
	}
	b.env.remove(name)
	b.note(n)
}

// merge lays the object over the JSON that the variable holds: a secret's text,
// the caller's, or what another rule merged before.
func (b *planner) merge(name string, over map[string]any) error {
	v, _ := b.env.get(name)
	text, err := mergeJSON(v.value, over)
	if err != nil {
		return core.Errorf(core.Invalid, "%s cannot be merged with the gateway's settings", name).WithField(name).Wrap(err).
			WithHint("make it one JSON object, unset it, or run with --no-gateway")
	}
	n := Var{Name: name, Action: "set", Source: fromGateway, Why: "merged over its own value"}
	switch v.source {
	case fromGateway:
		n = b.notes[envKey(name)]
	case fromSecret:
		n.Over = "secret " + v.secret
	case fromCaller:
		n.Over = fromCaller
	default:
		n.Why = ""
	}
	b.env.set(variable{name: name, value: text, source: fromGateway})
	b.note(n)
	return nil
}

// fillObject fills keys and strings of a JSON object.
func fillObject(m map[string]any, fill *strings.Replacer) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		switch t := v.(type) {
		case string:
			v = fill.Replace(t)
		case map[string]any:
			v = fillObject(t, fill)
		}
		out[fill.Replace(k)] = v
	}
	return out
}

// expandPlaces fills {data}, the user's directory for data by the XDG base
// directory specification.
func expandPlaces(paths []string, env environ) []string {
	home, _ := env.get("HOME")
	if home.value == "" {
		home, _ = env.get("USERPROFILE")
	}
	dir := filepath.Join(home.value, ".local", "share")
	if x, _ := env.get("XDG_DATA_HOME"); filepath.IsAbs(x.value) {
		dir = x.value
	} else if home.value == "" {
		return nil
	}
	out := slices.Clone(paths)
	for i, p := range out {
		out[i] = filepath.FromSlash(strings.ReplaceAll(p, "{data}", filepath.ToSlash(dir)))
	}
	return out
}

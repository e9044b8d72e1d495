package deliver

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"keyfob/api"
	"keyfob/internal/core"
)

// The sources of a variable.
const (
	fromCaller  = "environment"
	fromSecret  = "secret"
	fromGateway = "gateway"
	fromKeyfob  = "keyfob"
	fromFile    = "file"
)

// PlanInput is what a child's environment is made of.
type PlanInput struct {
	Environ    []string     // the caller's, NAME=VALUE
	Command    []string     // the command and its arguments; at least one
	Manifest   api.Manifest // what the workspace receives
	BaseURL    string       // of the workspace's server
	SessionKey api.Key
	GatewayKey api.Key   // zero: no gateway; no client is pointed anywhere and no key is taken out
	KeepEnv    []string  // variables of the caller's that stay as they are
	Tools      []ToolVar // variables for files in private directories
	State      string    // Keyfob's own directory, as in FilesConfig
	CAFile     string    // authorities in PEM that programs need to trust the server; empty: the system's do
}

// ToolVar points a tool at a file that Keyfob keeps for it elsewhere.
type ToolVar struct{ Name, Value, Secret string }

// Var says what becomes of one variable, without its value.
type Var struct {
	Name   string `json:"name"`
	Action string `json:"action"`           // set, removed, kept
	Source string `json:"source"`           // secret, gateway, keyfob, file, environment
	Secret string `json:"secret,omitempty"` // of sources secret and file
	Over   string `json:"over,omitempty"`   // what it replaced: "environment" or "secret NAME"
	Why    string `json:"why,omitempty"`
}

// Plan is the child's environment and arguments.
type Plan struct {
	Client   string   // the preset's name; "generic" for a command that none knows
	Command  []string // with the client's arguments in it
	Added    []string // those arguments; they hold no key
	Vars     []Var    // what differs from the caller's environment, in order of name
	Outcomes []api.Outcome
	Guarded  []string  // files for Guard
	Settings []Setting // what Write must have written before the command starts

	environ func() []string
	taken   map[string]string
}

// Environ is the child's environment, NAME=VALUE in order of name. It holds
// values.
func (p Plan) Environ() []string { return p.environ() }

// TakenOut are the caller's real keys that the child does not get, in order of
// name, each with why and, where nothing stands in for it, what to do.
func (p Plan) TakenOut() []Var {
	out := make([]Var, 0, len(p.taken))
	for _, name := range slices.Sorted(maps.Keys(p.taken)) {
		out = append(out, Var{Name: name, Action: "removed", Source: fromCaller, Why: p.taken[name]})
	}
	return out
}

const (
	whyRealKey = "a real provider key: the gateway stands in for it"
	whyNoStand = "a real provider key, and no account stands in for it"
	whyCustody = "it can open the vault"
	whyStale   = "it belongs to another workspace"
	whyToken   = "it is your own proof at a server"
	whyClient  = "the client would use it instead of the gateway"
	whyOwn     = "the client's own login, which the gateway does not replace"
	whyAsked   = "asked for with --keep-env"
)

// The variables of a workspace.
const (
	urlVar        = "KEYFOB_URL"
	sessionKeyVar = "KEYFOB_SESSION_KEY"
	gatewayKeyVar = "KEYFOB_GATEWAY_KEY"
	workspaceVar  = "KEYFOB_WORKSPACE"
	caVar         = "KEYFOB_CA_FILE"
)

// nodeCAVar names further authorities for Node.js, which most clients run on.
const nodeCAVar = "NODE_EXTRA_CA_CERTS"

// The variables by which a person chooses a server and proves themselves there.
const (
	serverVar = "KEYFOB_SERVER"
	tokenVar  = "KEYFOB_TOKEN"
)

// custodyPrefix begins every variable that custody reads.
const custodyPrefix = "KEYFOB_VAULT_"

// NewPlan makes the environment, low to high: the caller's, the secrets
// literally, then Keyfob's own. It fails with invalid where a variable that is
// to be merged holds what cannot be read.
func NewPlan(in PlanInput) (Plan, error) {
	b := planner{in: in, env: newEnviron(in.Environ), notes: map[string]Var{}, taken: map[string]string{}}
	b.before = maps.Clone(b.env)
	if err := b.loadPreset(); err != nil {
		return Plan{}, err
	}
	if err := b.takeOut(); err != nil {
		return Plan{}, err
	}
	b.secrets()
	b.workspace()
	for _, t := range in.Tools {
		b.own(variable{name: t.Name, value: t.Value, source: fromFile, secret: t.Secret})
	}
	if err := b.gateways(); err != nil {
		return Plan{}, err
	}
	b.noProxy()
	return b.plan(), nil
}

type planner struct {
	in       PlanInput
	env      environ
	before   environ
	preset   preset
	applies  bool // whether the preset's rules do
	args     []string
	notes    map[string]Var // by envKey
	outcomes []api.Outcome
	settings []Setting
	taken    map[string]string // the caller's real keys, by name, and why
}

func (b *planner) loadPreset() error {
	if len(b.in.Command) == 0 {
		return core.Errorf(core.Invalid, "there is no command to run").WithHint("write: keyfob run -- COMMAND")
	}
	p, err := presetFor(b.in.Command[0])
	b.preset = p
	b.applies = !b.in.GatewayKey.IsZero() && !p.managesItself(b.in.Command[1:])
	return err
}

func (b *planner) note(v Var) { b.notes[envKey(v.Name)] = v }

func (b *planner) kept(name string) bool {
	same := func(k string) bool { return envKey(k) == envKey(name) }
	_, has := b.before.get(name)
	return has && slices.ContainsFunc(b.in.KeepEnv, same)
}

// takeOut removes what no child inherits: custody variables, the caller's own
// proof at a server, another workspace's keys, and the caller's real keys.
func (b *planner) takeOut() error {
	for _, v := range b.before {
		switch up := strings.ToUpper(v.name); {
		case strings.HasPrefix(up, custodyPrefix):
			b.drop(v.name, whyCustody)
		case up == serverVar || up == tokenVar:
			b.drop(v.name, whyToken)
		case slices.Contains([]string{urlVar, sessionKeyVar, gatewayKeyVar, workspaceVar}, up):
			b.drop(v.name, whyStale)
		}
	}
	if b.in.GatewayKey.IsZero() {
		return nil
	}
	return b.takeOutKeys()
}

func (b *planner) takeOutKeys() error {
	providers, err := keyVars()
	if err != nil {
		return err
	}
	served := map[string]bool{}
	for _, g := range b.in.Manifest.Gateways {
		for _, k := range g.KeyVars {
			served[k] = true
		}
		for k, provider := range providers {
			served[k] = served[k] || provider == g.Provider
		}
	}
	keys := slices.Concat(slices.Collect(maps.Keys(providers)), slices.Collect(maps.Keys(served)))
	own := b.preset.ownLogin(b.in.Manifest.Gateways)
	for _, k := range keys {
		switch v, has := b.before.get(k); {
		case !has || v.value == "":
		case b.kept(k):
			b.note(Var{Name: k, Action: "kept", Source: fromCaller, Why: whyAsked})
		case slices.Contains(own, k):
			b.note(Var{Name: k, Action: "kept", Source: fromCaller, Why: whyOwn})
		case core.IsToken(v.value, core.GatewayKeyPrefix): // run inside of run
			b.drop(v.name, whyStale)
		default:
			why := whyTaken(k, providers[k], served[k])
			b.drop(v.name, why)
			b.taken[v.name] = why
		}
	}
	return nil
}

// whyTaken says what the child has instead of the key, and where that is nothing
// what to do.
func whyTaken(name, provider string, served bool) string {
	switch {
	case served:
		return whyRealKey
	case provider == "":
		return whyNoStand
	}
	return "a real provider key, and there is no enabled account of " + provider +
		" to stand in for it; add one with: keyfob account add " + provider + " --label LABEL --from-env " + name
}

func (b *planner) drop(name, why string) {
	b.env.remove(name)
	b.note(Var{Name: name, Action: "removed", Source: fromCaller, Why: why})
}

// secrets sets each secret's variable, literally.
func (b *planner) secrets() {
	for _, d := range b.in.Manifest.Env {
		o := api.Outcome{Secret: d.Secret, Delivery: byEnv, Target: d.Name, State: delivered}
		if why := refuseVar(d); why != "" {
			o.State, o.Why = failed, why
		} else if b.kept(d.Name) {
			o.State, o.With, o.Why = conflict, fromCaller, whyAsked
		} else {
			o.Over = b.overCaller(d.Name)
			b.put(variable{name: d.Name, value: string(d.Value.Bytes()), source: fromSecret, secret: d.Secret}, o.Over)
		}
		b.outcomes = append(b.outcomes, o)
	}
}

func refuseVar(d api.EnvDelivery) string {
	switch up := strings.ToUpper(d.Name); {
	case d.Name == "" || strings.ContainsAny(d.Name, "=\x00"):
		return "the name cannot be a variable's"
	case strings.HasPrefix(up, "KEYFOB_"):
		return "variables that begin with KEYFOB_ are Keyfob's own"
	case slices.Contains(d.Value.Bytes(), 0):
		return "a variable cannot hold a NUL byte: deliver it as a file"
	}
	return ""
}

// overCaller is "environment" where the caller had the variable.
func (b *planner) overCaller(name string) string {
	if _, had := b.before.get(name); had {
		return fromCaller
	}
	return ""
}

func (b *planner) put(v variable, over string) {
	b.env.set(v)
	n := Var{Name: v.name, Action: "set", Source: v.source, Secret: v.secret, Over: over}
	if why := b.taken[v.name]; why != "" {
		n.Why = "your own value is " + why
	}
	b.note(n)
}

// own sets one of Keyfob's own variables, which win over a secret's.
func (b *planner) own(v variable) {
	over := b.overCaller(v.name)
	if s := b.beatSecret(v.name, v.source); s != "" {
		over = "secret " + s
	}
	b.put(v, over)
}

// beatSecret takes a variable from the secret that has it, which it names.
func (b *planner) beatSecret(name, winner string) string {
	v, ok := b.env.get(name)
	if !ok || v.source != fromSecret {
		return ""
	}
	for i, o := range b.outcomes {
		if o.Secret == v.secret && o.Delivery == byEnv && o.Target == v.name && o.State == delivered {
			b.outcomes[i] = api.Outcome{Secret: o.Secret, Delivery: byEnv, Target: o.Target, State: conflict, With: winner, Why: "Keyfob's own variable goes first"}
		}
	}
	return v.secret
}

func (b *planner) workspace() {
	b.own(variable{name: urlVar, value: b.in.BaseURL, source: fromKeyfob})
	b.own(variable{name: workspaceVar, value: b.in.Manifest.Workspace, source: fromKeyfob})
	b.own(variable{name: sessionKeyVar, value: string(b.in.SessionKey.Bytes()), source: fromKeyfob})
	if !b.in.GatewayKey.IsZero() {
		b.own(variable{name: gatewayKeyVar, value: string(b.in.GatewayKey.Bytes()), source: fromKeyfob})
	}
	b.authorities()
	for _, l := range b.in.Manifest.Lookups {
		b.outcomes = append(b.outcomes, api.Outcome{Secret: l.Secret, Delivery: byLookup, State: delivered})
	}
}

// authorities lets programs of the workspace trust the server: keyfob itself, and
// Node.js unless the caller has told it whom to trust.
func (b *planner) authorities() {
	if b.in.CAFile == "" {
		return
	}
	b.own(variable{name: caVar, value: b.in.CAFile, source: fromKeyfob})
	if v, had := b.before.get(nodeCAVar); !had || v.value == "" {
		b.own(variable{name: nodeCAVar, value: b.in.CAFile, source: fromKeyfob})
	}
}

// noProxy keeps what goes to the gateway away from a proxy.
func (b *planner) noProxy() {
	joinNoProxy(b.env)
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		now, _ := b.env.get(name)
		if was, had := b.before.get(name); !had || was.value != now.value {
			b.note(Var{Name: now.name, Action: "set", Source: fromKeyfob, Over: b.overCaller(name), Why: "this machine's own addresses are added"})
		}
	}
}

func (b *planner) plan() Plan {
	command := append([]string{b.in.Command[0]}, b.args...)
	env := b.env
	p := Plan{
		Client: b.preset.Name, Added: b.args, Command: append(command, b.in.Command[1:]...), Outcomes: b.outcomes, Settings: b.settings,
		Vars:    slices.SortedFunc(maps.Values(b.notes), func(x, y Var) int { return cmp.Compare(x.Name, y.Name) }),
		environ: func() []string { return env.lines() }, taken: b.taken,
	}
	if _, hidden := b.notes["OPENCODE_AUTH_CONTENT"]; hidden {
		p.Guarded = expandPlaces(b.preset.KeepEntries, env)
	}
	return p
}

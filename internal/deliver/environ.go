package deliver

import (
	"maps"
	"runtime"
	"slices"
	"strings"
)

// variable is one variable on its way into the child. Its value is never
// printed: environ is only ever held behind a Plan's closure.
type variable struct {
	name, value string
	source      string // environment, secret, gateway, keyfob, file
	secret      string
}

// environ is an environment in the making.
type environ map[string]variable

// newEnviron reads NAME=VALUE lines; as in a shell the last one counts.
func newEnviron(lines []string) environ {
	e := make(environ, len(lines))
	for _, l := range lines {
		// Windows keeps working directories in names that begin with "=".
		i := strings.IndexByte(strings.TrimPrefix(l, "="), '=')
		if i < 0 {
			continue
		}
		i += len(l) - len(strings.TrimPrefix(l, "="))
		e[envKey(l[:i])] = variable{name: l[:i], value: l[i+1:], source: fromCaller}
	}
	return e
}

// envKey is what makes two names one: Windows does not tell cases apart.
func envKey(name string) string {
	if runtime.GOOS == "windows" {
		return strings.ToUpper(name)
	}
	return name
}

func (e environ) get(name string) (variable, bool) {
	v, ok := e[envKey(name)]
	return v, ok
}

func (e environ) set(v variable)     { e[envKey(v.name)] = v }
func (e environ) remove(name string) { delete(e, envKey(name)) }

// lines are NAME=VALUE, in order of name.
func (e environ) lines() []string {
	out := make([]string, 0, len(e))
	for _, k := range slices.Sorted(maps.Keys(e)) {
		out = append(out, e[k].name+"="+e[k].value)
	}
	return out
}

// The addresses that must never go through a proxy.
var loopback = []string{"127.0.0.1", "::1"}

// joinNoProxy adds the loopback addresses to both spellings; programs differ in
// which one they read, so each keeps its own list and an unset one takes the
// other's.
func joinNoProxy(e environ) {
	upper, _ := e.get("NO_PROXY")
	lower, _ := e.get("no_proxy")
	for _, p := range []struct{ name, own, other string }{{"NO_PROXY", upper.value, lower.value}, {"no_proxy", lower.value, upper.value}} {
		list := p.own
		if list == "" {
			list = p.other
		}
		e.set(variable{name: p.name, value: withLoopback(list), source: fromKeyfob})
	}
}

func withLoopback(list string) string {
	var have []string
	for h := range strings.SplitSeq(list, ",") {
		if h = strings.TrimSpace(h); h != "" {
			have = append(have, h)
		}
	}
	if slices.Contains(have, "*") {
		return list
	}
	for _, h := range loopback {
		if !slices.Contains(have, h) {
			have = append(have, h)
		}
	}
	return strings.Join(have, ",")
}

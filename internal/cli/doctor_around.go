package cli

import (
	"os/exec"
	"strings"

	"keyfob/internal/deliver"
)

// checkAround looks at what is outside the vault.
func (e *Env) checkAround() []check {
	return []check{checkDumps(), e.checkKeys(), e.checkProxy(), checkClients()}
}

func checkDumps() check {
	ok, message := hardened()
	c := check{Name: "process", State: checkOK, Message: message}
	if !ok {
		c.State, c.Hint = checkWarn, "a crash could write values to disk; check the limits of this session"
	}
	return c
}

// checkKeys names the real keys that other programs of this session see.
func (e *Env) checkKeys() check {
	names, err := deliver.KeyVariables()
	if err != nil {
		return failed("keys", err)
	}
	var set []string
	for _, n := range names {
		if e.Getenv(n) != "" {
			set = append(set, n)
		}
	}
	if len(set) == 0 {
		return check{Name: "keys", State: checkOK, Message: "no provider's key stands in this environment"}
	}
	return check{
		Name: "keys", State: checkWarn, Message: strings.Join(set, ", ") + " in this environment: every program started here can read it",
		Hint: "keyfob account add PROVIDER --label LABEL --from-env " + set[0] + ", then take it out of your shell's profile",
	}
}

// checkProxy names the variables that say how upstreams are reached; a proxy's
// address may hold a password, so it is not shown.
func (e *Env) checkProxy() check {
	var set []string
	for _, n := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"} {
		if e.Getenv(n) != "" {
			set = append(set, n)
		}
	}
	if len(set) == 0 {
		return check{Name: "proxy", State: checkOK, Message: "none: providers are reached directly"}
	}
	return check{Name: "proxy", State: checkOK, Message: strings.Join(set, ", ") + " set: providers are reached so, workspaces never"}
}

func checkClients() check {
	var found []string
	for _, name := range deliver.Clients() {
		if _, err := exec.LookPath(name); err == nil {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return check{
			Name: "clients", State: checkOK, Message: "none of " + strings.Join(deliver.Clients(), ", ") + " is on PATH; keyfob run starts any command",
		}
	}
	return check{Name: "clients", State: checkOK, Message: strings.Join(found, ", ") + " on PATH"}
}

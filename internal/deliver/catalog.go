package deliver

import (
	"maps"
	"slices"
)

// Clients are the commands that have a preset, for people who ask which of them
// are installed.
func Clients() []string { return slices.Clone(presetNames) }

// KeyVariables are the variables in which clients look for a real key, in order.
func KeyVariables() ([]string, error) {
	vars, err := keyVars()
	return slices.Sorted(maps.Keys(vars)), err
}

// keyVars has each of them with the provider whose account its key can become,
// empty where there is none or the key is no API key.
func keyVars() (map[string]string, error) {
	var out map[string]string
	err := loadJSON("keyvars.json", &out)
	return out, err
}

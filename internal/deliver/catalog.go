package deliver

import "slices"

// Clients are the commands that have a preset, for people who ask which of them
// are installed.
func Clients() []string { return slices.Clone(presetNames) }

// KeyVariables are the variables in which clients look for a real key.
func KeyVariables() ([]string, error) {
	var out []string
	err := loadJSON("keyvars.json", &out)
	return out, err
}

package cli

import (
	"strings"

	"keyfob/api"
	"keyfob/internal/core"
)

// labelsOf is core.ParseLabels with an error that repeats no more of an
// argument than a plain word: a value may have been pasted there.
func labelsOf(pairs []string) (map[string]string, error) {
	out, err := core.ParseLabels(pairs)
	if err == nil {
		return out, nil
	}
	for _, p := range pairs {
		if _, one := core.ParseLabels([]string{p}); one == nil {
			continue
		}
		word := plainWord(p)
		if word == "" {
			word = " what was given"
		}
		return nil, &api.Error{
			Code: api.CodeInvalid, Field: "label", Message: strings.TrimSpace(word) + " is not a label",
			Hint: publicError(err).Hint,
		}
	}
	return nil, err
}

// parseSelector reads labels that several flags may hold.
func parseSelector(flags []string) (map[string]string, error) {
	text := strings.Join(flags, ",")
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	return labelsOf(strings.Split(text, ","))
}

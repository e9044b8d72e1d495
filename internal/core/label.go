package core

import (
	"maps"
)

// maxLabels bounds what one selector or workspace carries.
const maxLabels = 32

// CheckLabels says why a selector or a workspace's labels cannot be: more than
// 32 pairs, or a key or value that ParseLabels does not take.
func CheckLabels(labels map[string]string) error {
	if len(labels) > maxLabels {
		return Errorf(Invalid, "%d labels are too many", len(labels)).WithField("label").WithHint("at most %d", maxLabels)
	}
	for k, v := range labels {
		got, err := ParseLabels([]string{k + "=" + v})
		if err != nil {
			return err
		}
		if !maps.Equal(got, map[string]string{k: v}) {
			return Errorf(Invalid, "%q is not a label", k+"="+v).WithField("label").WithHint("leave out spaces")
		}
	}
	return nil
}

package core

import (
	"maps"
	"strings"
)

// The labels that a workspace has by itself when selectors are held against it.
// Nobody can give a workspace a label that begins so.
const (
	AutoLabelPrefix = "keyfob/"
	UserLabel       = AutoLabelPrefix + "user"     // the name of the user whose it is
	LauncherLabel   = AutoLabelPrefix + "launcher" // the name of the launcher that made it
)

// MatchLabels is what selectors are held against: the workspace's own labels and
// those that it has by itself. user is the name of its owner, empty where that
// is not known.
func (w Workspace) MatchLabels(user string) map[string]string {
	out := make(map[string]string, len(w.Labels)+2)
	maps.Copy(out, w.Labels)
	maps.DeleteFunc(out, func(k, _ string) bool { return strings.HasPrefix(k, AutoLabelPrefix) })
	if user != "" {
		out[UserLabel] = user
	}
	if w.Launcher != "" {
		out[LauncherLabel] = w.Launcher
	}
	return out
}

// MayReach says whether some workspace of this user could be one that the selector
// picks.
func (s Selector) MayReach(user string) bool {
	name, only := s[UserLabel]
	return !only || name == user
}

// CheckWorkspaceLabels is CheckLabels for what somebody gives a workspace: none
// may be one that it has by itself.
func CheckWorkspaceLabels(labels map[string]string) error {
	for k := range labels {
		if strings.HasPrefix(k, AutoLabelPrefix) {
			return Errorf(Invalid, "the label %q is Keyfob's own", clip(k)).WithField("label").
				WithHint("choose one that does not begin with %s", AutoLabelPrefix)
		}
	}
	return CheckLabels(labels)
}

// CheckSelector is CheckLabels for a selector: of the labels that a workspace
// has by itself it may name those that there are.
func CheckSelector(s Selector) error {
	for k := range s {
		if strings.HasPrefix(k, AutoLabelPrefix) && k != UserLabel && k != LauncherLabel {
			return Errorf(Invalid, "no workspace has the label %q", clip(k)).WithField("selector").
				WithHint("of Keyfob's own labels there are %s and %s", UserLabel, LauncherLabel)
		}
	}
	return CheckLabels(s)
}

// clip keeps what somebody sent short in a message.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

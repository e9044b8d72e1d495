package core

import (
	"errors"
	"fmt"
)

// CheckEach runs check on every entry of a list and gives one error of all that
// cannot be: invalid, with a Detail for each, whose Field is "WHAT[INDEX]" and
// the entry's own. An error about something else than an entry, such as the
// store, comes back at once and as it is.
func CheckEach[T any](what string, list []T, check func(T) error) error {
	var wrong []Detail
	for i, x := range list {
		err := check(x)
		if err == nil {
			continue
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Code != Invalid && e.Code != Conflict {
			return err
		}
		wrong = append(wrong, e.detail(fmt.Sprintf("%s[%d]", what, i)))
	}
	if len(wrong) == 0 {
		return nil
	}
	e := Errorf(Invalid, "%d of the %s cannot be", len(wrong), what).WithField(what).
		WithHint("change what is named; nothing was done")
	e.Details = wrong
	return e
}

func (e *Error) detail(entry string) Detail {
	d := Detail{Field: entry, Message: e.Message}
	if e.Field != "" {
		d.Field += "." + e.Field
	}
	if e.Hint != "" {
		d.Message += "; " + e.Hint
	}
	return d
}

// CheckVersion refuses a change of a record that was seen at another version
// than the one it is at; 0 is any.
func CheckVersion(what string, is, seen int64) error {
	if seen == 0 || seen == is {
		return nil
	}
	return Errorf(Conflict, "%s is at version %d by now, not %d: somebody else changed it", what, is, seen).
		WithField("version").WithReason("stale").WithHint("look at it again, then repeat the change")
}

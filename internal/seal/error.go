package seal

import "keyfob/internal/core"

// Reasons of this package's errors.
const (
	ReasonMismatch  = "sealed_mismatch"   // not sealed with this key for this place
	ReasonWrongRoot = "root_key_mismatch" // wrapped by another root key
)

func mismatch(what string, cause error) error {
	return core.Errorf(core.Internal, "%s does not open: its record was changed, moved or damaged outside Keyfob", what).
		WithReason(ReasonMismatch).
		WithHint("nothing was changed; restore the database from a backup, or enter the value again").
		Wrap(cause)
}

func wrongRoot(w core.WrappedKey, have string) error {
	return core.Errorf(core.Unavailable, "the data key of %s was wrapped by root key %s, but the one that is open is %s", w.Owner, short(w.RootKeyID), short(have)).
		WithReason(ReasonWrongRoot).
		WithHint("nothing is lost: put back the root key this vault was made with; where it was given another one just now, start again")
}

func short(id string) string { return id[:min(len(id), 8)] }

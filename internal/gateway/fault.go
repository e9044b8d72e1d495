package gateway

import (
	"errors"

	"keyfob/internal/core"
)

// known is the public error in err's chain; any other error is ours, and its
// text stays in the log.
func known(err error) *core.Error {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e
	}
	return core.Errorf(core.Internal, "the gateway failed").WithReason("internal").WithHint("its log says more")
}

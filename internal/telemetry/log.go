package telemetry

import (
	"io"
	"log/slog"

	"keyfob/internal/core"
)

// NewLog makes a server's log: a line per event, in format json or text, from
// level debug, info, warn or error on.
func NewLog(w io.Writer, level, format string) (*slog.Logger, error) {
	var from slog.Level
	if err := from.UnmarshalText([]byte(level)); err != nil {
		return nil, core.Errorf(core.Invalid, "there is no such level of the log").WithField("log_level").WithHint("debug, info, warn or error")
	}
	options := &slog.HandlerOptions{Level: from}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, core.Errorf(core.Invalid, "there is no such form of the log").WithField("log_format").WithHint("json or text")
}

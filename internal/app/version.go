package app

import "runtime/debug"

// Version is what the Go tool put into the binary; "unknown" where it put
// nothing.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

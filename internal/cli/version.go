package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionInfo is what `version` prints.
type versionInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a tree with changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func versionCommand(e *Env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show which keyfob this is",
		Args: argCount(0, 0, ""),
		RunE: func(*cobra.Command, []string) error {
			v := currentVersion()
			return e.Print(v, func() {
				line := "keyfob " + v.Version
				if v.Commit != "" {
					line += " (" + v.Commit + ")"
				}
				e.Printf("%s, %s, %s", line, v.Go, v.Platform)
			})
		},
	}
}

// currentVersion reads what the Go tool put into the binary.
func currentVersion() versionInfo {
	v := versionInfo{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = fmt.Sprintf("%.12s", s.Value)
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

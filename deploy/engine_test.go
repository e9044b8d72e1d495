//go:build deploy && linux

package deploy

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"testing"
)

// The library by which engines read images takes both forms, for what
// docs/operations.md does with them: each digest holds, and the image says who it
// runs as and what.
func TestEnginesReadTheImage(t *testing.T) {
	skopeo := needs(t, "skopeo", "skopeo")
	out := t.TempDir()
	if b, err := exec.Command("go", "run", "keyfob/scripts/image", "-out", out, "-binary", release(t)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for form, from := range map[string]string{
		"what docker load takes": "docker-archive:" + filepath.Join(out, "keyfob-image.tar") + ":keyfob:latest",
		"what skopeo copy takes": "oci:" + filepath.Join(out, "keyfob-image") + ":latest",
	} {
		to := "oci:" + filepath.Join(t.TempDir(), "copy") + ":latest"
		if b, err := exec.Command(skopeo, "--insecure-policy", "copy", from, to).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", form, err, b)
			continue
		}
		b, err := exec.Command(skopeo, "inspect", "--config", to).Output()
		var image struct {
			Config struct {
				User       string
				Entrypoint []string
				Cmd        []string
				Volumes    map[string]struct{}
			}
		}
		if err == nil {
			err = json.Unmarshal(b, &image)
		}
		c := image.Config
		if _, volume := c.Volumes["/var/lib/keyfob"]; err != nil || !volume || c.User != "65532:65532" ||
			len(c.Entrypoint) != 1 || c.Entrypoint[0] != "/usr/bin/keyfob" || len(c.Cmd) != 1 || c.Cmd[0] != "serve" {
			t.Errorf("%s: %v\n%s", form, err, b)
		}
	}
}

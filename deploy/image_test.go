//go:build deploy && linux

package deploy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// root unpacks the image's one layer, with its owners, as a container engine
// does.
func root(t *testing.T, image string) string {
	t.Helper()
	blob := func(digest string) []byte {
		b, err := os.ReadFile(filepath.Join(image, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:")))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var index struct{ Manifests []struct{ Digest string } }
	var manifest struct{ Layers []struct{ Digest string } }
	b, err := os.ReadFile(filepath.Join(image, "index.json"))
	if err := errors.Join(err, json.Unmarshal(b, &index), json.Unmarshal(blob(index.Manifests[0].Digest), &manifest)); err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(blob(manifest.Layers[0].Digest)))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		place(t, filepath.Join(dir, h.Name), h, r)
	}
}

func place(t *testing.T, path string, h *tar.Header, r io.Reader) {
	t.Helper()
	var err error
	if h.Typeflag == tar.TypeDir {
		err = os.Mkdir(path, 0o755)
	} else {
		var b []byte
		if b, err = io.ReadAll(r); err == nil {
			err = os.WriteFile(path, b, 0o644)
		}
	}
	mode := os.FileMode(h.Mode & 0o777)
	if h.Mode&0o1000 != 0 {
		mode |= os.ModeSticky
	}
	if err := errors.Join(err, os.Chown(path, h.Uid, h.Gid), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

// The image must start as it is, as its own user, with nothing else around it.
func TestImage(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can unpack an image with its owners and change into it")
	}
	out := t.TempDir()
	if b, err := exec.Command("go", "run", "keyfob/scripts/image", "-out", out, "-binary", release(t)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	dir := root(t, filepath.Join(out, "keyfob-image"))
	inside := func(environ []string, args ...string) *exec.Cmd {
		cmd := exec.Command("/usr/bin/keyfob", args...)
		cmd.Dir = "/var/lib/keyfob"
		cmd.Env = append([]string{"PATH=/usr/bin", "HOME=/var/lib/keyfob", "KEYFOB_HOME=/var/lib/keyfob/vault", "KEYFOB_LISTEN=0.0.0.0:4780", "KEYFOB_NO_LINK=true"}, environ...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		return cmd
	}
	b, err := inside(nil, "serve").CombinedOutput()
	if err == nil || !strings.Contains(string(b), "no TLS") {
		t.Errorf("it serves the network without TLS and without having been told to: %v\n%s", err, b)
	}
	insecure := []string{"KEYFOB_INSECURE=true", "KEYFOB_LISTEN=127.0.0.1:0"}
	if b, err := inside(insecure, "serve", "--check").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	url := line(t, started(t, inside(insecure, "serve")), "serving at ")
	resp, err := http.Get(url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %d", resp.StatusCode)
	}
	link, err := inside(nil, "user", "link", "local").CombinedOutput()
	if err != nil || !strings.Contains(string(link), url[strings.LastIndex(url, ":"):]+"/signin/") {
		t.Errorf("a link from inside: %v\n%s", err, link)
	}
}

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// small makes an image of a binary that is none, twice over if asked.
func small(t *testing.T, out, epoch string) {
	t.Helper()
	dir := t.TempDir()
	binary, authorities := filepath.Join(dir, "keyfob"), filepath.Join(dir, "ca.crt")
	for path, text := range map[string]string{binary: "binary", authorities: "authorities"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run([]string{"-out", out, "-binary", binary, "-authorities", authorities, "-arch", "arm64", "-tag", "keyfob:1.2"}, epoch); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSameInSameOut(t *testing.T) {
	one, two, other := t.TempDir(), t.TempDir(), t.TempDir()
	small(t, one, "")
	small(t, two, "")
	small(t, other, "86400")
	if !bytes.Equal(read(t, one, "keyfob-image.tar"), read(t, two, "keyfob-image.tar")) {
		t.Error("two images of one source differ")
	}
	if bytes.Equal(read(t, one, "keyfob-image.tar"), read(t, other, "keyfob-image.tar")) {
		t.Error("SOURCE_DATE_EPOCH changes nothing")
	}
}

// blob reads a part of a layout, and holds it to its digest and size.
func blob(t *testing.T, dir string, d descriptor) []byte {
	t.Helper()
	b := read(t, dir, "blobs", "sha256", strings.TrimPrefix(d.Digest, "sha256:"))
	if digestOf(b) != d.Digest || len(b) != d.Size {
		t.Errorf("%s is not what it says", d.Digest)
	}
	return b
}

func decode[T any](t *testing.T, b []byte) (out T) {
	t.Helper()
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLayout(t *testing.T) {
	out := t.TempDir()
	small(t, out, "")
	dir := filepath.Join(out, "keyfob-image")
	idx := decode[index](t, read(t, dir, "index.json"))
	if len(idx.Manifests) != 1 || idx.Manifests[0].Platform.Architecture != "arm64" {
		t.Fatalf("%+v", idx)
	}
	m := decode[manifest](t, blob(t, dir, idx.Manifests[0]))
	config := decode[image](t, blob(t, dir, m.Config))
	z, err := gzip.NewReader(bytes.NewReader(blob(t, dir, m.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if len(config.RootFS.DiffIDs) != 1 || config.RootFS.DiffIDs[0] != digestOf(plain) {
		t.Errorf("the layer is not the one that the image names")
	}
	if config.Config.User != "65532:65532" || config.Config.Volumes["/var/lib/keyfob"] != struct{}{} || config.Config.Entrypoint[0] != "/usr/bin/keyfob" {
		t.Errorf("%+v", config.Config)
	}
	found := map[string]*tar.Header{}
	for r := tar.NewReader(bytes.NewReader(plain)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Mode&0o6002 != 0 && h.Name != "tmp/" {
			t.Errorf("%s has mode %o", h.Name, h.Mode)
		}
		found[h.Name] = h
	}
	if h := found["usr/bin/keyfob"]; h == nil || h.Uid != 0 || h.Mode != 0o755 {
		t.Errorf("the binary: %+v", h)
	}
	if h := found["var/lib/keyfob/"]; h == nil || h.Uid != 65532 || h.Mode != 0o700 {
		t.Errorf("the home: %+v", h)
	}
	docker := decode[[]struct {
		Config   string
		RepoTags []string
		Layers   []string
	}](t, read(t, dir, "manifest.json"))
	if len(docker) != 1 || docker[0].RepoTags[0] != "keyfob:1.2" || digestOf(read(t, dir, docker[0].Config)) != m.Config.Digest || digestOf(read(t, dir, docker[0].Layers[0])) != m.Layers[0].Digest {
		t.Errorf("%+v", docker)
	}
}

func TestFaults(t *testing.T) {
	if run([]string{"-out", t.TempDir(), "-binary", "/none"}, "") == nil {
		t.Error("an image without a binary")
	}
	if run([]string{"-nothing"}, "") == nil {
		t.Error("an unknown flag is taken")
	}
	if run([]string{"-out", t.TempDir()}, "yesterday") == nil {
		t.Error("a time that is none is taken")
	}
}

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The media types of the OCI image specification, 1.1.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Platform    *platform         `json:"platform,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type image struct {
	Created string `json:"created"`
	platform
	Config  settings  `json:"config"`
	RootFS  rootFS    `json:"rootfs"`
	History []history `json:"history"`
}

type settings struct {
	User         string
	ExposedPorts map[string]struct{}
	Env          []string
	Entrypoint   []string
	Cmd          []string
	Volumes      map[string]struct{}
	WorkingDir   string
	Labels       map[string]string
	StopSignal   string
}

type rootFS struct {
	Type    string   `json:"type"`
	DiffIDs []string `json:"diff_ids"`
}

type history struct {
	Created   string `json:"created"`
	CreatedBy string `json:"created_by"`
}

// configure says how the image runs. Its home is below the volume, which some
// engines open to a group: the home itself is nobody else's. It listens on every interface, as a
// container must, and starts only once it has TLS or was told that plain HTTP is
// meant.
func configure(o options, layer string) image {
	made := o.made.Format(time.RFC3339)
	return image{
		Created: made, platform: platform{o.arch, "linux"},
		Config: settings{
			User: "65532:65532", ExposedPorts: map[string]struct{}{"4780/tcp": {}},
			Env:        []string{"PATH=/usr/bin", "HOME=/var/lib/keyfob", "KEYFOB_HOME=/var/lib/keyfob/vault", "KEYFOB_LISTEN=0.0.0.0:4780", "KEYFOB_NO_LINK=true"},
			Entrypoint: []string{"/usr/bin/keyfob"}, Cmd: []string{"serve"},
			Volumes: map[string]struct{}{"/var/lib/keyfob": {}}, WorkingDir: "/var/lib/keyfob", StopSignal: "SIGTERM",
			Labels: map[string]string{"org.opencontainers.image.title": "keyfob", "org.opencontainers.image.version": o.version, "org.opencontainers.image.licenses": "Apache-2.0"},
		},
		RootFS:  rootFS{"layers", []string{layer}},
		History: []history{{made, "scripts/image"}},
	}
}

// blobs are an image's parts by digest.
type blobs map[string][]byte

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (bs blobs) add(mediaType string, b []byte) descriptor {
	d := digestOf(b)
	bs[d] = b
	return descriptor{MediaType: mediaType, Digest: d, Size: len(b)}
}

func (bs blobs) addJSON(mediaType string, v any) (descriptor, error) {
	b, err := json.Marshal(v)
	return bs.add(mediaType, b), err
}

// write makes the layout and the archive, and gives the manifest's digest.
func write(o options) (string, error) {
	content, err := files(o)
	if err != nil {
		return "", err
	}
	plain, err := tarball(content, o.made)
	if err != nil {
		return "", err
	}
	packed, err := zipped(plain)
	if err != nil {
		return "", err
	}
	bs := blobs{}
	layer := bs.add(typeLayer, packed)
	config, err := bs.addJSON(typeConfig, configure(o, digestOf(plain)))
	if err != nil {
		return "", err
	}
	top, err := bs.addJSON(typeManifest, manifest{2, typeManifest, config, []descriptor{layer}})
	if err != nil {
		return "", err
	}
	top.Platform = &platform{o.arch, "linux"}
	_, name, _ := strings.Cut(o.tag, ":")
	top.Annotations = map[string]string{"org.opencontainers.image.ref.name": name, "io.containerd.image.name": o.tag}
	entries, err := bs.layout(top, o.tag, config, layer)
	if err != nil {
		return "", err
	}
	return top.Digest, errors.Join(unpack(filepath.Join(o.out, "keyfob-image"), entries), pack(filepath.Join(o.out, "keyfob-image.tar"), entries, o.made))
}

// layout is every file of the image, in order.
func (bs blobs) layout(top descriptor, tag string, config, layer descriptor) ([]entry, error) {
	idx, err := json.Marshal(index{2, typeIndex, []descriptor{top}})
	if err != nil {
		return nil, err
	}
	at := func(d descriptor) string { return "blobs/sha256/" + strings.TrimPrefix(d.Digest, "sha256:") }
	docker, err := json.Marshal([]map[string]any{{"Config": at(config), "RepoTags": []string{tag}, "Layers": []string{at(layer)}}})
	if err != nil {
		return nil, err
	}
	out := []entry{{"blobs/", 0o755, 0, nil}, {"blobs/sha256/", 0o755, 0, nil}}
	for digest, b := range bs {
		out = append(out, entry{at(descriptor{Digest: digest}), 0o644, 0, b})
	}
	slices.SortFunc(out, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return append(out,
		entry{"index.json", 0o644, 0, idx}, entry{"manifest.json", 0o644, 0, docker},
		entry{"oci-layout", 0o644, 0, []byte(`{"imageLayoutVersion":"1.0.0"}`)}), nil
}

// unpack writes the entries below a directory that it makes anew.
func unpack(dir string, entries []entry) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, filepath.FromSlash(e.name))
		if strings.HasSuffix(e.name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				return err
			}
		} else if err := os.WriteFile(path, e.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func pack(path string, entries []entry, made time.Time) error {
	b, err := tarball(entries, made)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

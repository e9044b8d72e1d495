// Command image builds a container image without a container engine: a static
// keyfob, certificate authorities, and a user of no privileges. The same source,
// Go and authorities give the same bytes.
//
//	go run ./scripts/image -out dist
//
// It writes dist/keyfob-image/, an OCI image layout (for skopeo, podman, buildah
// and registries' clients), and dist/keyfob-image.tar, the same with the manifest
// that "docker load" reads.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"keyfob/internal/built"
)

func main() {
	if err := run(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// options say what to build.
type options struct {
	out, arch, binary, authorities, version, tag string
	made                                         time.Time // of every file and of the image
}

func run(args []string, epoch string) error {
	var o options
	f := flag.NewFlagSet("image", flag.ContinueOnError)
	f.StringVar(&o.out, "out", "dist", "the `DIRECTORY` to write to")
	f.StringVar(&o.arch, "arch", runtime.GOARCH, "amd64 or arm64")
	f.StringVar(&o.binary, "binary", "", "a static keyfob for Linux; empty: one is built")
	f.StringVar(&o.authorities, "authorities", "/etc/ssl/certs/ca-certificates.crt", "certificate authorities in PEM")
	f.StringVar(&o.version, "version", "dev", "the image's version, as its label says it")
	f.StringVar(&o.tag, "tag", "keyfob:latest", "the name that docker load gives it")
	if err := f.Parse(args); err != nil {
		return err
	}
	seconds, err := strconv.ParseInt("0"+epoch, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH is no number of seconds: %w", err)
	}
	o.made = time.Unix(seconds, 0).UTC()
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	if o.binary == "" {
		o.binary = filepath.Join(o.out, "keyfob-linux-"+o.arch)
		if err := built.Release(o.binary, "GOOS=linux", "GOARCH="+o.arch); err != nil {
			return err
		}
	}
	digest, err := write(o)
	if err == nil {
		fmt.Println(digest, filepath.Join(o.out, "keyfob-image.tar"))
	}
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"keyfob/internal/built"
)

// runTable measures "keyfob run -- true", warm and with a key file, beside
// "true", and gives the ratio.
func runTable(ctx context.Context, out io.Writer, binary string, n int) (r ratio, err error) {
	dir, err := os.MkdirTemp("", "keyfob-bench-*")
	if err != nil {
		return ratio{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if binary == "" {
		binary = filepath.Join(dir, "keyfob")
		if err := built.Release(binary); err != nil {
			return ratio{}, err
		}
	}
	env := []string{"KEYFOB_HOME=" + filepath.Join(dir, "home"), "HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	for _, setup := range [][]string{
		{"vault", "init", "--custody", "file"},
		{"secret", "set", "BENCH_TOKEN", "--env", "BENCH_TOKEN"},
		{"account", "add", "anthropic", "--label", "work"},
	} {
		if err := command(ctx, env, "sk-bench-0123456789abcdef", binary, setup...); err != nil {
			return ratio{}, err
		}
	}
	var plain, wrapped, added []float64
	for i := range n + 3 {
		a, err := timed(ctx, env, "true")
		if err != nil {
			return ratio{}, err
		}
		b, err := timed(ctx, env, binary, "run", "--", "true")
		if err != nil {
			return ratio{}, err
		}
		if i >= 3 { // the first ones warm up
			plain, wrapped, added = append(plain, float64(a)), append(wrapped, float64(b)), append(added, float64(b-a))
		}
	}
	_, _ = fmt.Fprintf(out, "### keyfob run -- true\n\nMedian of %d, warm, key file, one secret and one account.\n\n| command | median | p90 | added median |\n|---|---:|---:|---:|\n", n)
	_, _ = fmt.Fprintf(out, "| true | %s | %s | |\n| keyfob run -- true | %s | %s | %s |\n\n",
		milli(at(plain, 50)), milli(at(plain, 90)), milli(at(wrapped, 50)), milli(at(wrapped, 90)), milli(at(added, 50)))
	return ratio{
		what: "keyfob run -- true", beside: "true", perSecond: math.NaN(), allocated: math.NaN(),
		median: at(wrapped, 50) / at(plain, 50), p99: at(wrapped, 99) / at(plain, 99),
	}, nil
}

func timed(ctx context.Context, env []string, name string, args ...string) (time.Duration, error) {
	start := time.Now()
	err := command(ctx, env, "", name, args...)
	return time.Since(start), err
}

func command(ctx context.Context, env []string, stdin, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Env, c.Stdin = env, strings.NewReader(stdin)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}

func milli(ns float64) string { return fmt.Sprintf("%.1f ms", ns/float64(time.Millisecond)) }

package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestFind(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"a/a_test.go":              "package a\nimport \"testing\"\nfunc FuzzOne(f *testing.F) {}\nfunc TestOne(t *testing.T) {}\nfunc FuzzHelper() {}\n",
		"a/b/b_test.go":            "package b\nimport \"testing\"\nfunc FuzzTwo(f *testing.F) {}\n",
		"a/b/b.go":                 "package b\nfunc FuzzNone(x int) {}\n",
		"node_modules/x/x_test.go": "package x\nfunc FuzzForeign(x int) {}\n",
		".hidden/x_test.go":        "no Go at all",
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := find(root)
	if want := []target{{"a", "FuzzOne"}, {"a/b", "FuzzTwo"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("found %v (%v), want %v", got, err, want)
	}
}

package sqlite_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

// A list of secrets read every page of their values to come to the dates behind
// them. Here those pages are damaged: whoever reads them, notices.
func TestPageOfSecretsReadsNoValue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	x := storetest.Secret("s")
	x.Ciphertext = bytes.Repeat([]byte{0x5a}, 1<<20)
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Secrets().Create(t.Context(), x) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	damageValues(t, path)

	s = openStore(t, path)
	err = s.View(t.Context(), func(tx store.Tx) error {
		_, err := tx.Secrets().List(t.Context(), core.Local)
		return err
	})
	wants(t, err, core.Internal, "store_damaged")
	err = s.View(t.Context(), func(tx store.Tx) error {
		page, err := tx.Secrets().Page(t.Context(), core.Local, store.Page{Limit: 10})
		if len(page) != 1 || !page[0].UpdatedAt.Equal(x.UpdatedAt) {
			t.Errorf("%+v", page)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// damageValues breaks every page that holds nothing but a piece of a value.
func damageValues(t *testing.T, path string) {
	t.Helper()
	const page = 4096
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	value, n := bytes.Repeat([]byte{0x5a}, page-4), 0
	for at := 0; at < len(b); at += page {
		if bytes.Equal(b[at+4:at+page], value) {
			copy(b[at:], []byte{0xff, 0xff, 0xff, 0xff}) // where the rest of the value stands
			n++
		}
	}
	if n < 200 {
		t.Fatalf("%d pages of the value were found", n)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A page stops reading once it is full: what it need not read cannot be read.
func TestPageOfWorkspacesReadsNoMoreThanItMust(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyfob.db")
	s := openStore(t, path)
	ctx := t.Context()
	err := s.Update(ctx, func(tx store.Tx) error {
		for i := range 20 {
			w := core.Workspace{ID: fmt.Sprintf("w%02d", i), Owner: core.Local, Labels: map[string]string{"n": fmt.Sprint(i % 2)}, Version: 1}
			if err := tx.Workspaces().Create(ctx, w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = raw(t, path, `UPDATE workspace SET labels = 'damaged' WHERE id < 'w10'`).Close()
	for limit, sound := range map[int]bool{1: true, 5: true, 6: false} {
		err := s.View(ctx, func(tx store.Tx) error {
			f := store.WorkspaceFilter{Selector: core.Selector{"n": "1"}}
			got, err := tx.Workspaces().Page(ctx, core.Local, f, store.Page{Limit: limit})
			if err == nil && len(got) != limit {
				t.Errorf("%d of %d", len(got), limit)
			}
			return err
		})
		if (err == nil) != sound {
			t.Errorf("a page of %d: %v", limit, err)
		}
	}
}

// Pages are read in the order of an index, from the place where they begin.
func TestPlansOfWorkspacePages(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "keyfob.db"))
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Workspaces().Create(t.Context(), storetest.Workspace("a")) }); err != nil {
		t.Fatal(err)
	}
	for _, f := range []store.WorkspaceFilter{{}, {Ended: true}, {Launcher: "x"}, {Launcher: "x", Ended: true}} {
		for _, after := range []string{"", "a"} {
			plan, err := s.WorkspacePlan(t.Context(), core.Local, f, after)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(plan, "; ")
			if !strings.HasPrefix(got, "SEARCH workspace USING INDEX workspace_") || strings.Contains(got, "TEMP B-TREE") ||
				(after != "" && !strings.Contains(got, "(created_at,id)<(?,?)")) {
				t.Errorf("%+v after %q: %s", f, after, got)
			}
		}
	}
}

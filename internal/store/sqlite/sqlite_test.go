package sqlite_test

import (
	"path/filepath"
	"testing"

	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

func openStore(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return openStore(t, filepath.Join(t.TempDir(), "keyfob.db"))
	})
}

func TestConformanceOfTwo(t *testing.T) {
	storetest.Pair(t, func(t *testing.T) (a, b store.Store) {
		path := filepath.Join(t.TempDir(), "keyfob.db")
		return openStore(t, path), openStore(t, path)
	})
}

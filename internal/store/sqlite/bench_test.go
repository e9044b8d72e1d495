package sqlite_test

import (
	"path/filepath"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

func benchStore(b *testing.B) *sqlite.Store {
	b.Helper()
	s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "keyfob.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

// BenchmarkOpen is a warm open of an up-to-date file, with its close.
func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "keyfob.db")
	for b.Loop() {
		s, err := sqlite.Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenReadWrite is what a command does: open, read, write, close.
func BenchmarkOpenReadWrite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "keyfob.db")
	for b.Loop() {
		s, err := sqlite.Open(b.Context(), path)
		if err != nil {
			b.Fatal(err)
		}
		_ = s.View(b.Context(), func(tx store.Tx) error { _, err := tx.Secrets().List(b.Context(), core.Local); return err })
		if err := s.Update(b.Context(), func(tx store.Tx) error {
			return tx.Secrets().Create(b.Context(), storetest.Secret(core.NewID("s")))
		}); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := benchStore(b)
	for b.Loop() {
		err := s.Update(b.Context(), func(tx store.Tx) error {
			return tx.Secrets().Create(b.Context(), storetest.Secret(core.NewID("s")))
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkView(b *testing.B) {
	s := benchStore(b)
	sec := storetest.Secret("one")
	if err := s.Update(b.Context(), func(tx store.Tx) error { return tx.Secrets().Create(b.Context(), sec) }); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		err := s.View(b.Context(), func(tx store.Tx) error {
			_, err := tx.Secrets().Get(b.Context(), core.Local, sec.Name)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVersion(b *testing.B) {
	s := benchStore(b)
	for b.Loop() {
		if _, err := s.Version(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

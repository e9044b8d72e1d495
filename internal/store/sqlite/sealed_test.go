package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/internal/core"
	"keyfob/internal/seal"
	"keyfob/internal/secret"
	"keyfob/internal/store"
	"keyfob/internal/store/sqlite"
	"keyfob/internal/store/storetest"
)

// sealed is a database whose values are sealed, and a way to edit it behind
// Keyfob's back.
type sealed struct {
	*sqlite.Store
	keys *seal.Keys
	db   *sql.DB
}

func newSealed(t *testing.T) *sealed {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyfob.db")
	v := &sealed{Store: openStore(t, path), keys: keysOf(t, 1)}
	err := v.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(v.put(t.Context(), tx, "one"), v.put(t.Context(), tx, "two"), v.putAccount(t.Context(), tx, "work"))
	})
	if err != nil {
		t.Fatal(err)
	}
	v.db = raw(t, path)
	return v
}

func keysOf(t *testing.T, fill byte) *seal.Keys {
	t.Helper()
	r, err := seal.NewRootKey(secret.New(bytes.Repeat([]byte{fill}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewKeys(r)
}

func (v *sealed) put(ctx context.Context, tx store.Tx, id string) error {
	x := storetest.Secret(id)
	d, err := v.keys.Ensure(ctx, tx.Vault(), x.Owner)
	if err != nil {
		return err
	}
	x.KeyID = d.ID()
	if x.Ciphertext, err = d.Seal(seal.SecretBinding(x.Secret), secret.FromString("value of "+id)); err != nil {
		return err
	}
	return tx.Secrets().Create(ctx, x)
}

func (v *sealed) putAccount(ctx context.Context, tx store.Tx, id string) error {
	a := storetest.Account(id)
	d, err := v.keys.Ensure(ctx, tx.Vault(), a.Owner)
	if err != nil {
		return err
	}
	a.KeyID = d.ID()
	if a.Ciphertext, err = d.Seal(seal.AccountBinding(a.Account), secret.FromString("value of "+id)); err != nil {
		return err
	}
	return tx.Accounts().Create(ctx, a)
}

// open gives what each value opens to, or its error.
func (v *sealed) open(t *testing.T, keys *seal.Keys) (values map[string]string, errs map[string]error) {
	t.Helper()
	values, errs = map[string]string{}, map[string]error{}
	note := func(id string, s secret.Secret, err error) {
		if errs[id] = err; err == nil {
			values[id] = string(s.Reveal())
		}
	}
	err := v.View(t.Context(), func(tx store.Tx) error {
		d, keyErr := keys.Open(t.Context(), tx.Vault(), core.Local)
		unseal := func(id string, b seal.Binding, c []byte) {
			if keyErr != nil {
				note(id, secret.Secret{}, keyErr)
				return
			}
			s, err := d.Open(b, c)
			note(id, s, err)
		}
		list, err := tx.Secrets().List(t.Context(), core.Local)
		for _, x := range list {
			unseal(x.ID, seal.SecretBinding(x.Secret), x.Ciphertext)
		}
		accounts, aerr := tx.Accounts().List(t.Context(), core.Local)
		for _, a := range accounts {
			unseal(a.ID, seal.AccountBinding(a.Account), a.Ciphertext)
		}
		return errors.Join(err, aerr)
	})
	if err != nil {
		t.Fatal(err)
	}
	return values, errs
}

func (v *sealed) edit(t *testing.T, statements ...string) {
	t.Helper()
	for _, q := range statements {
		if res, err := v.db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		} else if n, _ := res.RowsAffected(); n == 0 && !strings.HasPrefix(q, "CREATE") {
			t.Fatalf("%s: nothing edited", q)
		}
	}
}

func TestEditsBehindOurBack(t *testing.T) {
	for name, c := range map[string]struct {
		edit   []string
		closed string // ids that must not open any more; all others must
		code   core.Code
		reason string
	}{
		"nothing": {},
		"rows swapped": {[]string{
			"CREATE TABLE kept AS SELECT id, ciphertext FROM secret",
			"UPDATE secret SET ciphertext = (SELECT ciphertext FROM kept WHERE kept.id <> secret.id)",
		}, "one two", core.Internal, seal.ReasonMismatch},
		"ids swapped": {[]string{
			"UPDATE secret SET id = 'three' WHERE id = 'one'", "UPDATE secret SET id = 'one' WHERE id = 'two'",
			"UPDATE secret SET id = 'two' WHERE id = 'three'",
		}, "one two", core.Internal, seal.ReasonMismatch},
		"secret's value to account": {
			[]string{"UPDATE account SET ciphertext = (SELECT ciphertext FROM secret WHERE id = 'one')"},
			"work", core.Internal, seal.ReasonMismatch,
		},
		"other host":     {[]string{"UPDATE account SET base_url = 'https://evil.example.com'"}, "work", core.Internal, seal.ReasonMismatch},
		"other scheme":   {[]string{"UPDATE account SET base_url = 'http://api.example.com'"}, "work", core.Internal, seal.ReasonMismatch},
		"other port":     {[]string{"UPDATE account SET base_url = 'https://api.example.com:444'"}, "work", core.Internal, seal.ReasonMismatch},
		"no host":        {[]string{"UPDATE account SET base_url = ''"}, "work", core.Internal, seal.ReasonMismatch},
		"same origin":    {[]string{"UPDATE account SET base_url = 'https://API.example.com:443/v2'"}, "", "", ""},
		"value version":  {[]string{"UPDATE secret SET value_version = 2 WHERE id = 'one'"}, "one", core.Internal, seal.ReasonMismatch},
		"record version": {[]string{"UPDATE secret SET version = 2 WHERE id = 'one'"}, "", "", ""},
		"cut off":        {[]string{"UPDATE secret SET ciphertext = substr(ciphertext, 1, 20) WHERE id = 'one'"}, "one", core.Internal, seal.ReasonMismatch},
		"emptied":        {[]string{"UPDATE secret SET ciphertext = x'' WHERE id = 'one'"}, "one", core.Internal, seal.ReasonMismatch},
		"data key":       {[]string{"UPDATE data_key SET wrapped = CAST(substr(wrapped, 1, 10) || x'00' || substr(wrapped, 12) AS BLOB)"}, "one two work", core.Internal, seal.ReasonMismatch},
		"data key's id":  {[]string{"UPDATE data_key SET id = 'key_other'"}, "one two work", core.Internal, seal.ReasonMismatch},
		"root key's id":  {[]string{"UPDATE data_key SET root_key_id = 'ff'"}, "one two work", core.Unavailable, seal.ReasonWrongRoot},
	} {
		t.Run(name, func(t *testing.T) {
			v := newSealed(t)
			_, _ = v.open(t, v.keys) // what is remembered must not hide the edit
			if len(c.edit) > 0 {
				v.edit(t, c.edit...)
			}
			values, errs := v.open(t, v.keys)
			if len(errs) != 3 {
				t.Fatalf("%d records left", len(errs))
			}
			for id, err := range errs {
				if strings.Contains(c.closed, id) {
					wants(t, err, c.code, c.reason)
				} else if err != nil || values[id] != "value of "+id {
					t.Errorf("%s: %q, %v", id, values[id], err)
				}
			}
		})
	}
}

func TestEachStoredByteFlipped(t *testing.T) {
	v := newSealed(t)
	var good []byte
	if err := v.db.QueryRowContext(t.Context(), "SELECT ciphertext FROM secret WHERE id = 'one'").Scan(&good); err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		if _, err := v.db.ExecContext(t.Context(), "UPDATE secret SET ciphertext = ? WHERE id = 'one'", bad); err != nil {
			t.Fatal(err)
		}
		values, errs := v.open(t, v.keys)
		wants(t, errs["one"], core.Internal, seal.ReasonMismatch)
		if values["two"] != "value of two" {
			t.Fatal("the neighbour does not open")
		}
	}
	if _, err := v.db.ExecContext(t.Context(), "UPDATE secret SET ciphertext = ? WHERE id = 'one'", good); err != nil {
		t.Fatal(err)
	}
	if values, _ := v.open(t, v.keys); values["one"] != "value of one" {
		t.Fatal("the right bytes do not open again")
	}
}

// Another root key opens nothing and loses nothing.
func TestAnotherRootKey(t *testing.T) {
	v := newSealed(t)
	wrong := keysOf(t, 2)
	_, errs := v.open(t, wrong)
	for _, err := range errs {
		wants(t, err, core.Unavailable, seal.ReasonWrongRoot)
	}
	err := v.Update(t.Context(), func(tx store.Tx) error {
		_, err := wrong.Ensure(t.Context(), tx.Vault(), core.Local)
		return err
	})
	wants(t, err, core.Unavailable, seal.ReasonWrongRoot)
	if values, _ := v.open(t, keysOf(t, 1)); len(values) != 3 {
		t.Fatalf("only %d values open with the right key", len(values))
	}
}

// A data key made in a transaction that is rolled back seals nothing later.
func TestRolledBackDataKey(t *testing.T) {
	v := newSealed(t)
	o := core.Owner{Kind: core.UserOwner, ID: "new"}
	no := errors.New("no")
	var lost string
	err := v.Update(t.Context(), func(tx store.Tx) error {
		for range 2 {
			d, err := v.keys.Ensure(t.Context(), tx.Vault(), o)
			if err != nil {
				return err
			}
			lost = d.ID()
		}
		return no
	})
	if !errors.Is(err, no) {
		t.Fatal(err)
	}
	err = v.Update(t.Context(), func(tx store.Tx) error {
		d, err := v.keys.Ensure(t.Context(), tx.Vault(), o)
		if err == nil && d.ID() == lost {
			t.Error("a key that was never stored is in use")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

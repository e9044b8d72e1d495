package app_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"keyfob/api"
)

// becomes waits until /readyz gives this status and reason.
func (s *served) becomes(t *testing.T, b *http.Client, status int, reason string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var said struct {
			Ready   bool
			Reasons []string
		}
		got := get(t, b, s.URL+"/readyz")
		if err := json.Unmarshal([]byte(got.body), &said); err != nil {
			t.Fatal(err)
		}
		if got.status == status && said.Ready == (status == 200) && (reason == "" || slices.Contains(said.Reasons, reason)) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("/readyz stays at %d %s, want %d with %q\n%s", got.status, got.body, status, reason, s.log)
		}
	}
}

// A tool on the server's machine kept the database locked. Each write failed after
// five seconds, and the balancer went on sending people there: /readyz had only
// read.
func TestReadinessWhileTheStoreIsLocked(t *testing.T) {
	t.Parallel()
	s, b := startServer(t, nil), browser(t)
	s.becomes(t, b, 200, "")
	db, err := sql.Open("sqlite", filepath.Join(s.config.Home, "keyfob.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	s.becomes(t, b, 503, "writes")
	if got := get(t, b, s.URL+"/metrics"); !strings.Contains(got.body, "keyfob_store_unwritable 1") {
		t.Error("the metrics do not say it")
	}
	if _, err := db.Exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	s.becomes(t, b, 200, "")
	wantTurns(t, s.log.String(), "the store cannot be written", "the store can be written again")
}

// wantTurns wants the log to tell of each change, and of no change twice: one line,
// then the other. A probe that stalls by itself makes one turn more.
func wantTurns(t *testing.T, log string, turn ...string) {
	t.Helper()
	n := 0
	for line := range strings.Lines(log) {
		i := slices.IndexFunc(turn, func(text string) bool { return strings.Contains(line, text) })
		if i < 0 {
			continue
		}
		if i != n%len(turn) {
			t.Errorf("the log does not tell of each change once:\n%s", log)
			return
		}
		n++
	}
	if n == 0 || n%len(turn) != 0 {
		t.Errorf("the log tells of %d changes:\n%s", n, log)
	}
}

// Somebody put a backup in the database's place with mv while the server ran. It
// answered "201 Created" for what went into the file that had been moved away.
func TestTheDatabaseIsReplacedUnderTheServer(t *testing.T) {
	t.Parallel()
	s, b := startServer(t, nil), browser(t)
	s.becomes(t, b, 200, "")
	cl := s.client(s.login(t).Token.Value)
	create := func(name string) error {
		_, err := cl.CreateSecret(t.Context(), api.SecretCreate{Name: name, Env: "A", Value: api.NewValue([]byte("x"))})
		return err
	}
	if err := create("BEFORE"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.config.Home, "keyfob.db")
	text, err := os.ReadFile(path)
	if err == nil {
		err = errors.Join(os.Rename(path, path+".aside"), os.WriteFile(path, text, 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ORPHAN", "ANOTHER"} {
		if e, ok := errors.AsType[*api.Error](create(name)); !ok || e.Code != api.CodeUnavailable || e.Reason != "store_moved" && e.Reason != api.ReasonUnconfirmed {
			t.Errorf("a write into the file that was moved: %v", e)
		}
	}
	s.becomes(t, b, 503, "store_moved")
	if err := os.Rename(path+".aside", path); err != nil {
		t.Fatal(err)
	}
	s.becomes(t, b, 200, "")
	if err := create("AFTER"); err != nil {
		t.Error(err)
	}
	var names []string
	list, err := cl.ListSecrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		names = append(names, x.Name)
	}
	if slices.Sort(names); !slices.Equal(names, []string{"AFTER", "BEFORE"}) {
		t.Errorf("it holds %q", names)
	}
}

// Somebody tidied up beside the database while the server ran. What it acknowledged
// after that stood in a file without a name, and a command on the same machine
// began another one.
func TestTheLogIsRemovedUnderTheServer(t *testing.T) {
	t.Parallel()
	c := configFor(t)
	initVault(t, c)
	s, b := startOn(t, c, nil), browser(t)
	s.becomes(t, b, 200, "")
	token := s.login(t).Token.Value
	create := func(name string) error {
		_, err := s.client(token).CreateSecret(t.Context(), api.SecretCreate{Name: name, Env: "A", Value: api.NewValue([]byte("x"))})
		return err
	}
	if err := create("BEFORE"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(c.Home, "keyfob.db-wal")); err != nil {
		t.Fatal(err)
	}
	if e, ok := errors.AsType[*api.Error](create("ORPHAN")); !ok || e.Code != api.CodeUnavailable || e.Reason != "store_moved" && e.Reason != api.ReasonUnconfirmed {
		t.Errorf("a write into the file that was removed: %v", e)
	}
	s.becomes(t, b, 503, "store_moved")
	if log := s.log.String(); !strings.Contains(log, "a file beside the database was removed") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	s.stop() // as the hint says
	s = startOn(t, c, nil)
	s.becomes(t, b, 200, "")
	list, err := s.client(token).ListSecrets(t.Context())
	if err != nil || len(list) != 1 || list[0].Name != "BEFORE" {
		t.Errorf("it holds %v, %v", list, err)
	}
}

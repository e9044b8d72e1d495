package config_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"keyfob/internal/config"
	"keyfob/internal/core"
)

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyfob.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// faults are the details of an error of Load, "where: what" each.
func faults(t *testing.T, err error) []string {
	t.Helper()
	e, ok := errors.AsType[*core.Error](err)
	if !ok || e.Code != core.Invalid || e.Hint == "" {
		t.Fatalf("want an invalid configuration, got %v", err)
	}
	var out []string
	for _, d := range e.Details {
		out = append(out, d.Field+": "+d.Message)
	}
	return out
}

func TestNothingSaidIsGood(t *testing.T) {
	s, err := config.Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Listen != "127.0.0.1:4780" || !s.Loopback() || s.TLS() || s.Grace != 5*time.Minute {
		t.Errorf("got %+v", s)
	}
	for _, l := range s.Lines() {
		if l.From != "default" {
			t.Errorf("%s comes from %s", l.Key, l.From)
		}
	}
}

// Each setting can be given in each of three ways, and the later one counts.
func TestPrecedence(t *testing.T) {
	path := file(t, "log_level: debug\ndrain: 1m\ngrace: 1m\n")
	environ := []string{"KEYFOB_DRAIN=2m", "KEYFOB_GRACE=2m", "KEYFOB_CONFIG=" + path, "PATH=/bin", "KEYFOB_LOG_FORMAT="}
	s, err := config.Load("", environ, map[string]string{"grace": "3m"})
	if err != nil {
		t.Fatal(err)
	}
	if s.LogLevel != "debug" || s.Drain != 2*time.Minute || s.Grace != 3*time.Minute || s.LogFormat != "json" {
		t.Errorf("got %+v", s)
	}
	from := map[string]string{}
	for _, l := range s.Lines() {
		from[l.Key] = l.From
	}
	if from["log_level"] != "keyfob.yaml:1" || from["drain"] != "KEYFOB_DRAIN" || from["grace"] != "--grace" {
		t.Errorf("got %v", from)
	}
}

// TestTableIsWhole holds that each field of Server is a setting, that each can
// be given as a flag, and that what is printed of it is read back the same.
func TestTableIsWhole(t *testing.T) {
	fields := 0
	for _, f := range reflect.VisibleFields(reflect.TypeFor[config.Server]()) {
		if f.IsExported() {
			fields++
		}
	}
	settings := config.Settings()
	if len(settings) != fields {
		t.Errorf("%d settings for %d fields", len(settings), fields)
	}
	seen := map[string]bool{}
	flags := map[string]string{}
	for _, s := range settings {
		if s.Usage == "" || seen[s.Key] || s.Flag() == "" || !strings.HasPrefix(s.Env(), "KEYFOB_") {
			t.Errorf("%+v", s)
		}
		seen[s.Key] = true
		if !s.FileOnly && s.Default != "" {
			flags[s.Key] = s.Default
		}
	}
	got, err := config.Load("", nil, flags)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := config.Load("", nil, nil)
	for i, l := range got.Lines() {
		if l.Value != want.Lines()[i].Value {
			t.Errorf("%s is read back as %s", want.Lines()[i].Value, l.Value)
		}
	}
}

func TestFaultsOfTheFile(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"listn: x\n", `keyfob.yaml:1: there is no setting "listn"; listen is meant?`},
		{"\n\ntls-cert: x\n", `keyfob.yaml:3: there is no setting "tls-cert"; tls_cert is meant?`},
		{"zzzzzzzz: 1\n", `keyfob.yaml:1: there is no setting "zzzzzzzz"`},
		{"listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n", "keyfob.yaml:2: listen stands twice: in line 1 already"},
		{"insecure: yes please\n", "keyfob.yaml:1: insecure must be true or false"},
		{"insecure: \"true\"\n", "keyfob.yaml:1: insecure must be true or false"},
		{"max_streams: many\n", "keyfob.yaml:1: max_streams must be a whole number"},
		{"max_streams: 0\n", "keyfob.yaml:1: max_streams must be 1 to 1000"},
		{"grace: 5\n", "keyfob.yaml:1: grace must be a duration such as 30s, 5m, 12h or 30d"},
		{"grace: -5s\n", "keyfob.yaml:1: grace must be 0s to 1d"},
		{"listen: 4780\n", "keyfob.yaml:1: listen must be text; put it in quotes"},
		{"listen: \"4780\"\n", "keyfob.yaml:1: listen must be HOST:PORT, such as 127.0.0.1:4780 or [::1]:4780"},
		{"listen: 127.0.0.1:http\n", "keyfob.yaml:1: listen must be HOST:PORT, such as 127.0.0.1:4780 or [::1]:4780"},
		{"listen: keyfob.example.com:80\n", "keyfob.yaml:1: listen takes an address, localhost, or nothing for every interface; not a name"},
		{"listen: null\n", "keyfob.yaml:1: listen must be text; put it in quotes"},
		{"- listen\n", "keyfob.yaml:1: this must be settings, such as listen: 127.0.0.1:4780"},
		{"a: [\n", "keyfob.yaml:1: this is not YAML"},
		{"log_level: info\n---\nlog_level: debug\n", "keyfob.yaml: there is more than one document in it"},
		{"log_level: &a info\nlog_format: *a\n", "keyfob.yaml:1: log_level: anchors and aliases are not taken"},
		{"proxy_networks: 10.0.0.0/8\n", "keyfob.yaml:1: proxy_networks must be a list"},
		{"proxy_networks: [10.0.0.0/99]\n", "keyfob.yaml:1: proxy_networks must be networks such as 10.0.0.0/8 or fd00::/8"},
		{"launchers:\n- name: ci\n  user: [a]\n", `keyfob.yaml:3: there is no setting "user"; users is meant?`},
		{"launchers:\n- name: ci\n  users: [ada]\n", "keyfob.yaml:2: a launcher has a key_digest or a key_file: keyfob launcher key makes both"},
		{"launchers:\n- name: ci\n  users: [ada]\n  key_digest: kfl_secret\n", "keyfob.yaml:2: key_digest must be the SHA-256 of the key, 64 digits in hex: keyfob launcher key prints it"},
		{"? [a]\n: b\n", "keyfob.yaml:1: a setting's name must be text"},
	} {
		_, err := config.Load(file(t, c.text), nil, nil)
		if got := strings.Join(faults(t, err), "\n"); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q gives\n%s\nwant\n%s", c.text, got, c.want)
		}
	}
}

// Every fault is told at once, and none repeats what may be a key in the wrong
// place.
func TestFaultsTogether(t *testing.T) {
	const canary = "kfl_canary7f31"
	path := file(t, "key_digest: "+canary+"\nlisten: "+canary+"\ninsecure: "+canary+"\nlaunchers:\n- "+canary+"\n- name: "+canary+"\n  key_digest: "+canary+"\n  users: ["+canary+"!]\n")
	_, err := config.Load(path, []string{"KEYFOB_LISTN=" + canary, "KEYFOB_GRACE=" + canary}, map[string]string{"drain": canary})
	got := faults(t, err)
	if len(got) < 6 {
		t.Errorf("only %d faults: %q", len(got), got)
	}
	for _, f := range got {
		if strings.Contains(f, canary) {
			t.Errorf("a value is repeated: %s", f)
		}
	}
}

// Whoever mends what a first start told of was told of the next fault only by the
// second start, and of a port out of range by the third. A value that could not
// be read must not make others look wrong for its sake.
func TestFaultsOfReadingAndOfRangesTogether(t *testing.T) {
	path := file(t, "max_streams: 0\ndrain: soon\ntls_key: [a]\nlistne: x\ntls_cert: /tls.pem\nlaunchers:\n- name: ci\n  users: [ada]\n  key_digest: 7\n- name: tf!\n  users: [ada]\n  key_file: k\n")
	_, err := config.Load(path, []string{"KEYFOB_LOG_LEVEL=loud"}, map[string]string{"listen": "127.0.0.1:70000", "max_secrets": "0"})
	got := strings.Join(faults(t, err), "\n")
	for _, want := range []string{
		"keyfob.yaml:1: max_streams must be 1 to 1000", "keyfob.yaml:2: drain must be a duration", "keyfob.yaml:3: tls_key must be text",
		`keyfob.yaml:4: there is no setting "listne"`, "keyfob.yaml:9: a launcher's key_digest must be text", "keyfob.yaml:10: a launcher's name",
		"KEYFOB_LOG_LEVEL: log_level must be", "--listen: listen must be HOST:PORT", "--max-secrets: max_secrets must be",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("nothing says %q", want)
		}
	}
	for _, not := range []string{"go together", "public_url", "has a key_digest or a key_file"} {
		if strings.Contains(got, not) {
			t.Errorf("what follows from another fault is told: %q", not)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestSlipsInTheEnvironment(t *testing.T) {
	_, err := config.Load("", []string{"KEYFOB_LISTENN=127.0.0.1:1"}, nil)
	if got := faults(t, err); got[0] != "KEYFOB_LISTENN: there is no such variable; KEYFOB_LISTEN is meant?" {
		t.Errorf("got %q", got)
	}
	for _, fine := range []string{"KEYFOB_HOME=/x", "KEYFOB_VAULT_KEY=x", "KEYFOB_SOMETHING_ELSE=x"} {
		if _, err := config.Load("", []string{fine}, nil); err != nil {
			t.Errorf("%s: %v", fine, err)
		}
	}
}

// A value that could not be read was looked at all the same, as zero.
func TestOneFaultForOneValue(t *testing.T) {
	for given, want := range map[string]string{
		"token_life: 99999d": "token_life must be 1m to 366d", "token_life: soon": "token_life must be a duration such as 30s, 5m, 12h or 30d",
		"grace: 99999999999h": "grace must be a duration such as 30s, 5m, 12h or 30d", "max_requests: 99999999999999999999": "max_requests must be a whole number",
		"drain: -1s": "drain must be 0s to 1h", "proxy_networks: [nowhere]": "proxy_networks must be networks such as 10.0.0.0/8 or fd00::/8",
	} {
		_, err := config.Load(file(t, given+"\n"), nil, nil)
		if got := faults(t, err); len(got) != 1 || !strings.HasSuffix(got[0], want) {
			t.Errorf("%s: %q", given, got)
		}
	}
}

func TestLaunchersOfTheFile(t *testing.T) {
	s, err := config.Load(file(t, "launchers:\n- name: ci\n  users: [ada, \"*\"]\n  key_digest: "+strings.Repeat("ab", 32)+"\n  labels: {team: web}\n"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := s.Launchers[0]
	if l.Name != "ci" || len(l.Users) != 2 || l.Labels["team"] != "web" {
		t.Errorf("got %+v", l)
	}
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{"", "listen: 127.0.0.1:1\n", "launchers:\n- name: a\n  users: [b]\n", "a: &x [*x]\n", "? {a: b}\n: c\n", "- - -\n", "grace: 0\n"} {
		f.Add([]byte(seed))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(dir, "f.yaml")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := config.Load(path, nil, nil)
		if err != nil {
			return
		}
		if !s.Loopback() && !s.TLS() && !s.Insecure {
			t.Error("plain HTTP beyond this machine without insecure")
		}
		if host, _, _ := net.SplitHostPort(s.MetricsListen); s.MetricsListen != "" && !s.Insecure && host != "localhost" && !net.ParseIP(host).IsLoopback() {
			t.Error("metrics beyond this machine without insecure")
		}
		if s.IdentityHeader != "" && (len(s.ProxyNetworks) == 0 || s.ProxySecretFile == "" && len(s.ProxyCertificates) == 0) {
			t.Error("an identity header is believed from anybody")
		}
	})
}

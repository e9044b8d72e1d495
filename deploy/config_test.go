package deploy

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"keyfob/internal/config"
)

// The example must be one that the program takes, also with its other half.
func TestExampleOfSettings(t *testing.T) {
	s, err := config.Load("keyfob.yaml", nil, nil)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	if !s.Loopback() || s.IdentityHeader == "" || len(s.Launchers) != 1 || s.AuditSink == "" {
		t.Errorf("%+v", s)
	}
	b, err := os.ReadFile("keyfob.yaml")
	if err != nil {
		t.Fatal(err)
	}
	proxy := regexp.MustCompile(`(?s)# Behind a proxy.*?# Or with TLS`).FindString(string(b))
	other := strings.Replace(string(b), proxy, "# Or with TLS", 1)
	other = regexp.MustCompile(`(?m)^# (listen|tls_cert|tls_key):`).ReplaceAllString(other, "$1:")
	path := t.TempDir() + "/keyfob.yaml"
	if err := os.WriteFile(path, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err = config.Load(path, nil, nil); err != nil || !s.TLS() || s.IdentityHeader != "" {
		t.Errorf("the half with TLS: %+v, %+v", s, err)
	}
}

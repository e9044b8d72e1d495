package deliver

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keyfob/api"
)

func geminiPlan(t *testing.T, state string, environ ...string) Plan {
	t.Helper()
	p, err := NewPlan(PlanInput{
		Environ: environ, Command: []string{"gemini"}, BaseURL: "http://127.0.0.1:1", State: state,
		SessionKey: api.NewKey([]byte("kfs_x")), GatewayKey: api.NewKey([]byte("kfg_x")),
		Manifest: api.Manifest{Gateways: []api.Gateway{{Provider: "google", Backend: "google", Dialect: "google", Path: "/p/google/default"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const defaultsVar = "GEMINI_CLI_SYSTEM_DEFAULTS_PATH"

// With a base URL and no chosen kind of login Gemini CLI refuses to start, and
// it takes that choice from a file alone.
func TestGeminiIsToldToUseAKey(t *testing.T) {
	state := t.TempDir()
	p := geminiPlan(t, state)
	if len(p.Settings) != 1 || !slices.Contains(p.Environ(), defaultsVar+"="+p.Settings[0].Path) {
		t.Fatalf("settings %v do not stand in the environment", p.Settings)
	}
	if _, err := os.Stat(p.Settings[0].Path); err == nil {
		t.Error("a plan alone wrote a file")
	}
	for range 2 {
		if err := WriteSettings(p.Settings); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(p.Settings[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Security struct{ Auth struct{ SelectedType string } }
	}
	if err := json.Unmarshal(b, &got); err != nil || got.Security.Auth.SelectedType != "gemini-api-key" {
		t.Errorf("the file says %s, %v", b, err)
	}
	if strings.Contains(string(b), "kfg_") {
		t.Error("the file holds a key")
	}
	checkPrivate(t, state)
}

func checkPrivate(t *testing.T, state string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(state, "clients"), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		if strings.HasPrefix(d.Name(), ".new-") {
			t.Errorf("%s is left over", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheCallersOwnDefaultsStay(t *testing.T) {
	p := geminiPlan(t, t.TempDir(), defaultsVar+"=/mine")
	if len(p.Settings) != 0 || !slices.Contains(p.Environ(), defaultsVar+"=/mine") {
		t.Errorf("settings %v", p.Settings)
	}
}

func TestSettingsThatCannotBeWritten(t *testing.T) {
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "clients"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteSettings(geminiPlan(t, state).Settings); err == nil {
		t.Error("no error")
	}
}

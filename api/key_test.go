package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"keyfob/api"
)

// Somebody scripts curl and jq -r .session_key, and sends what they get: it must
// be the key, not the key in base64.
func TestAKeyTravelsAsItIs(t *testing.T) {
	made := api.WorkspaceCreated{SessionKey: api.NewKey([]byte("kfs_canary7f31"))}
	b, err := json.Marshal(made)
	if err != nil || !strings.Contains(string(b), `"session_key":"kfs_canary7f31"`) || strings.Contains(string(b), "gateway_key") {
		t.Errorf("got %s, %v", b, err)
	}
	var back api.WorkspaceCreated
	if err := json.Unmarshal(b, &back); err != nil || string(back.SessionKey.Bytes()) != "kfs_canary7f31" || !back.GatewayKey.IsZero() {
		t.Errorf("got %v", err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		if got := fmt.Sprintf(verb, made); strings.Contains(got, "canary") || strings.Contains(got, "63616e617279") {
			t.Errorf("%s shows the key", verb)
		}
	}
}

// What is no key is neither sent nor taken, and no error quotes it.
func TestWhatIsNoKey(t *testing.T) {
	for _, text := range []string{"canary key", "canary\n", "canär", "canary\x00", " canary", "canary\x7f"} {
		if b, err := json.Marshal(api.NewKey([]byte(text))); err == nil || strings.Contains(err.Error(), "can") {
			t.Errorf("%q travels as %s, or %v", text, b, err)
		}
		coded, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var k api.Key
		if err := json.Unmarshal(coded, &k); err == nil || strings.Contains(err.Error(), "canar") || !k.IsZero() {
			t.Errorf("%q is taken, or %v", text, err)
		}
	}
	for _, raw := range []string{`7`, `{}`, `["kfs_a"]`, `true`, `"[redacted]"`} {
		var k api.Key
		if err := json.Unmarshal([]byte(raw), &k); err == nil {
			t.Errorf("%s is taken", raw)
		}
	}
}

func FuzzKey(f *testing.F) {
	f.Add([]byte(`"kfs_a"`))
	f.Add([]byte(`"a\u0020b"`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var k api.Key
		if json.Unmarshal(raw, &k) != nil {
			return
		}
		b, err := json.Marshal(k)
		var again api.Key
		if err != nil || json.Unmarshal(b, &again) != nil || string(again.Bytes()) != string(k.Bytes()) {
			t.Errorf("%q does not come back: %s, %v", raw, b, err)
		}
	})
}

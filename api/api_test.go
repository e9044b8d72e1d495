package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"keyfob/api"
)

func TestValueTravelsOnlyAsJSON(t *testing.T) {
	raw := []byte("canary-\x00\xff-7f31")
	created := api.SecretCreate{Name: "A", Value: api.NewValue(raw)}
	b, err := json.Marshal(created)
	if err != nil {
		t.Fatal(err)
	}
	var back api.SecretCreate
	if err := json.Unmarshal(b, &back); err != nil || !bytes.Equal(back.Value.Bytes(), raw) {
		t.Errorf("the bytes did not survive: %v", err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		if got := fmt.Sprintf(verb, created); strings.Contains(got, "canary") || strings.Contains(got, "63616e617279") {
			t.Errorf("%s shows the value", verb)
		}
	}
	if err := json.Unmarshal([]byte(`{"value":"canary-not-base64"}`), &back); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a decode error quotes the value or is missing: %v", err)
	}
}

func TestEmptyKeyIsLeftOut(t *testing.T) {
	b, err := json.Marshal(api.WorkspaceCreated{})
	if err != nil || strings.Contains(string(b), "gateway_key") {
		t.Errorf("got %s, %v", b, err)
	}
}

func TestCodeTable(t *testing.T) {
	status, exit := map[int]bool{}, map[int]bool{}
	for _, c := range api.Codes {
		if status[c.Status] || exit[c.Exit] {
			t.Errorf("%s shares its status or exit code", c.Code)
		}
		status[c.Status], exit[c.Exit] = true, true
		if api.StatusOf(c.Code) != c.Status || api.ExitOf(c.Code) != c.Exit {
			t.Errorf("%s does not look itself up", c.Code)
		}
	}
	if api.StatusOf("?") != 500 || api.ExitOf("?") != 1 {
		t.Error("an unknown code is not internal")
	}
}

func TestErrorMatchesAcrossTheWire(t *testing.T) {
	b, err := json.Marshal(api.ErrorBody{Error: &api.Error{Code: api.CodeNotFound, Reason: "r", Message: "m"}})
	if err != nil {
		t.Fatal(err)
	}
	var back api.ErrorBody
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(back.Error, &api.Error{Code: api.CodeNotFound}) || errors.Is(back.Error, &api.Error{Code: api.CodeConflict}) ||
		errors.Is(back.Error, &api.Error{Code: api.CodeNotFound, Reason: "other"}) {
		t.Error("errors.Is does not match by code and reason")
	}
}

func TestSecondsRoundUp(t *testing.T) {
	for d, want := range map[time.Duration]api.Seconds{-time.Second: 0, 0: 0, time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2} {
		if got := api.SecondsOf(d); got != want {
			t.Errorf("%v is %d, want %d", d, got, want)
		}
	}
}

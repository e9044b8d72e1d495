package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"keyfob/api"
)

// childReport is what the demo's child saw; it goes through a file of the
// demo's own directory.
type childReport struct {
	Variable string
	File     string
	FileMode fs.FileMode
	Lookup   string
	Answers  []childAnswer
	Environ  []string
}

type childAnswer struct {
	Status  int
	Account string
	Text    string
}

// demoChild is a program that Keyfob's run command starts, like any agent: it
// knows nothing but its environment.
func demoChild(ctx context.Context, e *Env, path string) error {
	r := childReport{Environ: e.Environ, Variable: e.Getenv(demoVariable)}
	e.Printf("   [child] variable  %s=%s", demoVariable, r.Variable)
	if err := r.readFile(e); err != nil {
		return err
	}
	if err := r.lookUp(ctx, e); err != nil {
		return err
	}
	e.Printf("   [child] gateway   %s with a key that is good for this run only", e.Getenv("ANTHROPIC_BASE_URL"))
	for range 2 {
		if err := r.ask(ctx, e); err != nil {
			return err
		}
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

func (r *childReport) readFile(e *Env) error {
	path := filepath.Join(e.Getenv("HOME"), strings.TrimPrefix(demoFile, "~/"))
	b, err := os.ReadFile(path)
	if err != nil {
		return fileError("cannot read", path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return fileError("cannot look at", path, err)
	}
	r.File, r.FileMode = string(b), info.Mode().Perm()
	e.Printf("   [child] file      %s (%04o): %s", demoFile, r.FileMode, strings.TrimSpace(r.File))
	return nil
}

// lookUp does what a script would: it runs keyfob get.
func (r *childReport) lookUp(ctx context.Context, e *Env) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "get", demoLookup)
	cmd.Stderr = e.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("keyfob get: %w", err)
	}
	r.Lookup = string(out)
	e.Printf("   [child] lookup    keyfob get %s: %s", demoLookup, r.Lookup)
	return nil
}

// ask sends one message the way an Anthropic client does.
func (r *childReport) ask(ctx context.Context, e *Env) error {
	body := []byte(`{"model":"demo-model","max_tokens":64,"messages":[{"role":"user","content":"Hello"}]}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.Getenv("ANTHROPIC_BASE_URL")+"/v1/messages", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Anthropic-Version", "2023-06-01")
	req.Header.Set("Authorization", "Bearer "+e.Getenv("ANTHROPIC_AUTH_TOKEN"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	a := childAnswer{Status: resp.StatusCode, Account: resp.Header.Get("Keyfob-Account"), Text: messageText(b)}
	r.Answers = append(r.Answers, a)
	e.Printf("   [child] answer    %d: %q", a.Status, a.Text)
	return nil
}

func messageText(body []byte) string {
	var m struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
	}
	if json.Unmarshal(body, &m) != nil || len(m.Content) == 0 {
		return ""
	}
	return m.Content[0].Text
}

// runChild starts the child through the run command of this very program, in a
// process of its own, and tells what the provider sees meanwhile.
func (d *demo) runChild(ctx context.Context) (childReport, error) {
	var got childReport
	self, err := os.Executable()
	if err != nil {
		return got, fmt.Errorf("find this program: %w", err)
	}
	report := filepath.Join(d.dir, "report.json")
	d.say("\n3  keyfob run -- PROGRAM: what the program gets, and what the provider sees.")
	cmd := exec.CommandContext(ctx, self, "run", "--", self, "demo", "--child", report)
	cmd.Env, cmd.Stdout, cmd.Stderr = d.env.Environ, &teller{demo: d, to: d.out.Stdout}, d.out.Stderr
	if d.out.JSON() {
		cmd.Stdout = d.out.Stderr
	}
	err = cmd.Run()
	d.tell()
	if err != nil {
		return got, &api.Error{Code: api.CodeInternal, Message: "keyfob run failed: " + err.Error(), Hint: "what it printed stands above"}
	}
	b, err := os.ReadFile(report)
	if err == nil {
		err = json.Unmarshal(b, &got)
	}
	return got, err
}

// teller passes on what the child prints, each time after what the provider
// saw before it.
type teller struct {
	demo *demo
	to   io.Writer
}

func (t *teller) Write(p []byte) (int, error) {
	t.demo.tell()
	return t.to.Write(p)
}

// tell tells the requests that the provider has answered since the last call.
func (d *demo) tell() {
	for _, r := range d.provider.Requests()[d.told:] {
		if r.Status == 0 {
			return
		}
		d.say("   [provider] %s %s by account %q: %d %s", r.Method, r.Path, r.Account, r.Status, http.StatusText(r.Status))
		d.told++
	}
}

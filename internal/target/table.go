package target

// refused is what no secret of the organisation is written to, and why. What a tool
// keeps its credentials in stays open, although some of it says more than that
// (~/.npmrc, ~/.netrc, ~/.kube/config, ~/.docker/config.json): it is what such
// secrets are for, and one tool obeys it. A
// pattern takes the path itself and everything below it. One that begins with /
// stands at the root; any other is found anywhere in a path, since a home
// directory may be anywhere. A component * is any one, and x* any that begins
// with x. All is compared in lower case.
var refused = []struct{ why, patterns string }{
	{"a shell or a terminal obeys it", `
		.bash* .zsh* .profile .profile.d .login .logout .cshrc .tcshrc .kshrc .mkshrc .shrc .shinit .ashrc .dashrc .yashrc
		.inputrc .xonshrc .elvish .oh-my-zsh .antigen .zplug .zinit .dircolors .envrc .direnvrc .screenrc .tmux.conf .hushlogin
		.config/fish .config/bash* .config/zsh .config/nushell .config/xonsh .config/elvish .config/powershell .config/direnv
		.config/tmux .config/starship.toml .config/sh .config/shell fish/config.fish fish/conf.d
		.local/share/bash-completion .local/share/fish .local/share/zsh
		documents/powershell documents/windowspowershell .local/share/powershell`},
	{"a session starts what it says", `
		.xprofile .xsession* .xinitrc .xserverrc .pam_environment .xsettingsd autostart environment.d
		.config/plasma-workspace .config/upstart .local/share/dbus-1 launchagents launchdaemons
		.config/user-tmpfiles.d crontab .crontab`},
	{"git obeys it", `.git .gitconfig .gitmodules .gitattributes .config/git git/config git/attributes git/hooks`},
	{"ssh obeys it", `.ssh .rhosts .shosts .config/ssh .config/openssh sshd_config authorized_keys known_hosts`},
	{"systemd obeys it", `systemd .config/containers/systemd`},
	{ofKeyfob, `
		.keyfob .config/keyfob .local/share/keyfob .local/state/keyfob .cache/keyfob keyfob.yaml keyfob.yml
		application*support/keyfob appdata/*/keyfob`},
	{"an editor, a debugger or an interpreter runs what it holds", `
		.vim .vimrc .gvimrc .viminfo .exrc .nexrc .ideavimrc .config/nvim .config/vim .local/share/nvim .local/state/nvim
		.emacs* .config/emacs .spacemacs* .doom.d .config/doom .config/helix .config/kak .config/micro .nanorc .config/nano
		.lesskey .config/lesskey .vscode* .config/code .cursor* .config/zed .idea
		.gdbinit .gdbearlyinit .config/gdb .lldbinit* .perldb .rdebugrc .byebugrc .pdbrc .cdbinit
		.psqlrc .sqliterc .config/sqlite3 .irbrc .config/irb .pryrc .config/pry .pythonrc* .pythonstartup .ipython .jupyter
		.rprofile .renviron .julia/config .octaverc .sbclrc .guile .ghci .haskeline .iex.exs .erlang .config/erlang .noderc .node_repl* .jshellrc
		.wezterm.lua .config/wezterm .config/kitty .config/alacritty .alacritty* .config/ghostty .hammerspoon`},
	{"a coding agent obeys it", `
		.claude/settings* .claude/hooks .claude/commands .claude/agents .claude/skills .claude/plugins .claude/claude.md .claude.json
		.codex/config* .codex/agents.md .codex/prompts .gemini/settings* .gemini/extensions .gemini/commands .gemini/gemini.md
		.config/opencode .opencode .mcp.json .aider.conf.yml .config/goose .continue`},
	{"programs are found there", `bin/* sbin/* .cargo/env* .config/nix .nix-profile`},
	{"a loader takes code from there", `
		.local/lib site-packages/* dist-packages/* node_modules/* .node_modules/* .node_libraries/* .ld.so.preload ld.so.preload
		ld.so.conf ld.so.conf.d`},
	{"it belongs to the system", `
		/etc /bin /sbin /lib /lib32 /lib64 /libx32 /boot /dev /proc /sys /usr /nix /snap /system /library
		/var/spool /var/cron /var/at /var/db /var/service /private/etc /private/var/spool /private/var/cron /private/var/at
		/windows /programdata /winnt`},
}

const ofKeyfob = "Keyfob keeps its own state or settings there"

// kept are places below those at the root that belong to users all the same.
var kept = []string{"/usr/home/*", "/system/volumes/data/users/*", "/system/volumes/data/home/*"}

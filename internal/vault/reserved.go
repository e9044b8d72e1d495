package vault

import (
	"strings"

	"keyfob/internal/core"
)

// class is variables that are reserved for one reason.
type class struct {
	why, names string
}

// Classes of which a server's administrator may allow single names to users, see
// CheckAllowEnv. They make one kind of program load or run something; those of
// the other classes reach every program, Keyfob's own among them.
const (
	runtimeHook = "a language's runtime loads code by it"
	buildHook   = "a build tool runs what it names"
)

// reserved is the variables that no secret is delivered as, and why. Names are
// compared without case; a trailing * takes every name that begins so.
var reserved = []class{
	{"it is how the shell and every program find their way", `
		PATH HOME SHELL USER LOGNAME USERNAME PWD OLDPWD LANG LANGUAGE TERM TERMCAP TERMINFO TMPDIR TMP TEMP HOSTNAME
		LC_* XDG_RUNTIME_DIR XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_STATE_HOME XDG_CONFIG_DIRS XDG_DATA_DIRS
		PATHEXT COMSPEC SYSTEMROOT SYSTEMDRIVE WINDIR USERPROFILE HOMEDRIVE HOMEPATH APPDATA LOCALAPPDATA PROGRAMDATA
		ALLUSERSPROFILE PROGRAMFILES`},
	{"a shell runs or obeys what it holds", `
		IFS CDPATH ENV BASH_ENV BASH_FUNC_* BASHOPTS SHELLOPTS BASH_LOADABLES_PATH PROMPT_COMMAND PS0 PS1 PS2 PS4
		ZDOTDIR FPATH GLOBIGNORE EXECIGNORE INPUTRC HISTFILE PSMODULEPATH`},
	{"programs run what it names", `
		EDITOR VISUAL PAGER MANPAGER BROWSER FCEDIT LESSOPEN LESSCLOSE SSH_ASKPASS SUDO_ASKPASS SUDO_EDITOR
		SYSTEMD_EDITOR SYSTEMD_PAGER RSYNC_RSH CVS_RSH SVN_SSH SVN_EDITOR VIMINIT GVIMINIT EXINIT MYVIMRC`},
	{"git obeys it", `GIT_*`},
	{"it is how ssh finds its agent and session", `SSH_AUTH_SOCK SSH_CLIENT SSH_CONNECTION SSH_TTY`},
	{"the system's loader puts code into every program by it", `
		LD_* DYLD_* GCONV_PATH LOCPATH NLSPATH GLIBC_TUNABLES GETCONF_DIR HOSTALIASES RES_OPTIONS LOCALDOMAIN
		OPENSSL_CONF OPENSSL_ENGINES OPENSSL_MODULES
		GTK_MODULES GTK_PATH GIO_MODULE_DIR GIO_EXTRA_MODULES GST_PLUGIN_PATH QT_PLUGIN_PATH QT_QPA_PLATFORM_PLUGIN_PATH`},
	{runtimeHook, `
		NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE NPM_CONFIG_NODE_OPTIONS NPM_CONFIG_SCRIPT_SHELL
		ELECTRON_RUN_AS_NODE BUN_OPTIONS
		PYTHONSTARTUP PYTHONPATH PYTHONHOME PYTHONUSERBASE PYTHONEXECUTABLE PYTHONBREAKPOINT PYTHONWARNINGS
		PYTHONPLATLIBDIR PYTHONPYCACHEPREFIX PYTHONINSPECT PYTHON_PRESITE
		PERL5OPT PERL5LIB PERLLIB PERL5DB PERL5SHELL PERLIO_DEBUG
		RUBYOPT RUBYLIB RUBYSHELL GEM_HOME GEM_PATH BUNDLE_GEMFILE
		JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS JDK_JAVAC_OPTIONS JAVA_OPTS CLASSPATH
		DOTNET_STARTUP_HOOKS DOTNET_ADDITIONAL_DEPS DOTNET_SHARED_STORE
		CORECLR_ENABLE_PROFILING CORECLR_PROFILER* COR_ENABLE_PROFILING COR_PROFILER*
		PHPRC PHP_INI_SCAN_DIR LUA_INIT* LUA_PATH* LUA_CPATH* R_PROFILE R_PROFILE_USER R_ENVIRON R_ENVIRON_USER R_LIBS*
		ERL_LIBS ERL_FLAGS ERL_AFLAGS ERL_ZFLAGS ELIXIR_ERL_OPTIONS JULIA_LOAD_PATH JULIA_DEPOT_PATH
		GUILE_LOAD_PATH GUILE_LOAD_COMPILED_PATH TCLLIBPATH`},
	{buildHook, `
		MAKEFLAGS GNUMAKEFLAGS MFLAGS MAKEFILES GOFLAGS GOENV RUSTC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTFLAGS
		CARGO_BUILD_RUSTC* CARGO_ENCODED_RUSTFLAGS`},
	{"Coder sets it in its workspaces", `CODER CODER_* VSCODE_PROXY_URI CS_DISABLE_GETTING_STARTED_OVERRIDE`},
	{"Keyfob sets it itself", `KEYFOB KEYFOB_*`},
}

// Reserved says whether a variable is reserved, and why, as half a sentence.
func Reserved(name string) (why string, yes bool) { return among(reserved, name) }

func among(classes []class, name string) (why string, yes bool) {
	upper := strings.ToUpper(name)
	for _, c := range classes {
		for one := range strings.FieldsSeq(c.names) {
			if fits(one, upper) {
				return c.why, true
			}
		}
	}
	return "", false
}

// fits says whether a name is the pattern's; its one * stands for anything.
func fits(pattern, name string) bool {
	head, tail, open := strings.Cut(pattern, "*")
	if !open {
		return pattern == name
	}
	return len(name) >= len(head)+len(tail) && strings.HasPrefix(name, head) && strings.HasSuffix(name, tail)
}

// CheckAllowEnv says which of the names in Limits.AllowEnv cannot be allowed:
// one that is not reserved, or is reserved for more than one runtime's or build
// tool's sake (PATH, HOME, LD_PRELOAD, GIT_SSH_COMMAND, KEYFOB_URL and so on).
func CheckAllowEnv(names []string) error {
	for _, n := range names {
		switch why, yes := Reserved(n); {
		case !yes:
			return core.Errorf(core.Invalid, "the variable %q is not reserved", n).WithField("allow_env").
				WithHint("leave it out: every secret may be delivered as it")
		case why != runtimeHook && why != buildHook:
			return core.Errorf(core.Invalid, "the variable %s cannot be allowed: %s", n, why).WithField("allow_env").
				WithHint("only what one runtime or build tool obeys can be, such as NODE_OPTIONS or GOFLAGS")
		}
	}
	return nil
}

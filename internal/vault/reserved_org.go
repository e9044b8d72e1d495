package vault

import (
	"slices"
	"strings"

	"keyfob/internal/core"
)

// reservedOfOrg is the variables that no secret of the organisation is delivered
// as, beside those that nobody's is. Who may write the organisation's secrets
// must not be able to run programs in everybody's name, nor to have what people
// and their tools send come by elsewhere. None of these is a credential: what a
// registry or a service wants to be shown has a variable or a file of its own,
// such as NPM_TOKEN, UV_INDEX_NAME_PASSWORD, CARGO_REGISTRY_TOKEN, ~/.netrc or
// ~/.npmrc. Addresses of package indexes (PIP_INDEX_URL and its like) are among
// them although they may hold a password: what is installed from there is run,
// and the password can stand in ~/.netrc. Names as in reserved; one * stands for
// anything, wherever it is.
var reservedOfOrg = []class{
	{"it leads what is sent elsewhere", `
		*_PROXY SOCKS_SERVER WGETRC CURL_HOME
		*_BASE_URL *_BASE_URI *_API_BASE *_API_URL *_API_HOST *_ENDPOINT *_ENDPOINT_URL AWS_ENDPOINT_URL_*
		CLOUDSDK_API_* OLLAMA_HOST VAULT_ADDR DOCKER_HOST DOCKER_CONTEXT CONTAINER_HOST BUILDKIT_HOST KUBERNETES_SERVICE_*
		KUBERNETES_MASTER BOTO_CONFIG AWS_CONFIG_FILE CLOUDSDK_CONFIG CLOUDSDK_PYTHON*`},
	{"programs believe servers by it", `
		SSL_CERT_FILE SSL_CERT_DIR SSLKEYLOGFILE *_CA_BUNDLE HTTPLIB2_CA_CERTS NODE_EXTRA_CA_CERTS
		NODE_TLS_REJECT_UNAUTHORIZED NIX_SSL_CERT_FILE DENO_CERT DENO_TLS_CA_STORE PYTHONHTTPSVERIFY CURL_SSL_BACKEND
		GRPC_DEFAULT_SSL_ROOTS_FILE_PATH DOCKER_CERT_PATH DOCKER_TLS_VERIFY GODEBUG GNUTLS_SYSTEM_PRIORITY_FILE`},
	{"a package manager installs code from where it says", `
		NPM_CONFIG_* PNPM_CONFIG_* PNPM_HOME COREPACK_NPM_REGISTRY COREPACK_ROOT COREPACK_HOME
		YARN_REGISTRY YARN_NPM_REGISTRY_SERVER YARN_RC_FILENAME YARN_YARN_PATH YARN_PLUGINS BUN_CONFIG_REGISTRY BUN_INSTALL
		PIP_* PIPX_* *_INDEX_URL UV_INDEX UV_DEFAULT_INDEX UV_FIND_LINKS UV_INSECURE_HOST UV_CONFIG_FILE UV_PYTHON UV_PYTHON_*
		POETRY_REPOSITORIES_*_URL CONDA_CHANNELS CONDARC CONDA_EXE
		CARGO_REGISTRIES_*_INDEX CARGO_REGISTRY_DEFAULT CARGO_SOURCE_* CARGO_HTTP_* CARGO_NET_* CARGO_HOME RUSTUP_*
		GOPROXY GONOPROXY GOSUMDB GONOSUMDB GOINSECURE GOPRIVATE GOVCS GOAUTH GOTOOLCHAIN GOROOT GOPATH GOBIN GOMODCACHE GOCACHEPROG
		GOTOOLDIR BUNDLE_MIRROR* BUNDLE_PATH BUNDLE_APP_CONFIG BUNDLE_USER_CONFIG BUNDLE_SSL_* BUNDLE_PLUGINS* RUBYGEMS_HOST COMPOSER_HOME
		HOMEBREW_*_DOMAIN HOMEBREW_CURLRC *_MIRROR *_DOWNLOAD_HOST *_BINARY_HOST HELM_PLUGINS KREW_ROOT
		TF_CLI_CONFIG_FILE TF_CLI_ARGS* TF_PLUGIN_CACHE_DIR TF_REATTACH_PROVIDERS`},
	{buildHook, `
		CC CXX CPP LD AR AS NM RANLIB STRIP OBJC FC F77 HOSTCC HOSTCXX BUILD_CC CROSS_COMPILE NVCC MAKE LEX YACC CFLAGS CXXFLAGS CPPFLAGS
		FFLAGS LDFLAGS LDLIBS CGO_* CMAKE_* PKG_CONFIG PKG_CONFIG_* CONFIG_SHELL CONFIG_SITE CCACHE_* SCCACHE_* DISTCC_* RUSTDOC
		RUSTDOCFLAGS CARGO CARGO_TARGET_* CARGO_ALIAS_* CARGO_PROFILE_* CARGO_BUILD_* JAVA_HOME JRE_HOME MAVEN_OPTS MAVEN_ARGS MAVEN_HOME
		M2_HOME GRADLE_OPTS GRADLE_HOME GRADLE_USER_HOME SBT_OPTS ANT_OPTS ANT_ARGS PYTHON`},
	{"a coding agent or another tool runs what it names", `
		CLAUDE_CONFIG_DIR CLAUDE_CODE_SHELL* CLAUDE_CODE_GIT_BASH_PATH CLAUDE_ENV_FILE CODEX_HOME OPENCODE_CONFIG* GEMINI_CLI_HOME
		GEMINI_CLI_SYSTEM_* GEMINI_SYSTEM_MD AIDER_LINT_CMD AIDER_TEST_CMD AIDER_CONFIG
		DIFF_PROG MERGE KUBE_EDITOR KUBECTL_EXTERNAL_DIFF *_EDITOR *_PAGER *_ASKPASS *_BROWSER`},
}

// credentials are names that reservedOfOrg would take, and that are for
// credentials.
func credentials() []string {
	return []string{
		"NPM_CONFIG__AUTHTOKEN", "NPM_CONFIG__AUTH", "NPM_CONFIG__PASSWORD", "NPM_CONFIG_USERNAME", "NPM_CONFIG_OTP", "NPM_CONFIG_EMAIL",
		"PNPM_CONFIG__AUTHTOKEN", "PNPM_CONFIG__AUTH",
	}
}

// ReservedOfOrg is Reserved for a secret of the organisation.
func ReservedOfOrg(name string) (why string, yes bool) {
	if why, yes := Reserved(name); yes {
		return why, yes
	}
	if slices.Contains(credentials(), strings.ToUpper(name)) {
		return "", false
	}
	return among(reservedOfOrg, name)
}

func checkOrgEnv(name string) error {
	why, yes := ReservedOfOrg(name)
	if !yes {
		return nil
	}
	return core.Errorf(core.Invalid, "no secret of the organisation is delivered as the variable %s: %s", name, why).WithField("env").
		WithReason("org_target").WithHint("deliver it under another variable, as a file or by lookup; users may set that variable for themselves")
}

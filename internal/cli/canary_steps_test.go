package cli_test

// canaries are the known values. Each is given to Keyfob in its own way.
var canaries = map[string]string{
	"env value":      "cnry-env-5rX0q9ZtWm",
	"file value":     "cnry-file-Jb82nQvLsd\nsecond line of it\n",
	"lookup value":   "cnry-lookup-p7Hd3KwYxe",
	"replaced value": "cnry-replaced-Uy61mFzBao",
	"import value":   "cnry-import-Gk40rTjNcv",
	"bad import":     "cnry-badimport-Wq93sLhPiu",
	"NUL value":      "cnry-nul-Xe27bDgMof",
	"argument":       "cnry-argument-Zt58vRkCwy",
	"account key":    "sk-ant-api03-cnry-account-0123456789abcdef",
	"second key":     "sk-ant-api03-cnry-second-fedcba9876543210",
	"variable's key": "sk-ant-api03-cnry-fromenv-a1b2c3d4e5f60718",
	"bad key":        "sk-ant-cnry-broken-Qm64jHsTvl",
	"own key":        "sk-ant-api03-cnry-callers-own-99887766",
	"proxy password": "cnry-proxy-Lf35wBxNdk",
	"vault key":      "Y25yeS1yb290LWtleS0wMTIzNDU2Nzg5YWJjZGVmISE=",
	"new vault key":  "Y25yeS1uZXcta2V5LTAxMjM0NTY3ODlhYmNkZWYhISE=",
	"MCP token":      "cnry-mcptoken-Hs72qKdVnb",
	"MCP header":     "cnry-mcpheader-Pz49wFjRtc",
	"MCP variable":   "cnry-mcpvar-Ma16yLgXke",
	"org value":      "cnry-org-Ud83hTsBqw",
	"org key":        "sk-ant-api03-cnry-org-5566778899aabbcc",
	"own token":      "kfp_cnry-token-Rj27eNvZmi",
}

// step is one call of keyfob in the canary's life.
type step struct {
	args  string // split at spaces; {dir} is the work directory
	stdin string // the name of a canary
	fails bool
	shows bool // its output is the value, on purpose
	keys  bool // its output is a key that it has made, once

	operator bool // it is called by who operates the server, in its home
}

// steps use every command, with success and failure, in one order.
func steps() []step {
	return []step{
		{args: "version"}, {args: "version extra", fails: true},
		{args: "vault status", fails: true},
		{args: "vault init --custody env"}, {args: "vault init", fails: true},
		{args: "vault status"}, {args: "vault status --output json"},

		{args: "secret set ENV --env CNRY_ENV", stdin: "env value"},
		{args: "secret set FILE --file ~/.cnry/file --selector team=web", stdin: "file value"},
		{args: "secret set LOOKUP --lookup --output json", stdin: "lookup value"},
		{args: "secret set ENV", stdin: "replaced value"},
		{args: "secret set ENV --env PATH", stdin: "env value", fails: true},
		{args: "secret set NEW --env PATH", stdin: "env value", fails: true},
		{args: "secret set NUL --env NUL --value-file {dir}/nul", fails: true},
		{args: "secret set ARG {argument}", fails: true},
		{args: "secret set ARG={argument} --env ARG", fails: true},
		{args: "secret set ARG --value={argument}", fails: true},
		{args: "secret set ARG -v{argument}", fails: true},
		{args: "secret list"}, {args: "secret list -o json"}, {args: "secret list extra", fails: true},
		{args: "secret show ENV"}, {args: "secret show ENV -o json"}, {args: "secret show NOPE", fails: true},
		{args: "secret edit ENV --description edited"}, {args: "secret edit ENV --env PATH", fails: true},
		{args: "secret disable FILE"}, {args: "secret enable FILE"}, {args: "secret enable NOPE", fails: true},
		{args: "secret disable NOPE", fails: true},
		{args: "secret reveal ENV", fails: true}, {args: "secret reveal ENV --confirm WRONG", fails: true},
		{args: "secret reveal ENV --confirm ENV", shows: true},
		{args: "secret import {dir}/import.env --dry-run"}, {args: "secret import {dir}/import.env", fails: true},
		{args: "secret import {dir}/import.env --yes"}, {args: "secret import {dir}/import.env --yes", fails: true},
		{args: "secret import {dir}/bad.env --yes", fails: true},
		{args: "secret import {dir}/bad.json --yes", fails: true},
		{args: "secret import {dir}/bad.yaml --yes -o json", fails: true},
		{args: "secret import {dir}/bad.env --format json --yes", fails: true},
		{args: "secret rm IMPORTED", fails: true}, {args: "secret rm IMPORTED --yes"},

		{args: "account add anthropic/work --base-url {provider}", stdin: "account key"},
		{args: "account add anthropic/work", stdin: "account key", fails: true},
		{args: "account add anthropic/second --base-url {provider} -o json", stdin: "second key"},
		{args: "account add anthropic/third --from-env CNRY_KEY --base-url {provider}"},
		{args: "account add anthropic/bad --base-url {provider}", stdin: "bad key", fails: true},
		{args: "account add nosuch/bad", stdin: "account key", fails: true},
		{args: "account add anthropic/bad {argument}", fails: true},
		{args: "account list"}, {args: "account list -o json"}, {args: "account list extra", fails: true},
		{args: "account show anthropic/work"}, {args: "account show anthropic/nobody", fails: true},
		{args: "account edit anthropic/third --key", stdin: "second key"},
		{args: "account edit anthropic/third --base-url https://example.com", fails: true},
		{args: "account rename anthropic/third last"}, {args: "account rename anthropic/last work", fails: true},
		{args: "account move anthropic/last --first"}, {args: "account move anthropic/last", fails: true},
		{args: "account disable anthropic/last"}, {args: "account disable anthropic/nobody", fails: true},
		{args: "account enable anthropic/last"}, {args: "account enable anthropic/nobody", fails: true},
		{args: "account test anthropic/work"}, {args: "account test anthropic/last -o json", fails: true},
		{args: "account clear anthropic/last"}, {args: "account clear anthropic/nobody", fails: true},
		{args: "account rm anthropic/last", fails: true}, {args: "account rm anthropic/last --yes"},

		{args: "run --label team=web -- {client}"}, {args: "run -- {client}"},
		{args: "run --print-env -- opencode"}, {args: "run --print-env --output json --label team=web -- sh"},
		{args: "run -- keyfob get LOOKUP", shows: true}, {args: "run -- keyfob get NOPE", fails: true},
		{args: "run -- keyfob get --list"}, {args: "run -- keyfob run --join -- keyfob get LOOKUP", shows: true}, {args: "run --join -- true", fails: true}, {args: "get LOOKUP", fails: true},
		{args: "run -- false", fails: true}, {args: "run -- {dir}/missing", fails: true},
		{args: "run --only NOPE -- true", fails: true}, {args: "run --frob={argument} -- true", fails: true},
		{args: "run -- printenv CNRY_ENV", shows: true},

		{args: "llm set review --model m --provider anthropic"}, {args: "llm set bad --model m --provider nosuch", fails: true},
		{args: "llm list"}, {args: "llm list extra", fails: true}, {args: "llm show review"}, {args: "llm show nope", fails: true},
		{args: "llm use review"}, {args: "llm use nope", fails: true}, {args: "llm rm review", fails: true}, {args: "llm rm review --yes"},
		{args: "mcp add issues --url https://mcp.example.com --token --header-file X-Key={dir}/header", stdin: "MCP token"},
		{args: "mcp add files --command p --env-file KEY={dir}/mcpvar -o json -- --root /"},
		{args: "mcp add x --command p --env KEY={argument}", fails: true}, {args: "mcp add issues --command p", fails: true},
		{args: "mcp list"}, {args: "mcp list extra", fails: true}, {args: "mcp show issues -o json"}, {args: "mcp show nope", fails: true},
		{args: "mcp edit issues --token", stdin: "MCP token"}, {args: "mcp edit issues --url https://elsewhere.example.com", fails: true},
		{args: "mcp rm files", fails: true}, {args: "mcp rm files --yes"},
		{args: "pool list"}, {args: "pool list extra", fails: true}, {args: "pool show anthropic"}, {args: "pool show nobody", fails: true},
		{args: "pool edit anthropic --strategy round_robin"}, {args: "pool edit anthropic --strategy {argument}", fails: true},
		{args: "workspace list --label team=web --ended"}, {args: "workspace create --label team=web", keys: true}, {args: "workspace create --label {argument}", fails: true},
		{args: "workspace list"}, {args: "workspace list --label {argument}", fails: true}, {args: "workspace show {workspace}"}, {args: "workspace show nope", fails: true},
		{args: "workspace label {workspace} team=ops"}, {args: "workspace label {workspace} {argument}", fails: true},
		{args: "workspace rotate {workspace}", keys: true}, {args: "workspace rotate nope", fails: true},
		{args: "workspace stop {workspace}"}, {args: "workspace stop nope", fails: true},
		{args: "secret set ORG --org --env CNRY_ORG", stdin: "org value"}, {args: "secret set RC --org --file ~/.bashrc", stdin: "org value", fails: true},
		{args: "apply -f {dir}/org.yaml --dry-run"}, {args: "apply -f {dir}/org.yaml"}, {args: "apply -f {dir}/badorg.yaml", fails: true},
		{args: "usage"}, {args: "usage --by {argument}", fails: true},
		{args: "events --after 0 --limit 3 -o json"}, {args: "events --limit -1", fails: true},
		{args: "launcher key", keys: true}, {args: "launcher key {argument}", fails: true},
		{args: "whoami"}, {args: "whoami extra", fails: true},
		{args: "serve --check"}, {args: "serve --listen {argument}", fails: true},
		{args: "audit export --out {dir}/home/trail.jsonl"}, {args: "audit export extra", fails: true},
		{args: "audit key"}, {args: "audit key extra", fails: true},
		{args: "audit verify {dir}/home/trail.jsonl"}, {args: "audit verify {dir}/import.env", fails: true},
		{args: "vault backup {dir}/home/backup.db"}, {args: "vault backup {dir}/home/backup.db", fails: true},
		{args: "vault restore {dir}/home/backup.db --yes"}, {args: "vault restore {dir}/import.env --yes", fails: true},
		{args: "vault rekey --data"}, {args: "vault rekey", fails: true}, {args: "vault rekey --custody file --yes"},

		{args: "status"}, {args: "status -o json"}, {args: "status --since {argument}", fails: true},
		{args: "audit list"}, {args: "audit list --limit 2000 -o json"}, {args: "audit list --since 1h --action secret. --subject secret:ENV"}, {args: "audit list --since {argument}", fails: true}, {args: "audit list --limit {argument}", fails: true},
		{args: "audit verify"}, {args: "audit verify -o json"}, {args: "audit verify extra", fails: true},
		{args: "doctor"}, {args: "doctor -o json"}, {args: "doctor extra", fails: true},
		{args: "completion bash"}, {args: "__complete secret show "}, {args: "__complete account show "},
		{args: "help exit-codes"}, {args: "{argument}", fails: true},
		{args: "demo"}, {args: "demo {argument}", fails: true},
	}
}

// signedIn are steps at a server, after {code} signed the command line in.
func signedIn() []step {
	return []step{
		{args: "login {server} --code {argument}", fails: true}, {args: "login {server} --code {code}"},
		{args: "whoami -o json"}, {args: "doctor"}, {args: "vault status"}, {args: "vault init", fails: true},
		{args: "secret set ENV --env CNRY_ENV", stdin: "env value"}, {args: "secret set LOOKUP --lookup", stdin: "lookup value"},
		{args: "secret reveal LOOKUP --confirm WRONG", fails: true}, {args: "secret reveal LOOKUP --confirm LOOKUP", shows: true},
		{args: "secret set ORG --org --env CNRY_ORG", stdin: "org value"},
		{args: "account add anthropic/work --base-url {provider}", stdin: "account key"},
		{args: "run -- {client}"}, {args: "run -- keyfob get LOOKUP", shows: true}, {args: "run -- printenv CNRY_ORG", shows: true},
		{args: "run -- keyfob get NOPE", fails: true},
		{args: "token create ci --scope secrets:read", keys: true}, {args: "token create ci --scope {argument}", fails: true},
		{args: "token create lasts --scope secrets:read --lasting", keys: true}, {args: "token create lasts --scope {argument} --lasting", fails: true},
		{args: "token list"}, {args: "token list extra", fails: true}, {args: "token revoke {token}"}, {args: "token revoke nope", fails: true},
		{args: "session list"}, {args: "session list extra", fails: true}, {args: "session revoke {session}"}, {args: "session revoke nope", fails: true},
		{args: "user add ada"}, {args: "user add ada", fails: true}, {args: "user list"}, {args: "user list extra", fails: true},
		{args: "user show ada"}, {args: "user show nope", fails: true},
		{args: "user edit ada --disable --yes"}, {args: "user edit nope --disable --yes", fails: true},
		{args: "user link local", keys: true, operator: true}, {args: "user link nope", fails: true, operator: true},
		{args: "launcher list"}, {args: "launcher list extra", fails: true}, {args: "org"}, {args: "org -o json"}, {args: "org extra", fails: true},
		{args: "mcp add issues --url https://mcp.example.com --header-file X-Key={dir}/header --token", stdin: "MCP token"},
		{args: "apply -f {dir}/org.yaml"}, {args: "audit list --org"}, {args: "audit verify"}, {args: "audit export --out {dir}/home/server.jsonl"},
		{args: "logout"}, {args: "logout", fails: true},
	}
}

// damaged are steps after somebody changed the vault past Keyfob.
func damaged() []step {
	return []step{
		{args: "secret reveal LOOKUP --confirm LOOKUP", fails: true}, {args: "secret reveal LOOKUP --confirm LOOKUP -o json", fails: true},
		{args: "account test anthropic/work", fails: true}, {args: "run -- keyfob get LOOKUP", fails: true},
		{args: "run -- printenv CNRY_ENV", fails: true}, {args: "doctor", fails: true}, {args: "audit verify", fails: true},
	}
}

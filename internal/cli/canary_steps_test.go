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
}

// step is one call of keyfob in the canary's life.
type step struct {
	args  string // split at spaces; {dir} is the work directory
	stdin string // the name of a canary
	fails bool
	shows bool // its output is the value, on purpose
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
		{args: "run -- keyfob get --list"}, {args: "get LOOKUP", fails: true},
		{args: "run -- false", fails: true}, {args: "run -- {dir}/missing", fails: true},
		{args: "run --only NOPE -- true", fails: true}, {args: "run --frob={argument} -- true", fails: true},
		{args: "run -- printenv CNRY_ENV", shows: true},

		{args: "status"}, {args: "status -o json"}, {args: "status --since {argument}", fails: true},
		{args: "audit list"}, {args: "audit list --limit 1000 -o json"}, {args: "audit list --limit {argument}", fails: true},
		{args: "audit verify"}, {args: "audit verify -o json"}, {args: "audit verify extra", fails: true},
		{args: "doctor"}, {args: "doctor -o json"}, {args: "doctor extra", fails: true},
		{args: "completion bash"}, {args: "__complete secret show "}, {args: "__complete account show "},
		{args: "help exit-codes"}, {args: "{argument}", fails: true},
		{args: "demo"}, {args: "demo {argument}", fails: true},
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

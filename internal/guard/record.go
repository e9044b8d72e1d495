package guard

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/audit"
	"keyfob/internal/core"
	"keyfob/internal/seal"
)

// Keys of an entry's Detail by which verification knows what is stored. Every
// write inside Do notes them by itself:
//
//	"wrote secret/ID"   = "v3 sha256:HEX r5 sha256:HEX was r4 sha256:HEX of secret:NAME"
//	"removed secret/ID" = "was r5 sha256:HEX of secret:NAME"
//
// v is the version of the value and the digest of its ciphertext, for kinds that
// have one; r is the record's version and the digest of its row; "until TIME"
// follows for what ends by itself; "was" is the row that the change found, or
// "was nothing"; "of" is left out where the entry's subject says it. Entries of
// older programs lack the "was" and, before that, all but the ciphertext's digest.
const (
	wroteKey   = "wrote "
	removedKey = "removed "
)

// The kinds of record that the trail knows.
const (
	kindSecret    = "secret"
	kindAccount   = "account"
	kindMCP       = "mcp"
	kindProfile   = "profile"
	kindPool      = "pool"
	kindUser      = "user"
	kindToken     = "token"
	kindSession   = "session"
	kindWorkspace = "workspace"
	kindProof     = "proof"
)

func keyOf(kind, id string) string { return kind + "/" + id }

// kindOf and idOf take apart what keyOf gave.
func kindOf(key string) string {
	kind, _, _ := strings.Cut(key, "/")
	return kind
}

func idOf(key string) string {
	_, id, _ := strings.Cut(key, "/")
	return id
}

// record is a stored record as the trail tells of it.
type record struct {
	key     string // kind and id
	subject string // for people
	value   int64  // version of the value, and digest of its ciphertext; empty: the kind has none
	cipher  string
	row
	owner  core.Owner // of one that is stored; zero: the kind's records are in one list
	fields audit.Row  // of one that is stored, but for its version
}

// row is one version of a record.
type row struct {
	version int64
	digest  string    // empty: not known
	until   time.Time // when it ends by itself; zero: it does not
}

// What a change found where it found no row: none, or one that no program reads.
var (
	nothing    = row{digest: "nothing"}
	unreadable = row{digest: "unreadable"}
)

// summed is a stored record with the digest of its row.
func (r record) summed() record {
	r.fields.Number("version", r.version)
	r.digest, r.fields = r.fields.Digest(kindOf(r.key)), audit.Row{}
	return r
}

func (r row) text() string {
	if r == nothing || r == unreadable {
		return r.digest
	}
	text := "r" + strconv.FormatInt(r.version, 10) + " sha256:" + r.digest
	if !r.until.IsZero() {
		text += " until " + r.until.UTC().Format(time.RFC3339Nano)
	}
	return text
}

// text is the record as Detail has it.
func (r record) text() string {
	if r.cipher == "" {
		return r.row.text()
	}
	return "v" + strconv.FormatInt(r.value, 10) + " sha256:" + r.cipher + " " + r.row.text()
}

// parseRecord reads what text gave, or an older program wrote. What it cannot
// read it leaves zero: an entry that was tampered with is found by its hash.
func parseRecord(text string) (r record) {
	words := strings.Fields(text)
	if len(words) == 1 && (words[0] == nothing.digest || words[0] == unreadable.digest) {
		r.digest = words[0]
	}
	for i := 0; i+1 < len(words); i += 2 {
		w, arg := words[i], words[i+1]
		n, _ := strconv.ParseInt(w[1:], 10, 64)
		switch {
		case w == "until":
			r.until, _ = time.Parse(time.RFC3339Nano, arg)
		case w[0] == 'v':
			r.value, r.cipher = n, strings.TrimPrefix(arg, "sha256:")
		case w[0] == 'r':
			r.version, r.digest = n, strings.TrimPrefix(arg, "sha256:")
		}
	}
	return r
}

// newer says whether r was written after o, which is of the same record. Where
// only the ciphertext was noted of one, the value's version says it.
func (r record) newer(o record) bool {
	return r.value > o.value || r.value == o.value && r.version >= o.version
}

func secretRecord(s core.SealedSecret) record {
	var w audit.Row
	w.Text("id", s.ID, "owner", s.Owner.String(), "name", s.Name, "description", s.Description, "env", s.Env, "file", s.File)
	w.Flag("enabled", s.Enabled)
	w.Flag("lookup", s.Lookup)
	w.Map("selector", s.Selector)
	w.Number("size", int64(s.Size))
	w.Time("created_at", s.CreatedAt)
	w.Time("updated_at", s.UpdatedAt)
	r := record{key: keyOf(kindSecret, s.ID), subject: SecretSubject(s.Name), row: row{version: s.Version}, owner: s.Owner}
	return r.sealed(w, s.ValueVersion, s.KeyID, s.Ciphertext)
}

// accountRecord leaves out the Epoch, which is of its health.
func accountRecord(a core.SealedAccount) record {
	var w audit.Row
	w.Text("id", a.ID, "owner", a.Owner.String(), "provider", a.Provider, "namespace", a.Namespace, "label", a.Label,
		"kind", string(a.Kind), "base_url", a.BaseURL, "quota_group", a.QuotaGroup, "fingerprint", a.Fingerprint)
	w.Flag("enabled", a.Enabled)
	w.Number("position", int64(a.Position))
	w.Map("selector", a.Selector)
	w.Number("limit_requests", a.Limit.Requests)
	w.Number("limit_tokens", a.Limit.Tokens)
	w.Time("created_at", a.CreatedAt)
	w.Time("updated_at", a.UpdatedAt)
	r := record{key: keyOf(kindAccount, a.ID), subject: AccountSubject(a.Ref()), row: row{version: a.Version}, owner: a.Owner}
	return r.sealed(w, a.ValueVersion, a.KeyID, a.Ciphertext)
}

// mcpRecord of a server without values has the digest of an empty ciphertext.
func mcpRecord(m core.SealedMCPServer) record {
	var w audit.Row
	w.Text("id", m.ID, "owner", m.Owner.String(), "name", m.Name, "transport", string(m.Transport), "url", m.URL, "command", m.Command)
	w.List("args", m.Args)
	w.Flag("has_token", m.HasToken)
	w.List("headers", m.Headers)
	w.List("env", m.Env)
	w.Number("timeout", int64(m.Timeout))
	w.Flag("enabled", m.Enabled)
	w.Time("created_at", m.CreatedAt)
	w.Time("updated_at", m.UpdatedAt)
	r := record{key: keyOf(kindMCP, m.ID), subject: MCPSubject(m.Name), row: row{version: m.Version}, owner: m.Owner}
	return r.sealed(w, m.ValueVersion, m.KeyID, m.Ciphertext)
}

// sealed adds what every kind with a value has.
func (r record) sealed(w audit.Row, version int64, keyID string, ciphertext []byte) record {
	r.value, r.cipher = version, seal.Digest(ciphertext)
	w.Text("key_id", keyID, "ciphertext", r.cipher)
	w.Number("value_version", version)
	r.fields = w
	return r
}

// Shows notes which version of a value an exposure handed out.
func (n Note) Shows(s core.SealedSecret) {
	n("version", strconv.FormatInt(s.Version, 10))
	n("digest", "sha256:"+seal.Digest(s.Ciphertext))
}

// Names notes a list of names as a JSON array.
func (n Note) Names(key string, names []string) { n(key, Names(names)) }

// maxNames bounds the text of one list of names, in bytes: an entry stays in
// everybody's trail for ever, and is read, copied and exported whole.
const maxNames = 64 << 10

// Names is a list of names as a JSON array, for a Detail. Of a list that is too
// long the last element says how many more there are.
func Names(names []string) string {
	out := []byte{'['}
	for i, name := range names {
		one := nameText(name)
		if len(out)+len(one) > maxNames {
			one = nameText(fmt.Sprintf("and %d more", len(names)-i))
			names = names[:i]
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, one...)
		if i == len(names) {
			break
		}
	}
	return string(append(out, ']'))
}

// nameText is a name in JSON. < > and & stay as they are: no page gets to see
// it, and escaped they would be six times as long, and more where the entry is
// put into JSON again.
func nameText(name string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(name) // strings always encode
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

package guard

import (
	"encoding/json"
	"strconv"

	"keyfob/internal/core"
	"keyfob/internal/seal"
)

// Keys of an entry's Detail by which verification finds what was stored:
//
//	"wrote secret/ID"   = "v3 sha256:HEX"   value version and digest of the ciphertext
//	"removed secret/ID" = "v3"
//
// and the same with account/ID and mcp/ID.
const (
	wroteKey   = "wrote "
	removedKey = "removed "
)

// Record is what the trail says of a stored ciphertext.
type Record struct {
	id      string
	version int64
	digest  string
}

// SecretRecord is a secret as the trail knows it.
func SecretRecord(s core.SealedSecret) Record {
	return Record{"secret/" + s.ID, s.ValueVersion, seal.Digest(s.Ciphertext)}
}

// AccountRecord is an account as the trail knows it.
func AccountRecord(a core.SealedAccount) Record {
	return Record{"account/" + a.ID, a.ValueVersion, seal.Digest(a.Ciphertext)}
}

// MCPRecord is an MCP server as the trail knows it. One without values has the
// digest of an empty ciphertext.
func MCPRecord(m core.SealedMCPServer) Record {
	return Record{"mcp/" + m.ID, m.ValueVersion, seal.Digest(m.Ciphertext)}
}

// Wrote notes that this ciphertext was stored. Each act that seals a value notes
// it, or verification reports the record.
func (n Note) Wrote(r Record) {
	n(wroteKey+r.id, "v"+strconv.FormatInt(r.version, 10)+" sha256:"+r.digest)
}

// Removed notes that the record was deleted.
func (n Note) Removed(r Record) { n(removedKey+r.id, "v"+strconv.FormatInt(r.version, 10)) }

// Shows notes which version of a value an exposure handed out.
func (n Note) Shows(s core.SealedSecret) {
	n("version", strconv.FormatInt(s.Version, 10))
	n("digest", "sha256:"+seal.Digest(s.Ciphertext))
}

// Names notes a list of names as a JSON array.
func (n Note) Names(key string, names []string) { n(key, Names(names)) }

// Names is a list of names as a JSON array, for a Detail.
func Names(names []string) string {
	if names == nil {
		names = []string{}
	}
	b, _ := json.Marshal(names) // strings always marshal
	return string(b)
}

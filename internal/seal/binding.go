package seal

import (
	"encoding/binary"
	"errors"

	"keyfob/internal/core"
)

// The purposes of a Binding.
const (
	PurposeSecret  = "secret"
	PurposeAccount = "account"
	PurposeMCP     = "mcp"
)

// Binding is the place a value is sealed for. All of it is authenticated and
// none of it is stored with the ciphertext: it comes from the record.
type Binding struct {
	Purpose      string // what kind of record
	Record       string // the record's id
	Name         string // the record's name, which people and programs ask for; empty: it may change without sealing
	Field        string // which of its fields
	Owner        core.Owner
	ValueVersion int64  // of the value, from 1
	Origin       string // the one upstream the value may be sent to, as Origin gives it, or "stdio:" and the one command; empty: for neither
}

// SecretBinding is the place of a secret's value. Its name is a part of it, so
// that two rows whose names are exchanged do not answer for each other.
func SecretBinding(s core.Secret) Binding {
	return Binding{Purpose: PurposeSecret, Record: s.ID, Name: s.Name, Field: "value", Owner: s.Owner, ValueVersion: s.ValueVersion}
}

// AccountBinding is the place of an account's credential. Where the account's
// base URL has no origin, sealing and opening fail.
func AccountBinding(a core.Account) Binding {
	origin, err := Origin(a.BaseURL)
	if err != nil {
		origin = ""
	}
	return Binding{
		Purpose: PurposeAccount, Record: a.ID, Field: "credential", Owner: a.Owner,
		ValueVersion: a.ValueVersion, Origin: origin,
	}
}

// MCPBinding is the place of an MCP server's values, all of which are sealed
// together. Where an http or sse server's URL has no origin, or a stdio server
// no command, sealing and opening fail.
func MCPBinding(m core.MCPServer) Binding {
	return Binding{
		Purpose: PurposeMCP, Record: m.ID, Field: "values", Owner: m.Owner,
		ValueVersion: m.ValueVersion, Origin: mcpOrigin(m),
	}
}

func mcpOrigin(m core.MCPServer) string {
	if m.Transport == core.MCPStdio {
		if m.Command == "" {
			return ""
		}
		return "stdio:" + m.Command
	}
	origin, err := Origin(m.URL)
	if err != nil {
		return ""
	}
	return origin
}

// subject names the record for people.
func (b Binding) subject() string { return "the " + b.Field + " of " + b.Purpose + " " + b.Record }

func (d *DataKey) check(b Binding) error {
	switch {
	case b.Purpose == "" || b.Record == "" || b.Field == "":
		return errors.New("the binding names no place")
	case b.Owner != d.owner:
		return errors.New("the binding is of another owner than the data key")
	case b.ValueVersion < 1:
		return errors.New("the binding has no value version")
	case b.Purpose == PurposeAccount && b.Origin == "":
		return errors.New("the account has no upstream origin")
	case b.Purpose == PurposeMCP && b.Origin == "":
		return errors.New("the MCP server has neither an origin nor a command")
	}
	return nil
}

func (b Binding) associatedData() []byte {
	var e encoder
	e.text("keyfob/value")
	e.number(FormatVersion)
	e.text(b.Purpose)
	e.text(string(b.Owner.Kind))
	e.text(b.Owner.ID)
	e.text(b.Record)
	e.text(b.Name)
	e.text(b.Field)
	e.number(b.ValueVersion)
	e.text(b.Origin)
	return e.b
}

func wrapBinding(w core.WrappedKey) []byte {
	var e encoder
	e.text("keyfob/data-key")
	e.number(FormatVersion)
	e.text(string(w.Owner.Kind))
	e.text(w.Owner.ID)
	e.text(w.ID)
	e.text(w.RootKeyID)
	return e.b
}

// encoder writes the fields of format 1; see the package comment.
type encoder struct{ b []byte }

func (e *encoder) text(s string) {
	e.b = binary.BigEndian.AppendUint32(e.b, uint32(len(s))) //nolint:gosec // ids and URLs are far below 4 GiB
	e.b = append(e.b, s...)
}

func (e *encoder) number(n int64) {
	e.text(string(binary.BigEndian.AppendUint64(nil, uint64(n)))) //nolint:gosec // two's complement, as the format says
}

package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"keyfob/internal/core"
)

// Line is what one line of a file holds: exactly one of its fields is set.
type Line struct {
	Header     *Header
	Entry      *core.AuditEntry
	Checkpoint *core.Checkpoint
	trailer    *trailer
}

var (
	errNotALine  = errors.New("it is not a line of an audit trail")
	errOtherForm = errors.New("it is not in the form that it was written in: something was added, taken away or moved in it")
)

// ParseLine reads one line, with its line feed. What it gives encodes to just
// these bytes again; anything else is an error, which holds nothing of the line.
func ParseLine(b []byte) (Line, error) {
	var w wireLine
	if err := json.Unmarshal(b, &w); err != nil {
		return Line{}, errNotALine
	}
	l, err := w.line()
	if err != nil {
		return Line{}, err
	}
	if !bytes.Equal(b, l.append(nil)) {
		return Line{}, errOtherForm
	}
	return l, nil
}

func (l Line) append(b []byte) []byte {
	switch {
	case l.Header != nil:
		return AppendHeader(b, *l.Header)
	case l.Entry != nil:
		return AppendEntry(b, *l.Entry)
	case l.Checkpoint != nil:
		return AppendCheckpoint(b, *l.Checkpoint)
	}
	return appendTrailer(b, *l.trailer)
}

// hexBytes is bytes as lower-case hex; empty ones are nil.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(b []byte) error {
	*h = nil
	if len(b) == 0 {
		return nil
	}
	out, err := hex.DecodeString(string(b))
	*h = out
	return err
}

type wireHead struct {
	Writer string   `json:"writer"`
	Seq    int64    `json:"seq"`
	Hash   hexBytes `json:"hash"`
}

type wireLine struct {
	Format    int64     `json:"keyfob_audit"`
	Kind      string    `json:"kind"`
	At        time.Time `json:"at"`
	PublicKey hexBytes  `json:"public_key"`
	After     struct {
		Heads          []wireHead `json:"heads"`
		Checkpoint     int64      `json:"checkpoint"`
		CheckpointHash hexBytes   `json:"checkpoint_hash"`
	} `json:"after"`
	Entry      *wireEntry      `json:"entry"`
	Checkpoint *wireCheckpoint `json:"checkpoint"`
	Trailer    *wireTrailer    `json:"trailer"`
}

type wireEntry struct {
	Writer string    `json:"writer"`
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	Actor  struct {
		Kind  core.ActorKind `json:"kind"`
		ID    string         `json:"id"`
		Owner string         `json:"owner"`
	} `json:"actor"`
	Action   string            `json:"action"`
	Owner    string            `json:"owner"`
	Subject  string            `json:"subject"`
	Outcome  string            `json:"outcome"`
	Detail   map[string]string `json:"detail"`
	PrevHash hexBytes          `json:"prev_hash"`
	Hash     hexBytes          `json:"hash"`
}

type wireCheckpoint struct {
	Number    int64      `json:"number"`
	At        time.Time  `json:"at"`
	Heads     []wireHead `json:"heads"`
	PrevHash  hexBytes   `json:"prev_hash"`
	Hash      hexBytes   `json:"hash"`
	KeyID     string     `json:"key_id"`
	Signature hexBytes   `json:"signature"`
}

type wireTrailer struct {
	Entries     int64    `json:"entries"`
	Checkpoints int64    `json:"checkpoints"`
	Digest      hexBytes `json:"digest"`
	KeyID       string   `json:"key_id"`
	Signature   hexBytes `json:"signature"`
}

func (w wireLine) line() (Line, error) {
	switch {
	case w.Entry != nil:
		e, err := w.Entry.entry()
		return Line{Entry: &e}, err
	case w.Checkpoint != nil:
		c := w.Checkpoint
		return Line{Checkpoint: &core.Checkpoint{
			Number: c.Number, At: c.At.UTC(), Heads: headsOf(c.Heads), PrevHash: c.PrevHash, Hash: c.Hash, KeyID: c.KeyID, Signature: c.Signature,
		}}, nil
	case w.Trailer != nil:
		t := trailer{w.Trailer.Entries, w.Trailer.Checkpoints, w.Trailer.Digest, w.Trailer.KeyID, w.Trailer.Signature}
		return Line{trailer: &t}, nil
	case w.Format == 0:
		return Line{}, errNotALine
	case w.Format != 1:
		return Line{}, errors.New("it is of a format that this Keyfob does not know")
	}
	h := Header{Kind: w.Kind, At: w.At.UTC(), PublicKey: w.PublicKey}
	h.After.Checkpoint, h.After.CheckpointHash = w.After.Checkpoint, w.After.CheckpointHash
	for _, one := range headsOf(w.After.Heads) {
		if h.After.Heads == nil {
			h.After.Heads = map[string]core.Head{}
		}
		h.After.Heads[one.Writer] = one
	}
	return Line{Header: &h}, nil
}

func (w wireEntry) entry() (core.AuditEntry, error) {
	e := core.AuditEntry{
		Writer: w.Writer, Seq: w.Seq, At: w.At.UTC(), Actor: core.Actor{Kind: w.Actor.Kind, ID: w.Actor.ID}, Action: w.Action,
		Subject: w.Subject, Outcome: w.Outcome, Detail: w.Detail, PrevHash: w.PrevHash, Hash: w.Hash,
	}
	var err, also error
	e.Actor.Owner, err = ownerOf(w.Actor.Owner)
	e.Owner, also = ownerOf(w.Owner)
	return e, errors.Join(err, also)
}

func ownerOf(text string) (core.Owner, error) {
	if text == "" {
		return core.Owner{}, nil
	}
	o, err := core.ParseOwner(text)
	if err != nil {
		return o, errors.New("it names an owner that cannot be")
	}
	return o, nil
}

func headsOf(list []wireHead) []core.Head {
	var out []core.Head
	for _, h := range list {
		out = append(out, core.Head{Writer: h.Writer, Seq: h.Seq, Hash: h.Hash})
	}
	return out
}

package audit_test

import (
	"bytes"
	"testing"

	"keyfob/internal/audit"
)

// Whatever a file holds, reading it ends; and the only export that is sound
// under the vault's key is the one that was signed.
func FuzzVerifyExport(f *testing.F) {
	sound := rounds(1).export(f)
	f.Add(sound)
	f.Add(rounds(1).sink())
	f.Add(append(bytes.Clone(sound), '\n'))
	f.Add([]byte(`{"keyfob_audit":1,"kind":"export"}`))
	for i, l := range linesOf(sound) {
		if i%3 == 0 {
			f.Add(bytes.Replace(sound, []byte(l), nil, 1))
		}
	}
	key := signer(1).Public()
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := audit.VerifyExport(bytes.NewReader(text), key)
		if err != nil || !v.OK() || !bytes.Contains(text, []byte(`{"trailer":{`)) {
			return
		}
		if !bytes.Equal(text, sound) {
			t.Errorf("an export that nobody signed is taken:\n%s", text)
		}
	})
}

// A line is taken in one form alone.
func FuzzParseLine(f *testing.F) {
	for _, l := range linesOf(sample().export(f)) {
		f.Add([]byte(l))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := audit.ParseLine(raw)
		if err != nil {
			return
		}
		switch {
		case l.Entry != nil && !bytes.Equal(audit.AppendEntry(nil, *l.Entry), raw),
			l.Checkpoint != nil && !bytes.Equal(audit.AppendCheckpoint(nil, *l.Checkpoint), raw),
			l.Header != nil && !bytes.Equal(audit.AppendHeader(nil, *l.Header), raw):
			t.Errorf("%q is another line", raw)
		}
	})
}

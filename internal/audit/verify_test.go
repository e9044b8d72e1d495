package audit_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keyfob/internal/audit"
	"keyfob/internal/core"
)

func TestSoundFiles(t *testing.T) {
	tr := sample()
	for name, text := range map[string][]byte{"export": tr.export(t), "sink": tr.sink()} {
		v := verify(t, string(text))
		if !v.OK() || v.Checkpoints != 4 || v.Uncovered != 0 || len(v.Chains) != 2 {
			t.Errorf("%s: %+v", name, v)
		}
		for _, c := range v.Chains {
			if c.Entries != 8 || c.Covered != 8 || !cmp.Equal(c.Head, tr.heads[c.Writer].Hash) {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}

func TestLinesComeBackAsTheyWere(t *testing.T) {
	for _, raw := range append(linesOf(sample().export(t)), linesOf(sample().sink())...) {
		if _, err := audit.ParseLine([]byte(raw)); err != nil {
			t.Errorf("%v: %s", err, raw)
		}
	}
	e, _ := sample().items[0].(core.AuditEntry)
	l, err := audit.ParseLine(audit.AppendEntry(nil, e))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, *l.Entry); diff != "" {
		t.Error(diff)
	}
}

// found says whether a problem is one of those wanted, by the fields that are
// set in them.
func found(v audit.Verification, want ...audit.Problem) bool {
	for _, p := range v.Problems {
		for _, w := range want {
			if (w.Line == 0 || w.Line == p.Line) && (w.Seq == 0 || w.Writer == p.Writer && w.Seq == p.Seq) &&
				(w.Checkpoint == 0 || w.Checkpoint == p.Checkpoint) && strings.Contains(p.Message, w.Message) {
				return true
			}
		}
	}
	return false
}

// names is the problem that names what stands in a line (from 1).
func names(t *testing.T, lines []string, n int) audit.Problem {
	t.Helper()
	l, err := audit.ParseLine([]byte(lines[n-1]))
	switch {
	case err != nil:
		t.Fatal(err)
	case l.Entry != nil:
		return audit.Problem{Writer: l.Entry.Writer, Seq: l.Entry.Seq}
	case l.Checkpoint != nil:
		return audit.Problem{Checkpoint: l.Checkpoint.Number}
	}
	return audit.Problem{Line: int64(n)}
}

// Whoever can write the file and has no key: each thing they could do to each
// line is found, and what they did it to is named.
func TestTamperedExport(t *testing.T) {
	lines := linesOf(sample().export(t))
	n := len(lines)
	check := func(t *testing.T, changed []string, want ...audit.Problem) {
		t.Helper()
		if v := verify(t, strings.Join(changed, "")); !found(v, want...) {
			t.Errorf("problems %+v, want one of %+v", v.Problems, want)
		}
	}
	for i := 2; i <= n; i++ {
		t.Run(fmt.Sprintf("drop %d", i), func(t *testing.T) {
			want := names(t, lines, i)
			if i == n {
				want = audit.Problem{Line: int64(n - 1), Message: "without the trailer"}
			}
			check(t, slices.Delete(slices.Clone(lines), i-1, i), want)
		})
		t.Run(fmt.Sprintf("duplicate %d", i), func(t *testing.T) {
			check(t, slices.Insert(slices.Clone(lines), i, lines[i-1]), audit.Problem{Line: int64(i + 1)})
		})
		t.Run(fmt.Sprintf("duplicate %d later", i), func(t *testing.T) {
			check(t, slices.Insert(slices.Clone(lines), n-1, lines[i-1]), audit.Problem{Line: int64(n)}, audit.Problem{Line: int64(n + 1)})
		})
		if i < n {
			t.Run(fmt.Sprintf("swap %d", i), func(t *testing.T) {
				c := slices.Clone(lines)
				c[i-1], c[i] = c[i], c[i-1]
				check(t, c, audit.Problem{Line: int64(i)}, audit.Problem{Line: int64(i + 1)})
			})
		}
	}
	if _, err := audit.VerifyExport(strings.NewReader(strings.Join(lines[1:], "")), nil); core.CodeOf(err) != core.Invalid {
		t.Errorf("without its header: %v", err)
	}
}

// Lines that were only put into another order are said to be in the wrong order,
// and both are named: nothing was taken away.
func TestReorderedExport(t *testing.T) {
	lines := linesOf(sample().export(t))
	for i := 2; i < len(lines)-1; i++ {
		a, b := names(t, lines, i), names(t, lines, i+1)
		if a.Seq == 0 || b.Seq > 0 && b.Writer != a.Writer {
			continue // a checkpoint before an entry, or entries of two writers
		}
		want := fmt.Sprintf("broken at entry %d: it and entry %d are in the wrong order", a.Seq, b.Seq)
		if b.Seq == 0 {
			want = fmt.Sprintf("broken at entry %d: it and checkpoint %d are in the wrong order", a.Seq, b.Checkpoint)
		}
		c := slices.Clone(lines)
		c[i-1], c[i] = c[i], c[i-1]
		if v := verify(t, strings.Join(c, "")); !found(v, audit.Problem{Writer: a.Writer, Seq: a.Seq, Line: int64(i), Message: want}) {
			t.Errorf("lines %d and %d: %+v, want %s", i, i+1, v.Problems, want)
		}
	}
	// A line that is moved far down, and one that is gone.
	far := slices.Insert(slices.Delete(slices.Clone(lines), 1, 2), 8, lines[1])
	if v := verify(t, strings.Join(far, "")); !found(v, audit.Problem{Writer: "a", Seq: 1, Line: 2, Message: "it and entry 2 are in the wrong order"}) {
		t.Errorf("moved far: %+v", v.Problems)
	}
	gone := slices.Delete(slices.Clone(lines), 1, 2)
	if v := verify(t, strings.Join(gone, "")); !found(v, audit.Problem{Writer: "a", Seq: 1, Message: "it is missing, entry 2 comes next"}) {
		t.Errorf("dropped: %+v", v.Problems)
	}
}

// Every text and every number of every line, changed by one character.
func TestEditedFieldsOfAnExport(t *testing.T) {
	lines := linesOf(sample().export(t))
	field := regexp.MustCompile(`:(?:"[^"]*[0-9a-z][^"]*"|[0-9]+)`)
	edits := 0
	for i, raw := range lines {
		for _, at := range field.FindAllStringIndex(raw, -1) {
			b := []byte(raw)
			for k := at[1] - 1; k > at[0]; k-- {
				if b[k] >= '0' && b[k] <= '9' || b[k] >= 'a' && b[k] <= 'z' {
					b[k] ^= 1
					break
				}
			}
			if string(b) == raw {
				continue
			}
			edits++
			c := slices.Clone(lines)
			c[i] = string(b)
			v, err := audit.VerifyExport(strings.NewReader(strings.Join(c, "")), signer(1).Public())
			if err != nil && i == 0 {
				continue // no header, no trail
			}
			want := []audit.Problem{{Line: int64(i + 1)}}
			if i == 0 {
				want = []audit.Problem{{Line: int64(len(lines))}, {Line: 2}}
			}
			if err != nil || !found(v, want...) {
				t.Errorf("line %d, %s for %s: %+v, %v", i+1, b[at[0]:at[1]], raw[at[0]:at[1]], v.Problems, err)
			}
		}
	}
	if edits < 250 {
		t.Errorf("only %d edits were tried", edits)
	}
}

// What a reader would not see, but another program might: fields of the same
// name, unknown fields, white space, upper case.
func TestOtherFormsOfALine(t *testing.T) {
	lines := linesOf(sample().sink())
	for _, c := range [][2]string{
		{`"outcome":"ok"`, `"outcome":"denied","outcome":"ok"`}, {`"outcome":"ok"`, `"outcome":"ok","note":"x"`},
		{`"outcome":"ok"`, `"outcome": "ok"`}, {`"outcome":"ok"`, `"Outcome":"ok"`}, {`"ann"`, `"\u0061nn"`}, {`{"entry"`, `{"kind":"x","entry"`},
	} {
		changed := slices.Clone(lines)
		changed[3] = strings.Replace(changed[3], c[0], c[1], 1)
		if changed[3] == lines[3] {
			t.Fatalf("%s is not there", c[0])
		}
		if v := verify(t, strings.Join(changed, "")); !found(v, audit.Problem{Line: 4}) {
			t.Errorf("%s: %+v", c[1], v.Problems)
		}
	}
}

func TestTruncatedExport(t *testing.T) {
	text := string(sample().export(t))
	head := strings.IndexByte(text, '\n') + 1
	for cut := head; cut < len(text); cut++ {
		if text[cut-1] != '\n' && text[cut] != '\n' && cut%7 != 0 {
			continue
		}
		v := verify(t, text[:cut])
		line := int64(strings.Count(text[:cut], "\n"))
		if text[cut-1] != '\n' {
			line++
		}
		if !found(v, audit.Problem{Line: line}) {
			t.Fatalf("cut at byte %d, in line %d: %+v", cut, line, v.Problems)
		}
	}
}

// forge changes an entry and makes every hash behind it right again, as somebody
// who knows the format can.
func forge(t *trail, writer string, seq int64, change func(*core.AuditEntry)) {
	var prev []byte
	for i, item := range t.items {
		e, ok := item.(core.AuditEntry)
		if !ok || e.Writer != writer || e.Seq < seq {
			continue
		}
		if e.Seq == seq {
			change(&e)
			prev = e.PrevHash
		}
		e.PrevHash = prev
		e.Hash = audit.Hash(e)
		prev = e.Hash
		t.items[i] = e
	}
}

// A chain that was made anew behind a change holds together by itself. What the
// checkpoint was signed over shows it, and says between which entries.
func TestForgedChain(t *testing.T) {
	for seq := int64(1); seq <= 8; seq++ {
		tr := sample()
		forge(tr, "b", seq, func(e *core.AuditEntry) { e.Subject = "secret:other" })
		v := verify(t, string(tr.export(t)))
		n := (seq + 1) / 2
		if !found(v, audit.Problem{Writer: "b", Seq: 2*n - 1, Message: fmt.Sprintf("checkpoint %d was signed over", n)}) {
			t.Errorf("entry %d: %+v", seq, v.Problems)
		}
	}
}

// The same with checkpoints that fit the forged chain, by a key of one's own or
// with the old signatures. Here even the trailer is by whoever forged it.
func TestForgedCheckpoints(t *testing.T) {
	asVault := func(c *core.Checkpoint) { c.KeyID = signer(1).KeyID(); c.Hash = audit.CheckpointHash(*c) }
	for name, seal := range map[string]func(c *core.Checkpoint){
		"another key":    func(*core.Checkpoint) {},
		"the vault's id": asVault,
		"no signature":   func(c *core.Checkpoint) { asVault(c); c.Signature = nil },
		"an old one":     func(c *core.Checkpoint) { asVault(c); c.Signature = sample().last.Signature },
	} {
		t.Run(name, func(t *testing.T) {
			tr := sample()
			tr.signer = signer(2)
			forge(tr, "b", 3, func(e *core.AuditEntry) { e.Subject = "secret:other" })
			resign(tr, seal)
			v := verify(t, string(tr.export(t)))
			if !found(v, audit.Problem{Checkpoint: 1}) {
				t.Errorf("%+v", v.Problems)
			}
		})
	}
}

func resign(t *trail, seal func(*core.Checkpoint)) {
	t.last, t.heads = core.Checkpoint{}, map[string]core.Head{}
	for i, item := range t.items {
		switch x := item.(type) {
		case core.AuditEntry:
			t.heads[x.Writer] = core.Head{Writer: x.Writer, Seq: x.Seq, Hash: x.Hash}
		case core.Checkpoint:
			items := t.items
			t.checkpoint()
			t.items = items
			seal(&t.last)
			t.items[i] = t.last
		}
	}
}

// Entries that nobody signed can be put behind the last checkpoint of a sink's
// file. They are counted, and said to prove nothing.
func TestEntriesBehindTheLastCheckpoint(t *testing.T) {
	tr := sample()
	tr.entry("a", false)
	tr.entry("b", false)
	v := verify(t, string(tr.sink()))
	if !v.OK() || v.Uncovered != 2 || !strings.Contains(v.Unproven[0], "2 of them: no signed checkpoint covers them") {
		t.Errorf("%+v", v)
	}
}

// Behind a checkpoint every 32nd entry of a chain carries the next one, so a
// longer row of forged ones is found too. Once a checkpoint covers entries that
// carried none, they are the vault's own.
func TestForgedEntriesWithoutCheckpoint(t *testing.T) {
	tr := sample()
	for n := tr.heads["b"].Seq + 1; n <= 70; n++ {
		tr.entry("b", false)
		want := n >= 64
		v := verify(t, string(tr.sink()))
		if got := found(v, audit.Problem{Writer: "b", Seq: 32, Message: "carry no checkpoint"}); got != want || v.OK() == want {
			t.Fatalf("up to entry %d: %+v", n, v.Problems)
		}
	}
	tr.checkpoint()
	if v := verify(t, string(tr.sink())); !v.OK() || v.Uncovered != 0 {
		t.Errorf("once it is covered: %+v", v)
	}
}

// After another root key the new key signs on top: it proves the old part too.
func TestAnotherKeyTakesOver(t *testing.T) {
	tr := sample()
	tr.signer = signer(3)
	tr.entry("a", true)
	tr.checkpoint()
	text := string(tr.sink())
	v, err := audit.VerifyExport(strings.NewReader(text), signer(3).Public())
	if err != nil || !v.OK() || v.Uncovered != 0 {
		t.Errorf("with the new key: %+v, %v", v, err)
	}
	if v := verify(t, text); !found(v, audit.Problem{Checkpoint: 5, Message: "another key"}) || v.Uncovered != 1 {
		t.Errorf("with the old key: %+v", v)
	}
}

func TestKeyOfTheFileItself(t *testing.T) {
	v, err := audit.VerifyExport(strings.NewReader(string(sample().export(t))), nil)
	if err != nil || !v.OK() || !strings.Contains(v.Unproven[len(v.Unproven)-1], "the key stands in the file itself") {
		t.Errorf("%+v, %v", v, err)
	}
	other, err := audit.VerifyExport(strings.NewReader(string(sample().export(t))), signer(9).Public())
	if err != nil || !found(other, audit.Problem{Message: "the trailer is not signed"}) {
		t.Errorf("another vault's key: %+v, %v", other, err)
	}
}

// Files of a sink, one after the other, are one file; without one of them what
// is missing is found.
func TestPartsOfASink(t *testing.T) {
	tr := sample()
	var parts [3][]byte
	var at audit.Position
	for i, item := range tr.items {
		p := &parts[(i+3)/10]
		if *p == nil {
			*p = audit.AppendHeader(nil, audit.Header{Kind: audit.KindSink, At: when, PublicKey: tr.signer.Public(), After: at.Clone()})
		}
		switch x := item.(type) {
		case core.AuditEntry:
			*p = audit.AppendEntry(*p, x)
			at.Entry(x)
		case core.Checkpoint:
			*p = audit.AppendCheckpoint(*p, x)
			at.Took(x)
		}
	}
	all := string(parts[0]) + string(parts[1]) + string(parts[2])
	if v := verify(t, all); !v.OK() || v.Checkpoints != 4 {
		t.Errorf("%+v", v)
	}
	if v := verify(t, string(parts[1])); !v.OK() {
		t.Errorf("one part alone: %+v", v.Problems)
	}
	line := int64(strings.Count(string(parts[0]), "\n") + 1)
	if v := verify(t, string(parts[0])+string(parts[2])); !found(v, audit.Problem{Line: line, Message: "does not go on"}) {
		t.Errorf("without the one in the middle: %+v", v.Problems)
	}
}

func TestKeyTexts(t *testing.T) {
	key := signer(1).Public()
	got, err := audit.ParseKey(audit.KeyText(key))
	if err != nil || !key.Equal(got) {
		t.Errorf("%x, %v", got, err)
	}
	for _, bad := range []string{"", "00", strings.Repeat("g", 64), hex.EncodeToString(make([]byte, 33))} {
		if _, err := audit.ParseKey(bad); core.CodeOf(err) != core.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSignerIsNotPrinted(t *testing.T) {
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		if s := fmt.Sprintf(verb, signer(1)); strings.Contains(s, strings.Repeat("01", 16)) || strings.Contains(s, "1 1 1 1 1 1") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

// The form of the file does not drift: what people keep must verify for ever.
func TestGoldenExport(t *testing.T) {
	want, err := os.ReadFile("testdata/export.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if got := rounds(1).export(t); string(got) != string(want) {
		t.Errorf("an export is written as\n%s", got)
	}
	if v := verify(t, string(want)); !v.OK() || v.Uncovered != 0 {
		t.Errorf("%+v", v)
	}
}

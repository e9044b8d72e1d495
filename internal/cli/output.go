package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Print writes v as JSON, or calls text, as --output says. What people read
// and what machines read is never mixed.
func (e *Env) Print(v any, text func()) error {
	if !e.JSON() {
		text()
		return nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	return e.write(b.Bytes())
}

// write is for what the command is there to print: a part that is lost makes it
// fail.
func (e *Env) write(b []byte) error {
	if _, err := e.Stdout.Write(b); err != nil {
		return fileError("cannot write", "standard output", err)
	}
	return nil
}

// Printf writes a line to Stdout. Arguments that came from outside go through
// Clean first. Main fails where a line was lost.
func (e *Env) Printf(format string, args ...any) {
	if err := e.write(fmt.Appendf(nil, format+"\n", args...)); e.lost == nil {
		e.lost = err
	}
}

// Clean makes text safe to print: what could move a terminal's cursor, change
// its colours or turn the direction of reading is written as an escape, so that
// a description cannot pretend to be output of ours.
func Clean(s string) string {
	if strings.IndexFunc(s, unsafeRune) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r == utf8.RuneError || unsafeRune(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func unsafeRune(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }

// Table writes rows under a heading in aligned columns, two spaces apart.
// Cells are cleaned here.
func (e *Env) Table(head []string, rows [][]string) {
	widths := make([]int, len(head))
	all := append([][]string{head}, rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(Clean(cell)))
		}
	}
	for _, row := range all {
		var b strings.Builder
		for i, cell := range row {
			cell = Clean(cell)
			b.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		e.Printf("%s", strings.TrimRight(b.String(), " "))
	}
}

// TableOr is Table, or where there are no rows a note that says so.
func (e *Env) TableOr(none string, head []string, rows [][]string) {
	if len(rows) == 0 {
		e.Notef("%s", none)
		return
	}
	e.Table(head, rows)
}

// Fields writes pairs of a name and a text, one a line; pairs with an empty
// text are left out.
func (e *Env) Fields(pairs ...[2]string) {
	width := 0
	for _, p := range pairs {
		if p[1] != "" {
			width = max(width, len(p[0]))
		}
	}
	for _, p := range pairs {
		if p[1] != "" {
			e.Printf("%-*s  %s", width, p[0], Clean(p[1]))
		}
	}
}

// The styles that Style knows, as SGR codes (ECMA-48).
const (
	styleGood = "32"
	styleWarn = "33"
	styleBad  = "31"
)

// Style colours text for a terminal on Stdout; elsewhere, with --no-color,
// NO_COLOR (https://no-color.org) or TERM=dumb, it is text itself.
func (e *Env) Style(style, text string) string {
	if e.NoColor || e.Getenv("NO_COLOR") != "" || e.Getenv("TERM") == "dumb" || !IsTerminal(e.Stdout) {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}

// words is a list on one line.
func words(list []string) string { return strings.Join(list, " ") }

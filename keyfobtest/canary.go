package keyfobtest

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Canary looks for known values in bytes, in every form in which they commonly
// leak: plain, in base64 (both alphabets, at each of the three alignments, so
// also as a part of something longer), in hex, escaped for a URL, JSON, HTML or
// a Go string. It does not look inside what is compressed or encrypted.
type Canary struct{ forms []form }

type form struct {
	name, form string
	text       []byte
}

// Hit is a value that was found.
type Hit struct {
	Name   string // of the value, never the value itself
	Form   string // plain, base64, hex, url, json, html, quoted
	Offset int    // in the bytes; -1: in the file's name or link
	Path   string // of the file, from FindDir
}

func (h Hit) String() string {
	if h.Path == "" {
		return fmt.Sprintf("%s (%s) at byte %d", h.Name, h.Form, h.Offset)
	}
	return fmt.Sprintf("%s (%s) at byte %d of %s", h.Name, h.Form, h.Offset, h.Path)
}

// minForm is the length from which an encoded form is looked for: a shorter one
// is found by chance.
const minForm = 8

// NewCanary looks for these values, by name. An empty value is ignored; one
// shorter than six bytes is found by chance and makes a poor canary.
func NewCanary(values map[string]string) *Canary {
	c := &Canary{}
	for name, v := range values {
		if v != "" {
			c.add(name, v)
		}
	}
	slices.SortFunc(c.forms, func(a, b form) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.form, b.form), bytes.Compare(a.text, b.text))
	})
	return c
}

func (c *Canary) add(name, v string) {
	seen := map[string]bool{}
	put := func(kind, text string) {
		if text != "" && !seen[text] && (kind == "plain" || len(text) >= minForm) {
			seen[text] = true
			c.forms = append(c.forms, form{name, kind, []byte(text)})
		}
	}
	put("plain", v)
	put("hex", hex.EncodeToString([]byte(v)))
	put("hex", strings.ToUpper(hex.EncodeToString([]byte(v))))
	put("url", url.QueryEscape(v))
	put("url", url.PathEscape(v))
	put("url", percent(v))
	put("json", inJSON(v, true))
	put("json", inJSON(v, false))
	put("html", html.EscapeString(v))
	put("quoted", unquoted(strconv.Quote(v)))
	put("quoted", unquoted(strconv.QuoteToASCII(v)))
	for shift := range 3 {
		put("base64", aligned(base64.StdEncoding, v, shift))
		put("base64", aligned(base64.URLEncoding, v, shift))
	}
}

// aligned is the part of v's base64 form that does not depend on what stands
// around it, if shift bytes of a group of three stand before it.
func aligned(e *base64.Encoding, v string, shift int) string {
	s := e.WithPadding(base64.NoPadding).EncodeToString([]byte(strings.Repeat("\x00", shift) + v))
	first, last := (shift*8+5)/6, (shift+len(v))*8/6
	if first >= last {
		return ""
	}
	return s[first:last]
}

func percent(v string) string {
	var b strings.Builder
	for i := range len(v) {
		fmt.Fprintf(&b, "%%%02X", v[i])
	}
	return b.String()
}

func inJSON(v string, forHTML bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(forHTML)
	_ = e.Encode(v) // a string: never fails
	return unquoted(strings.TrimSpace(b.String()))
}

func unquoted(s string) string { return s[1 : len(s)-1] }

// Find gives the first place of each form of each value in b.
func (c *Canary) Find(b []byte) []Hit {
	var hits []Hit
	for _, f := range c.forms {
		if i := bytes.Index(b, f.text); i >= 0 {
			hits = append(hits, Hit{Name: f.name, Form: f.form, Offset: i})
		}
	}
	return hits
}

// FindDir searches every file below dir, and the names and links there. A file
// that goes away meanwhile is left out; any other that cannot be read is an
// error.
func (c *Canary) FindDir(dir string) ([]Hit, error) {
	var hits []Hit
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil {
			var found []Hit
			found, err = c.entry(path, d)
			hits = append(hits, found...)
		}
		if errors.Is(err, fs.ErrNotExist) && path != dir {
			return nil
		}
		return err
	})
	return hits, err
}

func (c *Canary) entry(path string, d fs.DirEntry) ([]Hit, error) {
	name := d.Name()
	if d.Type()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(path)
		if err != nil {
			return nil, err
		}
		name += "\x00" + target
	}
	hits := c.Find([]byte(name))
	for i := range hits {
		hits[i].Offset = -1
	}
	var err error
	if d.Type().IsRegular() {
		var b []byte
		b, err = os.ReadFile(path)
		hits = append(hits, c.Find(b)...)
	}
	for i := range hits {
		hits[i].Path = path
	}
	return hits, err
}

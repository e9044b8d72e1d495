package webui

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"keyfob/internal/core"
)

//go:embed page/*.html page/style.css
var files embed.FS

// tongue is a language of the pages.
type tongue string

const (
	english tongue = "en"
	german  tongue = "de"
)

// tongueOf is the language that the browser likes most of those there are; of
// two it likes alike, the first. It reads Accept-Language as RFC 9110, section
// 12.5.4, has it.
func tongueOf(r *http.Request) tongue {
	best, weight := english, 0.0
	for _, part := range strings.Split(clip(r.Header.Get("Accept-Language"), 512), ",") {
		name, params, _ := strings.Cut(part, ";")
		q := 1.0
		if text, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			if f, err := strconv.ParseFloat(text, 64); err == nil && f >= 0 && f <= 1 {
				q = f
			}
		}
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(name)), "-")
		if t := tongue(primary); (t == english || t == german) && q > weight {
			best, weight = t, q
		}
	}
	return best
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// templates are the pages in a language, parsed once.
func templates(t tongue) (*template.Template, error) {
	if t == german {
		return inGerman()
	}
	return inEnglish()
}

var (
	inEnglish = sync.OnceValues(func() (*template.Template, error) { return parse(english) })
	inGerman  = sync.OnceValues(func() (*template.Template, error) { return parse(german) })
)

func parse(t tongue) (*template.Template, error) {
	return template.New("pages").Funcs(template.FuncMap{
		"t":      func(key string) (string, error) { return translate(t, key) },
		"why":    func(p problem) string { return why(t, p) },
		"scope":  func(name string) string { return inWords(t, name) },
		"lang":   func() string { return string(t) },
		"when":   func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") + " UTC" },
		"ago":    func(at time.Time) string { return age(t, at, time.Now()) },
		"shown":  core.Shown,
		"method": func(m string) string { return strings.ToUpper(m) },
	}).ParseFS(files, "page/*.html")
}

// translate gives a text of the pages; one that is missing is a fault of ours.
func translate(t tongue, key string) (string, error) {
	both, ok := texts()[key]
	if !ok {
		return "", fmt.Errorf("no text %q", key)
	}
	if t == german {
		return both[1], nil
	}
	return both[0], nil
}

// why is an error in the page's language: the text of its reason where there is
// one, else its own message, which is English.
func why(t tongue, p problem) string {
	if text, err := translate(t, "error."+p.Reason); err == nil {
		return text
	}
	if t == german {
		return "Das ging nicht: " + p.Message
	}
	return p.Message
}

// style answers the one style sheet.
func (p *Pages) style(v *visit) error {
	b, err := files.ReadFile("page/style.css")
	if err != nil {
		return err
	}
	v.write(http.StatusOK, "text/css; charset=utf-8", b)
	return nil
}

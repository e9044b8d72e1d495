package httpapi

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"keyfob/api"
	"keyfob/internal/core"
)

func TestTags(t *testing.T) {
	for text, want := range map[string]tags{
		`*`: {any: true}, ` * `: {any: true},
		`"v3"`: {versions: []int64{3}}, `"v3", "v4"`: {versions: []int64{3, 4}}, `"v3","v4",`: {versions: []int64{3, 4}},
		`W/"v3"`: {weak: []int64{3}}, `"other"`: {}, `"v03"`: {}, `"v-1"`: {}, `"v99999999999999999999"`: {}, `"a,b", "v1"`: {versions: []int64{1}}, `""`: {},
		``: {},
	} {
		got, err := parseTags([]string{text})
		if err != nil || got.any != want.any || !slices.Equal(got.versions, want.versions) || !slices.Equal(got.weak, want.weak) {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{`v3`, `"v3`, `3"`, `"v3" "v4"`, `"v3";`, `w/"v3"`, "\"v\t3\"", `*, "v3"`, `"v3", *`, "\"v\x003\""} {
		if got, err := parseTags([]string{text}); err == nil {
			t.Errorf("%s: got %+v", text, got)
		}
	}
}

func TestTheVersionThatAWriteStates(t *testing.T) {
	current := func(v int64) func() (int64, error) { return func() (int64, error) { return v, nil } }
	for _, c := range []struct {
		lines  []string
		now    int64
		want   int64
		reason string
	}{
		{nil, 1, 0, api.ReasonNoPrecondition},
		{[]string{"*"}, 7, 0, ""},
		{[]string{`"v0"`}, 7, 0, api.ReasonStale}, // which no record has, and is not "any"
		{[]string{`"v2"`}, 7, 2, ""},              // the use case compares, in its transaction
		{[]string{`"v2"`, `"v7"`}, 7, 7, ""},
		{[]string{`"v2", "v3"`}, 7, 0, api.ReasonStale},
		{[]string{`W/"v7"`}, 7, 0, api.ReasonStale},
		{[]string{`"something"`}, 7, 0, api.ReasonStale},
		{[]string{``}, 7, 0, api.ReasonStale},
		{[]string{`v7`}, 7, 0, "precondition"},
	} {
		got, err := expected(&http.Request{Header: http.Header{"If-Match": c.lines}}, current(c.now))
		e, _ := errors.AsType[*core.Error](err)
		if got != c.want || (c.reason == "") != (err == nil) || err != nil && e.Reason != c.reason {
			t.Errorf("%q: got %d, %v", c.lines, got, err)
		}
	}
	if _, err := expected(&http.Request{Header: http.Header{"If-Match": {`"v1", "v2"`}}}, func() (int64, error) { return 0, stale() }); err == nil {
		t.Error("a record that cannot be read has a version")
	}
}

func FuzzTags(f *testing.F) {
	for _, s := range []string{`*`, `"v3"`, `W/"v1", "v2"`, `"`, `,,`, `"v1""v2"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseTags([]string{text})
		if err != nil {
			if got.any || got.versions != nil {
				t.Error("an error, and tags")
			}
			return
		}
		for _, v := range got.versions {
			if v < 0 || !strings.Contains(text, tagOf(v)) {
				t.Errorf("%q: version %d does not stand there", text, v)
			}
		}
		if got.any && len(got.versions) > 0 {
			t.Error("any, and some")
		}
	})
}

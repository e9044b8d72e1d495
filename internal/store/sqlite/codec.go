package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"time"
	"unicode/utf8"

	"keyfob/internal/core"
)

// micros is a time as it is stored; 0 is the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant scans what micros gave.
type instant struct{ to *time.Time }

// Scan implements sql.Scanner; NULL is the zero time.
func (i instant) Scan(src any) error {
	n, plain := src.(int64)
	if !plain {
		var null sql.NullInt64
		if err := null.Scan(src); err != nil {
			return err
		}
		n = null.Int64
	}
	*i.to = time.Time{}
	if n != 0 {
		*i.to = time.UnixMicro(n).UTC()
	}
	return nil
}

// owner scans an owner's text form; the empty text is the zero owner.
type owner struct{ to *core.Owner }

// Scan implements sql.Scanner.
func (o owner) Scan(src any) error {
	s, err := text(src)
	*o.to = core.Owner{}
	if err != nil || s == "" {
		return err
	}
	got, err := core.ParseOwner(s)
	if err != nil {
		return errors.New("a stored owner cannot be read") // damage, not the caller's mistake
	}
	*o.to = got
	return nil
}

// scanOwner scans a row that is an owner.
func scanOwner(row scanner) (o core.Owner, err error) {
	err = row.Scan(owner{&o})
	return o, err
}

func ownerText(o core.Owner) string {
	if o == (core.Owner{}) {
		return ""
	}
	return o.String()
}

// jsonText is a map as it is stored; nil and empty ones are "". Like Go's JSON
// it replaces what is not UTF-8; where that matters, textual is asked first.
func jsonText[M ~map[string]string](m M) string {
	if len(m) == 0 {
		return ""
	}
	b, _ := json.Marshal(m) // strings always marshal
	return string(b)
}

// textual says whether a map comes back from JSON as it was.
func textual(m map[string]string) bool {
	for k, v := range m {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return false
		}
	}
	return true
}

func jsonList(l []string) string {
	if len(l) == 0 {
		return ""
	}
	b, _ := json.Marshal(l) // strings always marshal
	return string(b)
}

// object scans JSON into a map or list; "" leaves it nil.
type object struct{ to any }

// Scan implements sql.Scanner.
func (o object) Scan(src any) error {
	s, err := text(src)
	if err != nil || s == "" {
		return err
	}
	return unmarshal(s, o.to)
}

// text is a column's text; NULL is the empty one.
func text(src any) (string, error) {
	if s, plain := src.(string); plain {
		return s, nil
	}
	var null sql.NullString
	err := null.Scan(src)
	return null.String, err
}

// blob is bytes as they are stored: never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

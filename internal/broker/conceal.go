package broker

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// shortest is how long a credential is at least that is looked for in answers: a
// shorter one is no secret, but a word such as servers without keys want.
const shortest = 8

// conceal takes the account's credential out of an answer, as proxies and
// carelessly made services repeat it: whole headers that hold it, and its
// characters in what is held of an error's body, of which the length stays. An
// upstream that means to tell its own key can tell it in other ways.
func conceal(resp *http.Response, credential []byte) {
	if len(credential) < shortest {
		return
	}
	text := string(credential)
	maps.DeleteFunc(resp.Header, func(_ string, values []string) bool {
		return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, text) })
	})
	held, ok := resp.Body.(interface{ Buffered() int })
	if ok && resp.StatusCode >= 300 && held.Buffered() > 0 {
		resp.Body = masked(resp.Body, held.Buffered(), credential)
	}
}

// masked reads the first n bytes of a body, which are there already.
func masked(body io.ReadCloser, n int, credential []byte) io.ReadCloser {
	head := make([]byte, n)
	_, _ = io.ReadFull(body, head) // of memory
	head = bytes.ReplaceAll(head, credential, bytes.Repeat([]byte("*"), len(credential)))
	return struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), body), body}
}

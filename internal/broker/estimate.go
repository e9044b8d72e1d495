package broker

import (
	"net/http"
	"strings"

	"keyfob/internal/core"
	"keyfob/internal/provider"
)

// bytesPerToken is the rate at which text counts against a limit where an answer
// does not say what it used. Text in English has rather more bytes to a token, so
// that not to report, or to hang up before the report, gains nothing.
const bytesPerToken = 3

// estimate is the tokens that count against a limit for what an answer has not
// said: the text of the request, unless the input is known, and the text of the
// answer as far as it came. It is no usage. There is none for what is not the
// organisation's, and so has no limit.
func (x *exchange) estimate(s provider.Seen) int64 {
	if x.current == nil || x.current.Owner != core.Org || x.call.Grant.Owner == core.Org || counts(x.call.Path) {
		return 0
	}
	text := s.Text
	if !s.Input {
		text += x.sent
	}
	return (text + bytesPerToken - 1) / bytesPerToken
}

// counts says whether a path only counts tokens, which uses none.
func counts(path string) bool {
	return strings.HasSuffix(path, "/count_tokens") || strings.HasSuffix(path, "/input_tokens") || strings.HasSuffix(path, ":countTokens")
}

// textSent is how much text a request holds, in bytes: its body, unless that is a
// file or a form with files.
func textSent(req *http.Request) int64 {
	media, _, _ := strings.Cut(strings.ToLower(req.Header.Get("Content-Type")), "/")
	switch media {
	case "multipart", "audio", "image", "video":
		return 0
	}
	return max(0, req.ContentLength)
}

// givenUp counts a request that was sent and whose client, or grant, went away
// before the answer began.
func (x *exchange) givenUp(req *http.Request) {
	if x.current == nil || req.Context().Err() == nil {
		return
	}
	u := core.Usage{Requests: 1}
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		u.Unreported, u.Estimated = 1, x.estimate(provider.Seen{})
	}
	x.count(u)
}

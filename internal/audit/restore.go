package audit

import (
	"encoding/hex"
	"strconv"

	"keyfob/internal/core"
)

// headKey begins the keys of a Detail under which the entry of a restore names the
// newest entry of each writer that came back.
const headKey = "head "

// HeadDetail is a head as the entry of a restore has it: "head WRITER" = "N HASH".
func HeadDetail(h core.Head) (key, value string) {
	return headKey + h.Writer, strconv.FormatInt(h.Seq, 10) + " " + hex.EncodeToString(h.Hash)
}

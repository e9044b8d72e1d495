package store

import (
	"time"

	"keyfob/internal/core"
)

// Copy says what a copy of a store holds. The root key, which its values open
// with, is in none.
type Copy struct {
	Path   string
	Bytes  int64
	Format int         // of the records, as the driver numbers them
	Header core.Header // zero: there is no vault in it
	// How many records of each kind, of every owner.
	Secrets, Accounts, MCPServers, Users, Entries int64
	Newest                                        time.Time // the newest entry of the audit trail; zero: there is none
	Digest                                        string    // SHA-256 in hexadecimal digits, of the file that was restored; else empty
}

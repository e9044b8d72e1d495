package core

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"

	"keyfob/internal/secret"
)

// The prefixes of tokens.
const (
	SessionKeyPrefix = "kfs_" // "I run inside this live workspace"
	GatewayKeyPrefix = "kfg_" // the workspace's key for the gateway only
	PersonalPrefix   = "kfp_" // a person's token
	LauncherPrefix   = "kfl_" // a launcher's key
	BrowserPrefix    = "kfb_" // the cookie of a browser session
	LinkPrefix       = "kfo_" // good once: signs a browser or a command line in
	DevicePrefix     = "kfd_" // what a command line shows while it waits for a browser's approval
)

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewToken makes a token: the prefix, 256 random bits in lower-case base32 (52
// characters), and the CRC-32 (IEEE) of both in base32 (7 characters), by which
// scanners know one from chance.
func NewToken(prefix string) secret.Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand aborts the program instead
	body := prefix + base32Lower.EncodeToString(b[:])
	return secret.FromString(body + checksum(body))
}

// IsToken says whether s is a well-formed token with this prefix.
func IsToken(s, prefix string) bool {
	if len(s) != len(prefix)+52+7 || !strings.HasPrefix(s, prefix) {
		return false
	}
	return checksum(s[:len(s)-7]) == s[len(s)-7:]
}

// TokenDigest is what is stored of a token. A plain SHA-256 is enough for 256
// random bits.
func TokenDigest(s string) []byte {
	d := sha256.Sum256([]byte(s))
	return d[:]
}

func checksum(s string) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], crc32.ChecksumIEEE([]byte(s)))
	return base32Lower.EncodeToString(b[:])
}

// NewID makes a record's id: the prefix and 130 random bits.
func NewID(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()) }

package file

import (
	"bytes"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"time"

	"keyfob/internal/custody"
	"keyfob/internal/secret"
)

// prefix marks a key of format 1, for people and for scanners of leaked files.
const prefix = "KEYFOB-ROOT-KEY-1-"

const maxSize = 4096

var base32Std = base32.StdEncoding.WithPadding(base32.NoPadding)

// Format is the text of a key file: comment lines, then one line with the
// prefix "KEYFOB-ROOT-KEY-1-", the 32 bytes in base32 (RFC 4648, 6, no padding;
// 52 characters) and the CRC-32 (IEEE) of those bytes, big-endian, in the same
// (7 characters). The checksum tells a damaged file from another vault's key.
func Format(key secret.Secret, now time.Time) []byte {
	raw := key.Reveal()
	defer clear(raw)
	var b bytes.Buffer
	b.WriteString("# Keyfob root key: with this file and the database, every secret can be read.\n")
	b.WriteString("# Without it, none can. Keep a copy in a safe place, and never share or commit it.\n")
	b.WriteString("# created: " + now.UTC().Format(time.RFC3339) + "\n")
	b.WriteString(prefix + base32Std.EncodeToString(raw) + checksum(raw) + "\n")
	return b.Bytes()
}

// Parse reads the text that Format writes. Blank lines and lines that begin with
// "#" are skipped. Errors never hold a part of the text.
func Parse(text []byte) (secret.Secret, error) {
	if len(text) > maxSize {
		return secret.Secret{}, errors.New("it is too large")
	}
	found := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case found != "":
			return secret.Secret{}, errors.New("it holds more than one key")
		default:
			found = line
		}
	}
	if found == "" {
		return secret.Secret{}, errors.New("it holds no key")
	}
	return parseKey(found)
}

func parseKey(line string) (secret.Secret, error) {
	text, ok := strings.CutPrefix(line, prefix)
	if !ok {
		return secret.Secret{}, errors.New("it does not begin as a key does")
	}
	if len(text) != 52+7 {
		return secret.Secret{}, errors.New("the key is cut off or too long")
	}
	raw, err := base32Std.DecodeString(text[:52])
	if err != nil || len(raw) != custody.KeySize {
		return secret.Secret{}, errors.New("the key is misspelt")
	}
	defer clear(raw)
	// Encoding again refuses texts that differ in the unused last bits.
	if base32Std.EncodeToString(raw) != text[:52] || checksum(raw) != text[52:] {
		return secret.Secret{}, errors.New("the key does not match its checksum")
	}
	return secret.New(raw), nil
}

func checksum(raw []byte) string {
	return base32Std.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(raw)))
}

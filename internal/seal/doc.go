// Package seal keeps values closed: a root key wraps one data key per owner,
// and data keys seal the owners' values (envelope encryption). All of it is
// AES-256-GCM with random 96-bit nonces, from Tink.
//
// # Format 1
//
// A text field is a 32-bit big-endian length and that many bytes; a number is a
// text field of 8 big-endian bytes. Since every field carries its length, no two
// different bindings encode to the same bytes.
//
// Root key: 32 random bytes, from which HKDF-SHA256 (RFC 5869, no salt) derives
//
//	info "keyfob/v1/wrap":        the AES-256-GCM key that wraps data keys
//	info "keyfob/v1/root-key-id": 16 bytes, whose lower-case hex is the root key's id
//	info "keyfob/v1/audit-checkpoint": the Ed25519 seed of the key that signs the audit trail
//	info "keyfob/v1/pages-label": 16 bytes, whose lower-case hex is the label of the host of pages
//
// Data key: a Tink keyset of AES-256-GCM keys with Tink's output prefix. It is
// stored as Tink's binary EncryptedKeyset, encrypted with the wrapping key and
// the associated data
//
//	"keyfob/data-key", format (number), owner's kind, owner's id, key id, root key id
//
// A data key whose values are being sealed anew holds the older keys too, and has
// another id than before. So a record whose key id is not its owner's data key's
// still needs an older one; when there is none left, the older keys go.
//
// Value: one byte of format (1), then Tink's ciphertext (prefix 0x01, 4 bytes
// key id, 12 bytes nonce, ciphertext, 16 bytes tag), with the associated data
//
//	"keyfob/value", format (number), purpose, owner's kind, owner's id, record,
//	name (a secret's; else empty), field, value version (number), origin
//
// So a ciphertext opens in the place it was sealed for and in no other: not in
// another row, owner or field, not under another secret's name, not as an older
// value of the same field under a newer version, and an account's not for
// another upstream. What this does not prevent is the rollback of a whole row,
// version and all; that is found by the digests in the audit chain. An MCP
// server's origin is that of its URL or, where a client starts it, "stdio:" and
// its command.
//
// Random nonces are safe up to 2^32 values per data key (NIST SP 800-38D, 8.3).
package seal

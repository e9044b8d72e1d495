// Package failover sends one request over several accounts: it picks an
// account, judges the answer, and where no work was done tries the next one, so
// that the caller sees a single answer. It knows nothing of credentials: the
// caller's Apply puts one on by the account's id.
//
// It has three parts, each of use alone:
//
//   - Verdict: what an answer says about the account that gave it.
//   - Pool: the pure state machine of accounts over time. It is told the time,
//     keeps the user's order, and says what to persist; records of several
//     pools over the same accounts merge in any order.
//   - Transport: an http.RoundTripper that rotates inside one request. It
//     replays only when no work was done, and once the caller has the first
//     byte of an answer, failover is over.
//
// The package uses the standard library only.
package failover

package vault

import (
	"strings"

	"keyfob/internal/core"
)

// Limits bound what one owner, also the organisation, keeps. The zero value of a
// field is its default.
type Limits struct {
	Secrets     int // 2,000
	ValueBytes  int // of one value: 1 MiB
	EnvBytes    int // of one value that is delivered as a variable: 96 KiB
	EnvTotal    int // of all enabled secrets that are delivered as variables: 512 KiB
	TotalBytes  int // of all values: 64 MiB; a manifest holds them in memory
	ImportBytes int // of one import: 8 MiB
	// AllowEnv are reserved variables that users' own secrets may be delivered as
	// all the same, as CheckAllowEnv takes them; nil: none. Those of the
	// organisation never may.
	AllowEnv []string
	// KeyEnv are the variables in which clients of providers look for a key, by
	// variable the provider's title. A secret there is warned of; nil: none.
	KeyEnv map[string]string
}

func (l Limits) filled() Limits {
	fill(&l.Secrets, 2000)
	fill(&l.ValueBytes, 1<<20)
	fill(&l.EnvBytes, 96<<10)
	fill(&l.EnvTotal, 512<<10)
	fill(&l.TotalBytes, 64<<20)
	fill(&l.ImportBytes, 8<<20)
	allowed := make([]string, 0, len(l.AllowEnv))
	for _, n := range l.AllowEnv {
		allowed = append(allowed, strings.ToUpper(n))
	}
	l.AllowEnv = allowed
	return l
}

func fill(n *int, value int) {
	if *n == 0 {
		*n = value
	}
}

// checkAll holds the limits on everything an owner keeps, with each of added in
// the place of the stored one of its id. What is beyond a limit already may
// still shrink.
func (l Limits) checkAll(stored []core.Secret, added ...core.Secret) error {
	all := make(map[string]core.Secret, len(stored)+len(added))
	for _, s := range stored {
		all[s.ID] = s
	}
	before, bytesBefore := envTotal(all), total(all)
	for _, s := range added {
		all[s.ID] = s
	}
	if len(all) > l.Secrets && len(all) > len(stored) {
		return core.Errorf(core.Exhausted, "%d secrets would be more than the %d that one owner may keep", len(all), l.Secrets).
			WithHint("remove some that are not needed any more")
	}
	if n := envTotal(all); n > l.EnvTotal && n > before {
		return core.Errorf(core.Exhausted, "the variables would take %d bytes, all together may take %d", n, l.EnvTotal).
			WithField("env").WithHint("deliver the large ones as files or by lookup, or disable some")
	}
	if n := total(all); n > l.TotalBytes && n > bytesBefore {
		return core.Errorf(core.Exhausted, "the values would take %d bytes, all together may take %d", n, l.TotalBytes).
			WithField("value").WithHint("remove some that are not needed any more")
	}
	return nil
}

func total(all map[string]core.Secret) (n int) {
	for _, s := range all {
		n += s.Size
	}
	return n
}

func envTotal(all map[string]core.Secret) (n int) {
	for _, s := range all {
		if s.Enabled && s.Env != "" {
			n += s.Size
		}
	}
	return n
}

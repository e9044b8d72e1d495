package keyfobtest

// TB is what NewProvider needs of a *testing.T or *testing.B. It is an
// interface of our own so that a program which uses the kit does not take in
// package testing and its flags.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// NewProvider starts a provider that ends with the test.
func NewProvider(tb TB, o Options) *Provider {
	tb.Helper()
	p, err := StartProvider(o)
	if err != nil {
		tb.Fatalf("starting the provider: %v", err)
	}
	tb.Cleanup(func() { _ = p.Close() })
	return p
}

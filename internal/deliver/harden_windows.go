package deliver

// Harden does nothing here: Windows writes no core dumps by itself.
func Harden() error { return nil }

func withChildLimits(start func() error) error { return start() }

//go:build !unix

package cli

func hardened() (bool, string) { return true, "this platform writes no core dumps by itself" }

// Package e2e runs official clients, pinned in package-lock.json, through the
// built program, in a network namespace that has nothing but the loopback
// interface. Its tests need the build tag e2e and Linux: make e2e.
package e2e

//go:build !windows

package gateway

const unlinkOpen = true

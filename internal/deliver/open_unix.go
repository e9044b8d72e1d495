//go:build unix

package deliver

import "syscall"

// openNoBlock keeps an open from waiting, should the name be a pipe by now.
const openNoBlock = syscall.O_NONBLOCK

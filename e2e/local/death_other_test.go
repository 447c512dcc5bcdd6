//go:build !linux

package local

import "syscall"

// dieWithParent does nothing where kernels do not offer it.
func dieWithParent() *syscall.SysProcAttr { return nil }

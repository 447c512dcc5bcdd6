//go:build !linux

package main

import "syscall"

// dieWithParent does nothing where kernels do not offer it.
func dieWithParent() *syscall.SysProcAttr { return nil }

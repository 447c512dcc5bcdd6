package local

import "syscall"

// dieWithParent has the kernel kill a child when this process ends without
// having stopped it.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

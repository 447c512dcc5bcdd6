//go:build !linux

package app

import (
	"errors"
	"net"
)

// ignoreNew cannot be had here.
func ignoreNew(*net.TCPListener) error { return errors.ErrUnsupported }

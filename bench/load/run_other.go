//go:build !linux

package load

import (
	"context"
	"errors"
)

// Run needs epoll and /proc, and so Linux.
func Run(context.Context, Job) (Report, error) {
	return Report{}, errors.New("load: measuring needs Linux")
}

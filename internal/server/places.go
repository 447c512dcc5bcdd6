package server

import (
	"time"

	"toolpit/internal/fault"
)

// maxLarge is how many exports, and imports larger than other bodies may be, a
// replica handles at the same time. Each holds up to twice EnvelopeBytes.
const maxLarge = 8

// places is room for so many requests of a kind. Nobody waits for one.
type places chan struct{}

// take takes a place, to be given back with leave. Errors: PoolSaturated.
func (p places) take() error {
	select {
	case p <- struct{}{}:
		return nil
	default:
		return fault.New(fault.PoolSaturated, "This replica has no room for another export or large import.").Retry(time.Second)
	}
}

func (p places) leave() { <-p }

// Package lateness tells tests that hold a deadline against the clock how late
// this process is at the moment. On a machine that is busy with other things a
// timer fires late and a goroutine waits for its turn, and what is tested is late
// by as much, whatever it does.
//
// It is not for tests of speed: what takes computing time is a benchmark.
package lateness

import (
	"sync/atomic"
	"testing"
	"time"
)

// often is how long each wait takes that is compared with the clock.
const often = 5 * time.Millisecond

// Watch has a goroutine wait again and again until the test ends. The function
// that it returns tells by how much the latest of the waits so far was too long;
// anybody may call it at any time.
func Watch(t testing.TB) (worst func() time.Duration) {
	t.Helper()
	var most atomic.Int64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		timer := time.NewTimer(often)
		defer timer.Stop()
		for due := time.Now().Add(often); ; due = time.Now().Add(often) {
			timer.Reset(often)
			select {
			case <-timer.C:
				most.Store(max(most.Load(), int64(time.Since(due))))
			case <-done:
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(done)
		<-ended
	})
	return func() time.Duration { return time.Duration(most.Load()) }
}

package server

import (
	"context"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/semaphore"

	"toolpit/internal/fault"
)

// TestRoom waits for memory as long as it may, and not longer.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{memory: semaphore.NewWeighted(100)}
		release, err := s.room(t.Context(), 60)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.room(t.Context(), 41); fault.CodeOf(err) != fault.PoolSaturated {
			t.Errorf("with 40 left, 41 were given: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.room(ctx, 41); fault.CodeOf(err) != fault.Cancelled {
			t.Errorf("to somebody who is gone: %v", err)
		}
		waiting := make(chan error)
		go func() {
			release, err := s.room(t.Context(), 100)
			if err == nil {
				release()
			}
			waiting <- err
		}()
		synctest.Wait()
		release()
		if err := <-waiting; err != nil {
			t.Errorf("after what was taken came back: %v", err)
		}
	})
}

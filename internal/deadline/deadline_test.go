package deadline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"toolpit/internal/deadline"
)

type key struct{}

func TestContextEndsWhenItsTimeIsUp(t *testing.T) {
	for name, asked := range map[string]bool{"nobody waits": false, "somebody waits": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := deadline.Within(context.WithValue(t.Context(), key{}, "v"), time.Second)
				defer c.Release()
				if asked {
					c.Done()
				}
				<-time.After(time.Second - 1)
				if err := c.Err(); err != nil || c.Value(key{}) != "v" {
					t.Errorf("before its time: %v, value %v", err, c.Value(key{}))
				}
				<-time.After(1)
				synctest.Wait()
				if err := c.Err(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("at its time: %v", err)
				}
				select {
				case <-c.Done():
				default:
					t.Error("Done is open after its time")
				}
			})
		})
	}
}

func TestContextEndsWithItsParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithTimeout(t.Context(), time.Minute)
		c := deadline.Within(parent, time.Hour)
		defer c.Release()
		if at, _ := c.Deadline(); time.Until(at) != time.Minute {
			t.Errorf("its time is up in %v, its parent's in a minute", time.Until(at))
		}
		child, cancelChild := context.WithCancel(c)
		defer cancelChild()
		cancel()
		synctest.Wait()
		if !errors.Is(c.Err(), context.Canceled) || !errors.Is(child.Err(), context.Canceled) {
			t.Errorf("after its parent: %v, its child: %v", c.Err(), child.Err())
		}
	})
}

func TestReleaseEndsTheContext(t *testing.T) {
	for name, asked := range map[string]bool{"nobody waits": false, "somebody waits": true} {
		t.Run(name, func(t *testing.T) {
			c := deadline.Within(t.Context(), time.Hour)
			if asked {
				c.Done()
			}
			c.Release()
			if !errors.Is(c.Err(), context.Canceled) {
				t.Errorf("after Release: %v", c.Err())
			}
			<-c.Done()
		})
	}
}

// What the package is there for.
func BenchmarkWithin(b *testing.B) {
	b.ReportAllocs()
	parent := b.Context()
	for b.Loop() {
		c := deadline.Within(parent, time.Second)
		_ = c.Err()
		c.Release()
	}
}

func BenchmarkWithTimeout(b *testing.B) {
	b.ReportAllocs()
	parent := b.Context()
	for b.Loop() {
		c, cancel := context.WithTimeout(parent, time.Second)
		_ = c.Err()
		cancel()
	}
}

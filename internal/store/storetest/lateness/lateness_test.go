package lateness_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"toolpit/internal/store/storetest/lateness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// In a bubble, time stands still while anybody runs, so nobody is late there.
func TestNobodyIsLateInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		worst := lateness.Watch(t)
		<-time.After(time.Minute)
		if late := worst(); late != 0 {
			t.Errorf("late by %v, want 0", late)
		}
	})
}

// Outside, each wait is late by some microseconds at least.
func TestSomebodyIsLate(t *testing.T) {
	worst := lateness.Watch(t)
	for worst() <= 0 {
		<-time.After(time.Millisecond)
	}
}

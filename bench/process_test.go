package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func shell(script string) command {
	return command{name: "sh", path: "sh", args: []string{"-c", script}}
}

func newTestStage(t *testing.T) *stage {
	t.Helper()
	s, err := newStage()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the directory is still there: %v", err)
		}
		for _, p := range s.processes {
			select {
			case <-p.done:
			default:
				t.Errorf("%s was not waited for", p.name)
			}
		}
	})
	return s
}

func TestStageEndsWhatItStarted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	t.Run("processes", func(t *testing.T) {
		s := newTestStage(t)
		// One that ends when asked to, and one that prints more than a pipe holds.
		for _, script := range []string{"echo ready; exec sleep 60", "echo ready; exec yes"} {
			p, err := s.start(shell(script))
			if err != nil {
				t.Fatal(err)
			}
			if line, err := p.firstLine(t.Context()); line != "ready" || err != nil {
				t.Errorf("%q, %v", line, err)
			}
		}
	})
}

func TestProcessThatFails(t *testing.T) {
	s := newTestStage(t)
	if _, err := s.start(command{name: "nothing", path: "./nothing"}); err == nil {
		t.Error("what does not exist was started")
	}
	p, err := s.start(shell("echo no such flag >&2; exit 1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.firstLine(t.Context()); err == nil || !strings.Contains(err.Error(), "no such flag") {
		t.Errorf("firstLine = %v, want what the log says", err)
	}
	never := errors.New("never")
	if err := p.settle(t.Context(), func(context.Context) error { return never }); err == nil || !strings.Contains(err.Error(), "no such flag") {
		t.Errorf("settle = %v, want what the log says", err)
	}
	silent, err := s.start(shell("exec sleep 60"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := silent.settle(ctx, func(context.Context) error { return never }); err == nil || !strings.Contains(err.Error(), "never") {
		t.Errorf("settle = %v, want the last reason", err)
	}
}

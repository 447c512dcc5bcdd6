package sqlitestore

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"modernc.org/sqlite"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

const queued = 32 // units that wait for the turn to write

// bench is a store whose turn to write the test holds, and a table to write to.
type bench struct {
	*Store
	t       *testing.T
	turn    *conn
	commits int
	callers sync.WaitGroup
}

func newBench(t *testing.T) *bench {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "store.db"), store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{Store: s, t: t}
	if b.turn, err = s.writer.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.turn.script(t.Context(), "CREATE TABLE marks (n INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	hooks, ok := b.turn.raw.(sqlite.HookRegisterer)
	if !ok {
		t.Fatal("the driver has no hooks")
	}
	hooks.RegisterCommitHook(func() int32 { b.commits++; return 0 })
	return b
}

// queue starts callers and returns when their units wait.
func (b *bench) queue(n int, call func(i int)) {
	for i := range n {
		b.callers.Go(func() { call(i) })
	}
	for len(b.waiting) < n {
		runtime.Gosched()
	}
}

// finish lets the units have their turn.
func (b *bench) finish() {
	b.writer.give(b.turn)
	b.callers.Wait()
}

func mark(tx *tx, n int) error {
	_, err := tx.c.exec("INSERT INTO marks (n) VALUES (?)", int64(n))
	return err
}

func (b *bench) wantMarks(want int64) {
	b.t.Helper()
	var have int64
	err := b.view(b.t.Context(), func(tx *tx) error {
		r, err := tx.c.one("SELECT count(*) FROM marks")
		if err == nil {
			have = r.int(0)
		}
		return err
	})
	if err != nil || have != want {
		b.t.Errorf("%d units were applied (%v), want %d", have, err, want)
	}
}

func (b *bench) wantCommits(most int) {
	b.t.Helper()
	if b.commits == 0 || b.commits > most {
		b.t.Errorf("there were %d commits, want at most %d", b.commits, most)
	}
}

func TestUnitsThatWaitShareATransaction(t *testing.T) {
	b := newBench(t)
	b.queue(queued, func(i int) {
		if err := b.mutate(t.Context(), func(tx *tx) error { return mark(tx, i) }); err != nil {
			t.Error(err)
		}
	})
	b.finish()
	b.wantMarks(queued)
	b.wantCommits(queued / 4) // a slow disk may end a transaction early
}

func TestARefusedUnitLeavesTheOthers(t *testing.T) {
	b := newBench(t)
	refusal := fault.New(fault.VersionConflict, "refused")
	b.queue(queued, func(i int) {
		err := b.mutate(t.Context(), func(tx *tx) error {
			if i%2 == 0 {
				return refusal
			}
			return mark(tx, i)
		})
		if (i%2 == 0) != errors.Is(err, fault.VersionConflict) {
			t.Errorf("unit %d was answered %v", i, err)
		}
	})
	b.finish()
	b.wantMarks(queued / 2)
	b.wantCommits(queued / 4)
}

func TestAUnitThatFailsHarmsNoOther(t *testing.T) {
	const bad = queued / 2
	for name, fail := range map[string]func(*tx) error{
		"by an error of the driver": func(tx *tx) error {
			_, err := tx.c.exec("INSERT INTO nowhere VALUES (1)")
			return err
		},
		"by a refusal that comes too late": func(tx *tx) error {
			if err := mark(tx, bad); err != nil {
				return err
			}
			return fault.New(fault.Internal, "refused after a write")
		},
		"and takes the transaction with it": func(tx *tx) error {
			rollback(tx.c)
			return errors.New("the transaction is gone")
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.queue(queued, func(i int) {
				err := b.mutate(t.Context(), func(tx *tx) error {
					if i == bad {
						return fail(tx)
					}
					return mark(tx, i)
				})
				if want := i == bad; errors.Is(err, fault.Internal) != want || (err != nil) != want {
					t.Errorf("unit %d was answered %v", i, err)
				}
			})
			b.finish()
			b.wantMarks(queued - 1)
		})
	}
}

func TestAUnitThatPanicsHarmsNoOther(t *testing.T) {
	b := newBench(t)
	const bad = queued / 2
	b.queue(queued, func(i int) {
		defer func() {
			// It panics in whichever caller has the turn.
			if p := recover(); p != nil && p != "unit" {
				t.Errorf("a caller panicked with %v", p)
			}
		}()
		err := b.mutate(t.Context(), func(tx *tx) error {
			if i == bad {
				panic("unit")
			}
			return nil
		})
		if err != nil && !errors.Is(err, fault.Internal) {
			t.Errorf("unit %d was answered %v", i, err)
		}
	})
	b.finish()
	if err := b.mutate(t.Context(), func(tx *tx) error { return mark(tx, bad) }); err != nil {
		t.Error(err)
	}
	b.wantMarks(1)
}

func TestACallerThatLeavesTakesItsUnitAlong(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var hasty sync.WaitGroup
	hasty.Add(queued / 2)
	b.queue(queued, func(i int) {
		if i%2 == 1 {
			if err := b.mutate(t.Context(), func(tx *tx) error { return mark(tx, i) }); err != nil {
				t.Error(err)
			}
			return
		}
		defer hasty.Done()
		if err := b.mutate(ctx, func(tx *tx) error { return mark(tx, i) }); !errors.Is(err, context.Canceled) {
			t.Errorf("a unit that was cancelled was answered %v", err)
		}
	})
	cancel()
	hasty.Wait() // although nobody else had a turn
	b.finish()
	b.wantMarks(queued / 2)
}

func TestCloseAnswersWhoWaits(t *testing.T) {
	b := newBench(t)
	b.queue(queued, func(i int) {
		err := b.mutate(t.Context(), func(tx *tx) error { return mark(tx, i) })
		if err != nil && !errors.Is(err, fault.StoreUnavailable) {
			t.Errorf("a unit that met the end of the store was answered %v", err)
		}
	})
	b.callers.Go(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	b.finish()
}

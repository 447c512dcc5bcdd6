package sqlitestore

import (
	"context"
	"errors"
	"sync"
	"time"

	"toolpit/internal/store"
)

const (
	// checkpointEvery bounds what a power failure can take.
	checkpointEvery = time.Second
	// longLog is the number of frames (of 4 KiB) from which on the log must
	// start over even if writers have to wait for it.
	longLog = 16_384
	// A long log is moved in several rounds, each of which leaves less for the
	// next, until so few frames are left that writers can wait for them.
	catchUps = 5
	fewLeft  = 1024

	checkpointPassive  = "PRAGMA wal_checkpoint(PASSIVE)"
	checkpointRestart  = "PRAGMA wal_checkpoint(RESTART)"
	checkpointTruncate = "PRAGMA wal_checkpoint(TRUNCATE)"
)

// keep starts the goroutine that moves the write-ahead log into the file, and
// returns what ends it and closes the store.
func (s *Store) keep(keeper *conn) (stop func() error) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(checkpointEvery)
		defer ticker.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
				s.checkpoint(keeper)
			}
		}
	}()
	return sync.OnceValue(func() error {
		close(quit)
		<-done
		errs := []error{s.readers.close(), s.writer.close()}
		// Another process that still writes is no failure: its log stays.
		_, _ = keeper.one(checkpointTruncate)
		return errors.Join(append(errs, keeper.close())...)
	})
}

// checkpoint moves what was written since the last one into the file. It does
// so beside the writers; only when these have kept the log from ever starting
// over, it makes them wait for the little that is left. A failure is tried
// again a second later; that the store cannot write is for its writers to say.
func (s *Store) checkpoint(keeper *conn) {
	if !s.dirty.Swap(false) {
		return
	}
	if err := s.backfill(keeper); err != nil {
		s.dirty.Store(true)
	}
}

func (s *Store) backfill(keeper *conn) error {
	moved := int64(0)
	for range catchUps {
		r, err := keeper.one(checkpointPassive)
		if err != nil || r == nil {
			return err
		}
		frames := r.int(1)
		if frames < longLog {
			return nil
		}
		if frames-moved < fewLeft {
			break
		}
		moved = frames
	}
	ctx, cancel := context.WithTimeout(context.Background(), store.CallTimeout)
	defer cancel()
	turn, err := s.writer.take(ctx)
	if err != nil {
		return err
	}
	defer s.writer.give(turn)
	_, err = keeper.one(checkpointRestart)
	return err
}

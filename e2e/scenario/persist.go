package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// giveUp is when a caller would stop asking.
const giveUp = 20 * time.Second

// persist makes a request on one replica after the other, beginning with the
// one whose turn it is, until it succeeds or repeating it is of no use. The
// request returns the status of its answer, 0 when it got none.
func persist(ctx context.Context, fleet Fleet, turn int, request func(ctx context.Context, url string) (status int, err error)) (tries int, err error) {
	ctx, cancel := context.WithTimeout(ctx, giveUp)
	defer cancel()
	err = errors.New("nobody was there")
	for try := 0; ctx.Err() == nil; try++ {
		if try > 0 && try%fleet.Size() == 0 {
			pause(ctx) // nobody was there
		}
		url := fleet.URL((turn + try) % fleet.Size())
		if url == "" {
			continue
		}
		tries++
		var status int
		if status, err = request(ctx, url); err == nil || status != 0 && status < http.StatusInternalServerError {
			return tries, err
		}
	}
	return tries, fmt.Errorf("given up after %s and %d tries: %w", giveUp, tries, err)
}

// pause waits a moment before everybody is asked again.
func pause(ctx context.Context) {
	timer := time.NewTimer(2 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

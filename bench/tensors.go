package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/procfs"

	"toolpit/bench/load"
)

const (
	smallMiB = 8
	largeMiB = 256

	neighbourEvery = 5 * time.Millisecond // 200 a second
	neighbourTime  = 5 * time.Second      // a round: a thousand calls
	slices10       = 300                  // slices that are read a round
)

// The entrants of the table of transfers.
const (
	rawIn      = "raw in"
	rawAgain   = "raw in, again"
	toolpitIn  = "toolpit in"
	floorIn    = "floor in"
	rawOut     = "raw out"
	floorOut   = "floor out"
	toolpitOut = "toolpit out"
)

// tensors measures large tensors on one replica, beside keys in the same Redis.
type tensors struct {
	plan
	redis   *redisServer
	toolpit *httpServer
	raw     *transfer
	http    *transfer
	floor   *transfer
	made    int
}

// compareTensors measures transfers, their neighbours, memory and slices.
func compareTensors(ctx context.Context, s *stage, p plan) (r report, err error) {
	t := &tensors{plan: p}
	if t.redis, err = s.startRedis(ctx, ""); err != nil {
		return nil, err
	}
	if t.toolpit, err = s.startToolpit(ctx, toolpitCommand(p.bin, t.redis.url())); err != nil {
		return nil, err
	}
	if t.raw, err = newTransfer(ctx, "127.0.0.1:"+strconv.Itoa(t.redis.port)); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.raw.close()) }()
	if t.http, err = newTransfer(ctx, t.toolpit.addr); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.http.close()) }()
	floor, _, err := s.startFloor(ctx, floorCommand(p.bin, t.redis.url()))
	if err != nil {
		return nil, err
	}
	if t.floor, err = newTransfer(ctx, floor.addr); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.floor.close()) }()
	before, _, err := memory(t.toolpit.pid())
	if err != nil {
		return nil, err
	}
	found := tensorReport{before: before}
	p.conns = []int{smallMiB, largeMiB}
	found.results, err = takeTurns(ctx, p, "tensors of so many MiB", []entrant{
		{rawIn, t.rawIn},
		{rawAgain, t.rawAgain},
		{floorIn, t.floorIn},
		{toolpitIn, t.toolpitIn},
		{rawOut, t.rawOut},
		{floorOut, t.floorOut},
		{toolpitOut, t.toolpitOut},
	})
	if err != nil {
		return nil, err
	}
	if _, found.peak, err = memory(t.toolpit.pid()); err != nil {
		return nil, err
	}
	for round := range p.rounds {
		if err := t.neighbours(ctx, &found); err != nil {
			return nil, err
		}
		p.note("tensors: neighbours, round %d of %d", round+1, p.rounds)
	}
	return found, t.sliced(ctx, &found)
}

// memory returns what a process has in memory, and the most that it ever had,
// in bytes.
func memory(pid int) (now, most uint64, err error) {
	proc, err := procfs.NewProc(pid)
	if err != nil {
		return 0, 0, err
	}
	status, err := proc.NewStatus()
	return status.VmRSS, status.VmHWM, err
}

// repeat times a transfer of so many MiB until largeMiB have gone, in a session
// of its own, and returns MB a second.
func (t *tensors) repeat(ctx context.Context, size int, prepare, once func(session string) error) (sample, error) {
	session, err := t.session(ctx)
	if err != nil {
		return sample{}, err
	}
	if err := prepare(session); err != nil {
		return sample{}, err
	}
	times := largeMiB / size
	begun := time.Now()
	for range times {
		if err := once(session); err != nil {
			return sample{}, err
		}
	}
	took := time.Since(begun)
	if err := errors.Join(t.raw.dropAll(), t.toolpit.remove(ctx, session), t.redis.freed(ctx)); err != nil {
		return sample{}, err
	}
	return sample{rate: float64(times*size*mebi) / 1e6 / took.Seconds(), p50: took / time.Duration(times)}, nil
}

func (t *tensors) session(ctx context.Context) (string, error) {
	t.made++
	session := fmt.Sprintf("tensors-%d", t.made)
	return session, t.toolpit.create(ctx, session)
}

func nothingFirst(string) error { return nil }

func (t *tensors) rawIn(ctx context.Context, size int) (sample, error) {
	return t.repeat(ctx, size, nothingFirst, func(string) error { return t.raw.setAll(size) })
}

func (t *tensors) rawAgain(ctx context.Context, size int) (sample, error) {
	return t.repeat(ctx, size, func(string) error { return t.raw.setAll(size) },
		func(string) error { return t.raw.setAgain(size) })
}

func (t *tensors) floorIn(ctx context.Context, size int) (sample, error) {
	return t.repeat(ctx, size, nothingFirst, func(string) error {
		from := t.raw.keys
		t.raw.keys += size // of which dropAll is to know
		return t.floor.putTensor(floorPath(from, size), size)
	})
}

func (t *tensors) toolpitIn(ctx context.Context, size int) (sample, error) {
	return t.repeat(ctx, size, nothingFirst, func(session string) error { return t.http.putTensor(tensorPath(session), size) })
}

func (t *tensors) rawOut(ctx context.Context, size int) (sample, error) {
	return t.repeat(ctx, size, func(string) error { return t.raw.setAll(size) },
		func(string) error { return t.raw.getAll(size) })
}

func (t *tensors) floorOut(ctx context.Context, size int) (sample, error) {
	return t.repeat(ctx, size, func(string) error { return t.raw.setAll(size) },
		func(string) error { return t.floor.getTensor(floorPath(0, size), int64(size)*mebi) })
}

func (t *tensors) toolpitOut(ctx context.Context, size int) (sample, error) {
	return t.repeat(ctx, size, func(session string) error { return t.http.putTensor(tensorPath(session), size) },
		func(session string) error { return t.http.getTensor(tensorPath(session), int64(size)*mebi) })
}

// neighbours measures increments while nothing is moved, while raw keys are,
// and while tensors are, in and out by turns.
func (t *tensors) neighbours(ctx context.Context, found *tensorReport) error {
	session, err := t.session(ctx)
	if err != nil {
		return err
	}
	for _, n := range []struct {
		into *load.Histogram
		move func() error
	}{
		{&found.alone, nil},
		{&found.besideRaw, func() error { return errors.Join(t.raw.setAll(largeMiB), t.raw.getAll(largeMiB)) }},
		{&found.besideTensor, func() error {
			return errors.Join(t.http.putTensor(tensorPath(session), largeMiB), t.http.getTensor(tensorPath(session), largeMiB*mebi))
		}},
	} {
		took, err := t.neighbour(ctx, session, n.move)
		if err != nil {
			return err
		}
		n.into.Merge(took)
	}
	return errors.Join(t.raw.dropAll(), t.toolpit.remove(ctx, session), t.redis.freed(ctx), os.Truncate(t.toolpit.log, 0))
}

// neighbour measures increments of a session beside what move does over and
// over.
func (t *tensors) neighbour(ctx context.Context, session string, move func() error) (*load.Histogram, error) {
	stop, moved := make(chan struct{}), make(chan error, 1)
	go func() {
		var err error
		for err == nil && move != nil {
			select {
			case <-stop:
				moved <- nil
				return
			default:
				err = move()
			}
		}
		moved <- err
	}()
	i := newIncrementer(t.toolpit, session)
	defer i.close()
	took, err := openLoop(ctx, neighbourEvery, neighbourTime, i.call)
	close(stop)
	return took, errors.Join(err, <-moved)
}

// sliced reads ten rows of a large tensor again and again.
func (t *tensors) sliced(ctx context.Context, found *tensorReport) error {
	session, err := t.session(ctx)
	if err != nil {
		return err
	}
	if err := t.http.putTensor(tensorPath(session), largeMiB); err != nil {
		return err
	}
	for range slices10 * t.rounds {
		begun := time.Now()
		if err := t.http.getTensor(tensorPath(session)+"?slice=0:10,:", 10*rowBytes); err != nil {
			return err
		}
		found.slice.Add(time.Since(begun))
	}
	return t.toolpit.remove(ctx, session)
}

package faultproxy

import (
	"bytes"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// Line is what a bad network does to connections that it does not break. The
// zero Line does nothing. Bytes are never reordered, changed or lost: TCP sees
// to that, and this is what is left of the network's faults above it.
type Line struct {
	// Delay is that of replies, and so of round trips. It is drawn evenly from
	// Delay-Jitter to Delay+Jitter, once for replies that come in one go.
	Delay, Jitter time.Duration
	// Slice is how many bytes are sent in one piece. 0: as they came.
	Slice int
	// Rate is how many bytes get through in a second, on each connection and in
	// each direction. 0: any number.
	Rate int
}

const (
	// lineLen is how many writes may be on their way at once.
	lineLen = 4096
	// oneGo is how close to each other writes are that travel together.
	oneGo = time.Millisecond
	// pieceLen is how many bytes are sent at once on a line that has a rate.
	pieceLen = 512
)

// Shape has all connections, present and future, go over such a line from now
// on. What is on its way already, stays so. A fault that strikes may take along
// what is still on the line.
func (p *Proxy) Shape(line Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = line
}

func (p *Proxy) shape() Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.line
}

// delay notes how long a reply is held up.
func (p *Proxy) delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delayed++
	p.delays += d
}

// Delayed returns how many replies have gone over bad lines so far, and for how
// long these held them up altogether.
func (p *Proxy) Delayed() (replies int, altogether time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delayed, p.delays
}

// Sever resets all connections that there are, whatever is under way on them.
func (p *Proxy) Sever() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		for _, end := range []net.Conn{c.client, c.server} {
			if tcp, ok := end.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
		}
		c.close()
	}
}

// parcel is a write on its way.
type parcel struct {
	data []byte
	due  time.Time
	line Line
}

// link is one direction of a connection. One goroutine writes to it.
type link struct {
	p       *Proxy
	to      net.Conn
	replies bool          // it carries replies
	quit    chan struct{} // closed with the connection

	parcels chan parcel // nil until the line is bad for the first time
	delay   time.Duration
	sent    time.Time // when the latest parcel was written
	last    time.Time // when it is due
	carrier sync.WaitGroup
}

// write sends data, or has it sent when the line lets it through. Whatever
// goes wrong then is for the next write to find.
func (l *link) write(data []byte) error {
	line := l.p.shape()
	if l.parcels == nil {
		if line == (Line{}) {
			_, err := l.to.Write(data)
			return err
		}
		parcels := make(chan parcel, lineLen)
		l.parcels = parcels
		l.carrier.Go(func() { l.carry(parcels) })
	}
	select {
	case l.parcels <- parcel{bytes.Clone(data), l.due(line), line}:
		return nil
	case <-l.quit:
		return net.ErrClosed
	}
}

// due returns when a write of now arrives: not before those in front of it.
func (l *link) due(line Line) time.Time {
	now := time.Now()
	if l.replies && now.Sub(l.sent) > oneGo {
		l.delay = line.Delay - line.Jitter
		if line.Jitter > 0 {
			l.delay += rand.N(2 * line.Jitter)
		}
	}
	l.sent = now
	due := now.Add(l.delay)
	if due.Before(l.last) {
		due = l.last
	}
	l.last = due
	if l.replies {
		l.p.delay(due.Sub(now))
	}
	return due
}

// carry sends parcels when they are due.
func (l *link) carry(parcels <-chan parcel) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	wait := func(until time.Time) bool {
		timer.Reset(time.Until(until))
		select {
		case <-timer.C:
			return true
		case <-l.quit:
			return false
		}
	}
	free := time.Now() // when the line has sent what it was given
	for p := range parcels {
		if !wait(p.due) {
			return
		}
		size := len(p.data)
		if p.line.Slice > 0 {
			size = p.line.Slice
		}
		if p.line.Rate > 0 {
			size = min(size, pieceLen)
		}
		for piece := range slices.Chunk(p.data, size) {
			if _, err := l.to.Write(piece); err != nil {
				break // its reader is gone, which the other direction notices
			}
			if p.line.Rate == 0 {
				continue
			}
			if now := time.Now(); free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(len(piece)) * time.Second / time.Duration(p.line.Rate))
			if !wait(free) {
				return
			}
		}
	}
}

// drain waits until everything has arrived. Nothing may be written after it.
func (l *link) drain() {
	if l.parcels != nil {
		close(l.parcels)
		l.parcels = nil
	}
	l.carrier.Wait()
}

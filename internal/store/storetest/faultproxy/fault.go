package faultproxy

import "fmt"

// Fault is a way to fail a request.
type Fault int

const (
	// Close loses the reply and closes the connection in order: the client
	// reads end-of-file where the reply should have been.
	Close Fault = iota + 1
	// Reset loses the reply and resets the connection: the client's read fails
	// with ECONNRESET.
	Reset
	// Swallow loses the reply and leaves the connection open, but silent for
	// good: the client waits until it gives up.
	Swallow
	// Cut closes the connection, as Close does, before the request is forwarded:
	// the server never sees it. It is the counterpart to the others that the
	// client cannot tell from them.
	Cut
)

// Faults returns all faults, for tests that go through them.
func Faults() []Fault { return []Fault{Close, Reset, Swallow, Cut} }

// Applied reports whether the server has executed the request when the fault
// strikes: true of all but [Cut].
func (f Fault) Applied() bool { return f != Cut }

// String returns the fault's name in lower case, as a name for subtests.
func (f Fault) String() string {
	switch f {
	case Close:
		return "close"
	case Reset:
		return "reset"
	case Swallow:
		return "swallow"
	case Cut:
		return "cut"
	default:
		return fmt.Sprintf("Fault(%d)", int(f))
	}
}

// shot is one fault, from Arm until it has struck or is abandoned. Only the one
// that is Proxy.shot counts.
type shot struct {
	fault Fault
	// bound is set while a request is under way that the fault is meant for, so
	// that it is not meant for a second one. Guarded by Proxy.mu.
	bound  bool
	struck chan struct{} // closed when it has
}

// Arm has the given fault strike once: at the next trigger command that arrives
// and that the server executes. It is the first command of an EVAL or EVALSHA
// request unless Start was told otherwise. The returned channel is closed when
// the fault has struck, before the client notices; it need not be looked at.
//
// An error reply to a trigger command means that it was not applied (NOSCRIPT,
// above all, after which clients send the script itself). It is delivered, and
// the fault remains armed, as it does if the connection ends before the reply.
// A nested error, as in the reply to EXEC, is not looked for. Within MULTI the
// reply lost would be QUEUED: name EXEC as the trigger instead, unless the
// transaction is sent as one batch.
//
// Arming again replaces a fault that has not struck yet.
func (p *Proxy) Arm(f Fault) <-chan struct{} {
	s := &shot{fault: f, struck: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shot = s
	return s.struck
}

// Disarm abandons a fault that has not struck yet. None strikes after Disarm
// has returned, even at a request already under way, until Arm is called.
func (p *Proxy) Disarm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shot = nil
}

// Fired returns how many faults have struck. A fault is counted before the
// client can notice it; for [Swallow], which clients notice by nothing coming,
// wait for the channel that Arm returned.
func (p *Proxy) Fired() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fired
}

// bind returns the armed fault if it is for a request with the given trigger
// commands, and reserves it for that request until fire or unbind.
func (p *Proxy) bind(triggers []bool) *shot {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shot == nil || p.shot.bound {
		return nil
	}
	for _, hit := range triggers {
		if hit {
			p.shot.bound = true
			return p.shot
		}
	}
	return nil
}

// unbind leaves s for another request, as it cannot strike at the one that it
// was bound to.
func (p *Proxy) unbind(s *shot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.bound = false
}

// fire reports whether s may strike still, and counts it as having struck if so.
func (p *Proxy) fire(s *shot) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shot != s {
		return false
	}
	p.shot = nil
	p.fired++
	close(s.struck)
	return true
}

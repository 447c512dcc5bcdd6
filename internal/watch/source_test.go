package watch_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

var ref = store.Ref{Owner: "default", ID: "demo"}

// source is one session in memory. It keeps all changes but those before first,
// and can be broken.
type source struct {
	mu       sync.Mutex
	epoch    string
	first    int64 // number of the oldest change that is kept
	changes  []store.Change
	now      map[string]store.Variable
	ttl      time.Duration
	expires  time.Time
	deleted  bool
	down     bool
	ringing  func(store.Ref)
	cut      chan struct{} // ends what listens
	deaf     bool
	follows  int
	reads    int
	bytes    int64 // that were read
	padding  int   // bytes of metadata that each variable has
	listened int
}

func newSource() *source {
	return &source{epoch: "a", first: 1, now: map[string]store.Variable{}, ttl: time.Hour, expires: time.Now().Add(time.Hour)}
}

// put writes variables in one change.
func (s *source) put(names ...string) {
	s.mu.Lock()
	c := store.Change{Seq: int64(len(s.changes)) + 1, At: time.Now(), By: "test"}
	for _, name := range names {
		kind := store.ValueChanged
		v := s.now[name]
		if v.Version == 0 {
			kind = store.Registered
		}
		s.now[name] = store.Variable{Name: name, Version: v.Version + 1, Value: value.Int(c.Seq), Metadata: strings.Repeat("x", s.padding)}
		c.Items = append(c.Items, store.ChangeItem{Kind: kind, Name: name, Version: v.Version + 1})
	}
	s.changes = append(s.changes, c)
	ring := s.ringing
	s.mu.Unlock()
	if ring != nil {
		ring(ref)
	}
}

// change does something to the session that does not ring.
func (s *source) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s *source) fault(r store.Ref) error {
	switch {
	case s.down:
		return fault.New(fault.StoreUnavailable, "")
	case r != ref || s.deleted:
		return fault.New(fault.SessionNotFound, "")
	case !time.Now().Before(s.expires):
		return fault.New(fault.SessionExpired, "")
	}
	return nil
}

func (s *source) ReadPart(_ context.Context, r store.Ref, bytes int64, names ...string) (store.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if len(names) > store.MaxOps {
		return store.Snapshot{}, fault.New(fault.InvalidRequest, "too many names")
	}
	snapshot := store.Snapshot{Variables: map[string]store.Variable{}, At: time.Now()}
	for i, name := range names {
		if i > 0 && bytes < 0 {
			snapshot.Left = len(names) - i
			break
		}
		if v, ok := s.now[name]; ok {
			snapshot.Variables[name] = v
			bytes -= v.Size()
			s.bytes += v.Size()
		}
	}
	return snapshot, s.fault(r)
}

func (s *source) Follow(_ context.Context, r store.Ref, after int64, limit int) (store.Followed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.follows++
	if err := s.fault(r); err != nil {
		return store.Followed{}, err
	}
	f := store.Followed{Epoch: s.epoch, Seq: int64(len(s.changes)), Expires: s.expires, TTL: s.ttl, At: time.Now()}
	from := min(max(after, s.first-1), f.Seq)
	f.Changes = append(f.Changes, s.changes[from:min(from+int64(limit), f.Seq)]...)
	return f, nil
}

func (s *source) Listen(ctx context.Context, ring func(store.Ref)) error {
	s.mu.Lock()
	s.listened++
	cut := make(chan struct{})
	if s.deaf {
		close(cut)
	}
	s.ringing, s.cut = ring, cut
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ringing = nil
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-cut:
		return errors.New("the connection broke")
	}
}

// text writes an item down so that tests can compare it.
func text(c store.Change, item store.ChangeItem, v *store.Variable) []byte {
	shown := "superseded"
	if v != nil {
		shown = v.Value.JSON()
	}
	return []byte(strconv.FormatInt(c.Seq, 10) + fmt.Sprintf(" %c %s %d=%s", item.Kind, item.Name, item.Version, shown))
}

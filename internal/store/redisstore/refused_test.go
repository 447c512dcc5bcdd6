package redisstore_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/storetest"
	"toolpit/internal/store/storetest/redistest"
)

// refuseTensor brings a tensor to a variable that somebody else has locked.
func refuseTensor(t *testing.T, s store.Store, ref store.Ref, raw []byte) store.Upload {
	t.Helper()
	content := staged(t, s, ref, raw)
	_, err := s.Apply(t.Context(), ref, store.Unit{Write: write("t"), Ops: []store.Op{store.PutContent("t", content)}})
	if !errors.Is(err, fault.VariableLocked) {
		t.Fatalf("Apply = %v, want VARIABLE_LOCKED", err)
	}
	return *content.Upload
}

// lockedSession makes a session of a day with a locked tensor.
func lockedSession(t *testing.T, s store.Store) store.Ref {
	t.Helper()
	ref := store.Ref{Owner: "o", ID: store.MintID()}
	if _, err := s.Create(t.Context(), ref, store.NewSession{Write: write("t"), TTL: 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	for _, op := range []store.Op{
		store.PutContent("t", staged(t, s, ref, []byte("kept"))),
		store.AcquireLock("t", store.Lease{Token: "mine", TTL: store.MaxLease}),
	} {
		if _, err := s.Apply(t.Context(), ref, store.Unit{Write: write("t"), Ops: []store.Op{op}}); err != nil {
			t.Fatal(err)
		}
	}
	return ref
}

// blobsAndUploads returns the keys of both.
func blobsAndUploads(t *testing.T, c *redis.Client) []string {
	t.Helper()
	return slices.DeleteFunc(sessionKeys(t, c), func(k string) bool { return !strings.Contains(k, "}:b:") && !strings.Contains(k, ":u:") })
}

func TestDiscardedBytesOfARefusedUnitGoAtOnce(t *testing.T) {
	url := redistest.Start(t)
	s, c := open(t, url, store.Config{}), raw(t, url)
	ref := lockedSession(t, s)
	before := blobsAndUploads(t, c)
	for i := range byte(10) {
		u := refuseTensor(t, s, ref, bytes.Repeat([]byte{i}, store.ChunkSize+1))
		if err := s.Discard(t.Context(), ref, u); err != nil {
			t.Fatal(err)
		}
	}
	after := blobsAndUploads(t, c)
	slices.Sort(before)
	slices.Sort(after)
	if !slices.Equal(before, after) {
		t.Errorf("the keys are\n%v, before they were\n%v", after, before)
	}
}

// A replica that dies after it has adopted a tensor's bytes says nothing any
// more. Another one's sweeper finds them.
func TestAnotherReplicaSweepsWhatARefusedUnitBrought(t *testing.T) {
	url := redistest.Start(t)
	clock := &storetest.Clock{}
	cfg := store.Config{Offset: clock.Offset}
	a, c := open(t, url, cfg), raw(t, url)
	ref := lockedSession(t, a)
	before := len(blobsAndUploads(t, c))
	for i := range byte(10) {
		refuseTensor(t, a, ref, bytes.Repeat([]byte{i}, store.ChunkSize+1))
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b := open(t, url, cfg)
	const interval, rounds = 10 * time.Second, 8 // a minute, and the sweeps before and after
	for range rounds {
		clock.Advance(interval)
		if _, err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	left := slices.DeleteFunc(blobsAndUploads(t, c), func(k string) bool { return strings.HasSuffix(k, ":t") }) // marks
	if len(left) != before {
		t.Errorf("%d keys are left, want %d:\n%v", len(left), before, left)
	}
}

// A hint may come while the sweeper looks at the session, or just before, and
// what it is about a moment later. Then there is another look.
func TestAHintIsNotLostToASweepUnderWay(t *testing.T) {
	url := redistest.Start(t)
	clock := &storetest.Clock{}
	s, c := open(t, url, store.Config{Offset: clock.Offset}), raw(t, url)
	ref := lockedSession(t, s) // the first hint
	look := func() time.Duration {
		t.Helper()
		at, err := c.ZScore(t.Context(), "tp1:{index}:e:o", ref.ID).Result()
		if err != nil {
			t.Fatal(err)
		}
		now, err := s.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return time.UnixMilli(int64(at)).Sub(now)
	}
	refuseTensor(t, s, ref, []byte("first")) // the second hint
	u := refuseTensor(t, s, ref, []byte("second"))
	if got := look(); got <= 0 || got > 5*time.Second {
		t.Fatalf("the sweeper looks in %v", got)
	}
	// All that was adopted goes, so that nothing but the hints asks for a look.
	clock.Advance(2 * time.Minute)
	if err := s.Discard(t.Context(), ref, u); err != nil {
		t.Fatal(err)
	}
	sweep := func() {
		t.Helper()
		if _, err := s.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	sweep()
	if got := look(); got <= 0 || got > time.Minute {
		t.Errorf("the sweeper looks again in %v, want a minute", got)
	}
	clock.Advance(time.Minute)
	sweep()
	if got := look(); got < time.Hour {
		t.Errorf("the sweeper looks again in %v, though nothing is to be done", got)
	}
}

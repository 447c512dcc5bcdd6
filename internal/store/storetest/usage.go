package storetest

import (
	"strings"
	"testing"
	"time"

	"toolpit/internal/store"
)

// testUsage is about the measuring of a session.
func testUsage(t *testing.T, open opener) {
	t.Run("a new session holds nothing", func(t *testing.T) {
		t.Parallel()
		limits := store.Limits{Variables: 7, History: 3}
		s := newSubject(t, open, store.Config{Limits: limits})
		usage := s.usage(t, s.create(t, lifetime))
		if usage.Bytes > 1<<10 { // the answer to its creation
			t.Errorf("%d bytes are counted", usage.Bytes)
		}
		wantEqual(t, "usage", usage, store.Usage{Bytes: usage.Bytes, Limits: limits.WithDefaults()})
	})

	t.Run("what a session holds is counted", func(t *testing.T) {
		t.Parallel()
		const size = 10_000
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		grow := func(what string, least, most int64, change func()) {
			t.Helper()
			before := s.usage(t, ref).Bytes
			change()
			if got := s.usage(t, ref).Bytes - before; got < least || got > most {
				t.Errorf("%s takes %d bytes, want %d to %d", what, got, least, most)
			}
		}
		const little = 2000 // for a record around it, and for the token's
		large := func(letter string) store.Op { return store.Put("a", text(strings.Repeat(letter, size))) }
		grow("a value", size, size+little, func() { s.apply(t, ref, large("x")) })
		grow("its history", size, size+little, func() { s.apply(t, ref, large("y")) })
		grow("metadata", store.MaxMetadata/2, little+size+store.MaxMetadata, func() {
			s.apply(t, ref, store.Patch("a", nil, []byte(`{"k":"`+strings.Repeat("x", store.MaxMetadata/2)+`"}`)))
		})
		grow("a tensor", size, size+little, func() { s.putTensor(t, ref, "t", newTensor(size, 1)) })
		grow("the same tensor", 0, little, func() { s.putTensor(t, ref, "u", newTensor(size, 1)) })
		grow("an answer to a key", store.MaxMemo, store.MaxMemo+little, func() {
			s.applyUnit(t, ref, store.Unit{Write: keyed("key", "request"), Memo: make([]byte, store.MaxMemo)})
		})
		s.apply(t, ref, store.AcquireLock("a", store.Lease{Token: "mine", TTL: time.Minute}))
		got := s.usage(t, ref)
		wantEqual(t, "usage", got, store.Usage{
			Bytes: got.Bytes, Variables: 3, Changes: 6, Blobs: 1, BlobBytes: size, Locks: 1, Limits: store.Limits{}.WithDefaults(),
		})

		// A deletion takes everything with it.
		s.clock.Advance(time.Minute)
		grow("a deletion", -4*size, -3*size, func() { s.apply(t, ref, store.Delete("a"), store.Delete("t")) })
		grow("the last tensor's deletion", -size-little, -size/2, func() { s.apply(t, ref, store.Delete("u")) })
		got = s.usage(t, ref)
		wantEqual(t, "usage", got, store.Usage{Bytes: got.Bytes, Changes: 8, Limits: store.Limits{}.WithDefaults()})
	})

	t.Run("equal bytes that come and go in one unit are counted as they are kept", func(t *testing.T) {
		t.Parallel()
		const size, little = 10_000, 2000
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x := newTensor(size, 1)
		want := func(what string, least int64) {
			t.Helper()
			if got := s.usage(t, ref).Bytes; got < least || got > least+little {
				t.Errorf("%s: %d bytes are counted, want %d and a little", what, got, least)
			}
		}
		s.apply(t, ref, store.CreateContent("a", s.stage(t, ref, x)), store.CreateContent("b", s.stage(t, ref, x)))
		want("two of them", size)
		s.apply(t, ref, store.Delete("a"), store.Delete("b"))
		want("none", 0)
		s.putTensor(t, ref, "a", x)
		s.apply(t, ref, store.Delete("a"), store.CreateContent("b", s.stage(t, ref, x)))
		want("another one", size)
		s.apply(t, ref, store.Delete("b"))
		want("none again", 0)
	})

	t.Run("the bytes of a session do not grow with its age", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{Limits: store.Limits{History: 3, Changes: 10}, KeyTTL: time.Minute})
		ref := s.create(t, lifetime)
		age := func() int64 {
			for range 40 {
				s.clock.Advance(time.Second)
				s.apply(t, ref, store.PutContent("a", store.Content{Value: text("xyz"), Metadata: []byte(`{"k":1}`)}), store.Put("b", text("x")))
				s.apply(t, ref, store.Delete("b"))
				s.putTensor(t, ref, "t", newTensor(100, 1))
			}
			s.clock.Advance(store.MintedTTL + time.Minute) // the tokens are over
			s.apply(t, ref, store.Put("a", text("xyz")))
			return s.usage(t, ref).Bytes
		}
		first := age()
		if later := age(); later > first+first/4 {
			t.Errorf("%d bytes have become %d", first, later)
		}
	})
}

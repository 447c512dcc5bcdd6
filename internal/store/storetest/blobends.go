package storetest

import (
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// blobGrace is how far tests move the clock until a blob that nobody needs must
// go with the next sweep; it may go a minute after it was last needed.
const blobGrace = 2 * time.Minute

// testBlobEnds is about the sweeping of blobs and uploads. Like
// testHousekeeping it runs its tests one after the other.
func testBlobEnds(t *testing.T, open opener) {
	last := store.Config{Limits: store.Limits{History: 1}, TombstoneTTL: time.Second}

	t.Run("an overwritten blob is readable for a minute and then goes", func(t *testing.T) {
		s := newSubject(t, open, last)
		ref := s.create(t, lifetime)
		x, y := newTensor(store.ChunkSize+1, 1), newTensor(10, 2)
		s.putTensor(t, ref, "a", x)
		s.putTensor(t, ref, "a", y)
		s.sweepAll(t)
		s.wantBytes(t, ref, x)
		s.clock.Advance(time.Minute - margin)
		s.sweepAll(t)
		s.wantBytes(t, ref, x)
		s.clock.Advance(blobGrace)
		if swept := s.sweepAll(t); swept.Blobs < 1 {
			t.Error("no blob was swept")
		}
		s.wantNoBytes(t, ref, x)
		s.wantBytes(t, ref, y)
		s.refuse(t, ref, fault.VersionNotFound, store.Put("b", x.value))
		s.putTensor(t, ref, "b", x) // it can come back
		s.wantBytes(t, ref, x)
	})

	t.Run("a blob that is needed again stays", func(t *testing.T) {
		s := newSubject(t, open, last)
		ref := s.create(t, lifetime)
		x, y := newTensor(10, 1), newTensor(10, 2)
		s.putTensor(t, ref, "a", x)
		s.putTensor(t, ref, "a", y)
		s.clock.Advance(time.Second)
		s.putTensor(t, ref, "a", x)
		s.clock.Advance(blobGrace)
		s.sweepAll(t)
		s.clock.Advance(blobGrace)
		s.sweepAll(t)
		s.wantBytes(t, ref, x)
		s.wantNoBytes(t, ref, y)
		s.apply(t, ref, store.Delete("a"))
		s.clock.Advance(blobGrace)
		s.sweepAll(t)
		s.wantNoBytes(t, ref, x)
	})

	t.Run("the history keeps a blob until it drops the version", func(t *testing.T) {
		s := newSubject(t, open, store.Config{Limits: store.Limits{History: 3}})
		ref := s.create(t, lifetime)
		x := newTensor(10, 1)
		s.putTensor(t, ref, "a", x)
		for i := range uint64(2) {
			s.putTensor(t, ref, "a", newTensor(10, 2+i))
			s.clock.Advance(blobGrace)
			s.sweepAll(t)
			s.wantBytes(t, ref, x)
		}
		s.apply(t, ref, store.Rollback("a", 1))
		for i := range uint64(2) {
			s.putTensor(t, ref, "a", newTensor(10, 4+i))
		}
		s.clock.Advance(blobGrace)
		s.sweepAll(t)
		s.wantBytes(t, ref, x) // version 4 has it too
		s.putTensor(t, ref, "a", newTensor(10, 6))
		s.clock.Advance(blobGrace)
		s.sweepAll(t)
		s.wantNoBytes(t, ref, x)
	})

	t.Run("an upload waits for its time and then goes", func(t *testing.T) {
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x := newTensor(store.ChunkSize+1, 1)
		waiting, late := s.stage(t, ref, x), s.stage(t, ref, x)
		s.clock.Advance(store.StagedTTL - margin)
		s.sweepAll(t)
		s.apply(t, ref, store.CreateContent("a", waiting))
		s.wantBytes(t, ref, x)
		s.clock.Advance(2 * margin)
		s.refuse(t, ref, fault.InvalidRequest, store.CreateContent("b", late))
		s.clock.Advance(blobGrace)
		s.sweepAll(t)
		s.refuse(t, ref, fault.InvalidRequest, store.CreateContent("b", late))
		s.wantBytes(t, ref, x)
		if usage := s.usage(t, ref); usage.Blobs != 1 {
			t.Errorf("the usage is %+v, want one blob", usage)
		}
	})

	t.Run("what a refused unit brought goes when it is discarded", func(t *testing.T) {
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("n", number(1)))
		x := newTensor(store.ChunkSize+1, 1)
		content := s.stage(t, ref, x)
		for range 2 {
			s.refuse(t, ref, fault.VariableExists, store.CreateContent("a", content), store.Create("n", number(1)))
		}
		wantNoError(t, s.Discard(t.Context(), ref, *content.Upload))
		s.wantNoBytes(t, ref, x)
		s.refuse(t, ref, fault.InvalidRequest, store.CreateContent("a", content))
		s.putTensor(t, ref, "a", x) // it can come again
		s.wantBytes(t, ref, x)
	})

	t.Run("what a refused unit brought goes by itself", func(t *testing.T) {
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("n", number(1)))
		x, y := newTensor(store.ChunkSize+1, 1), newTensor(10, 2)
		s.putTensor(t, ref, "y", y)
		for _, x := range []tensor{x, y} {
			s.refuse(t, ref, fault.VariableExists, store.CreateContent("a", s.stage(t, ref, x)), store.Create("n", number(1)))
		}
		s.clock.Advance(store.StagedTTL + margin)
		for range 2 {
			s.clock.Advance(blobGrace)
			s.sweepAll(t)
		}
		s.wantNoBytes(t, ref, x)
		s.wantBytes(t, ref, y)
	})

	t.Run("discarding takes nothing from others with the same bytes", func(t *testing.T) {
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("n", number(1)))
		x, y := newTensor(10, 1), newTensor(20, 2)
		refused := func(ref store.Ref, x tensor) store.Content {
			content := s.stage(t, ref, x)
			s.refuse(t, ref, fault.VariableExists, store.CreateContent("b", content), store.Create("n", number(1)))
			return content
		}
		s.putTensor(t, ref, "a", x)
		child := s.fork(t, ref)
		first, second, forked := refused(ref, y), refused(ref, y), refused(child, y)
		for _, given := range []store.Content{first, refused(ref, x)} {
			wantNoError(t, s.Discard(t.Context(), ref, *given.Upload))
		}
		s.apply(t, ref, store.CreateContent("c", second))
		wantNoError(t, s.Discard(t.Context(), ref, *second.Upload)) // too late
		wantNoError(t, s.Discard(t.Context(), child, *forked.Upload))
		for range 2 {
			s.clock.Advance(blobGrace)
			s.sweepAll(t)
		}
		s.wantBytes(t, ref, x)
		s.wantBytes(t, ref, y)
		s.wantBytes(t, child, x)
	})

	t.Run("a keyed unit is answered again though its upload was discarded", func(t *testing.T) {
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("n", number(1)))
		x := newTensor(10, 1)
		content := s.stage(t, ref, x)
		u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.CreateContent("a", content), store.Add("n", 1).IfVersion(2)}}
		_, err := s.Apply(t.Context(), ref, u)
		wantCode(t, err, fault.VersionConflict)
		s.apply(t, ref, store.Put("n", number(1)))
		applied := s.applyUnit(t, ref, u)
		wantNoError(t, s.Discard(t.Context(), ref, *content.Upload))
		s.wantReplay(t, ref, u, applied)
		s.wantBytes(t, ref, x)
	})

	for name, end := range map[string]func(t *testing.T, s *subject, ref store.Ref){
		"removed": func(t *testing.T, s *subject, ref store.Ref) { t.Helper(); s.remove(t, ref) },
		"ended":   func(t *testing.T, s *subject, ref store.Ref) { t.Helper(); s.apply(t, ref, store.End()) },
		"expired": func(t *testing.T, s *subject, ref store.Ref) {
			t.Helper()
			_, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), TTL: time.Second})
			wantNoError(t, err)
			s.clock.Advance(time.Second)
		},
	} {
		t.Run("the blobs of a session that was "+name+" go, but those its fork needs", func(t *testing.T) {
			s := newSubject(t, open, store.Config{TombstoneTTL: time.Second})
			ref := s.create(t, lifetime)
			x, y := newTensor(10, 1), newTensor(20, 2)
			s.putTensor(t, ref, "a", x)
			child := s.fork(t, ref)
			s.putTensor(t, ref, "a", y)
			end(t, s, ref)
			for range 2 {
				s.clock.Advance(blobGrace)
				s.sweepAll(t)
			}
			s.wantBytes(t, child, x)
			s.wantNoBytes(t, child, y)
			s.refuse(t, child, fault.VersionNotFound, store.Put("b", y.value))
			if usage := s.usage(t, child); usage.Blobs != 1 || usage.BlobBytes != 10 {
				t.Errorf("the fork's usage is %+v, want one blob", usage)
			}
			end(t, s, child)
			var swept int64
			for range 2 {
				s.clock.Advance(blobGrace)
				swept += s.sweepAll(t).Blobs
			}
			if swept < 1 {
				t.Error("the last blob was not swept")
			}
		})
	}
}

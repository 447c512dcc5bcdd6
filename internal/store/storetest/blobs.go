package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testBlobs is about the bytes of tensors. What happens to those that nobody
// needs any more is a matter of housekeeping.
func testBlobs(t *testing.T, open opener) {
	for _, size := range []int{0, 1, store.ChunkSize, store.ChunkSize + 1, 3 * store.ChunkSize} {
		t.Run(fmt.Sprintf("a tensor of %d bytes is kept", size), func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime)
			x := newTensor(size, 1)
			u := store.Unit{Write: keyed("key", "request"), Ops: []store.Op{store.CreateContent("a", s.stage(t, ref, x))}}
			applied := s.applyUnit(t, ref, u)
			wantEqual(t, "descriptor", applied.Results[0].Value, x.value)
			wantEqual(t, "variable as read", s.read(t, ref, "a").Variables["a"], applied.Results[0].Variable)
			s.wantBytes(t, ref, x)
			s.wantReplay(t, ref, u, applied)
			s.wantBytes(t, ref, x)
			usage := s.usage(t, ref)
			if usage.Blobs != 1 || usage.BlobBytes != int64(size) || usage.Bytes < usage.BlobBytes {
				t.Errorf("the usage is %+v", usage)
			}
		})
	}

	t.Run("chunks are beyond the blob or there", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x := newTensor(store.ChunkSize+1, 1)
		s.putTensor(t, ref, "a", x)
		for _, c := range []struct {
			digest string
			index  int64
		}{
			{x.digest(), 2}, {x.digest(), -1}, {x.digest(), 1 << 40}, {newTensor(1, 9).digest(), 0}, {"", 0}, {"../x", 0}, {x.digest() + "0", 0},
		} {
			if _, err := s.Chunk(t.Context(), ref, c.digest, store.Part{Index: c.index, Length: 1}, nil); !errors.Is(err, fault.VersionNotFound) && !errors.Is(err, fault.InvalidRequest) {
				t.Errorf("chunk %d of %q: %v, want VERSION_NOT_FOUND", c.index, c.digest, err)
			}
		}
		for _, other := range []store.Ref{s.create(t, lifetime), {Owner: newOwner(t), ID: ref.ID}, {Owner: newOwner(t), ID: s.newRef().ID}} {
			if chunk, err := s.Chunk(t.Context(), other, x.digest(), store.WholeChunk(int64(len(x.bytes)), 0), nil); err == nil {
				t.Errorf("the session %v read %d bytes of another's", other, len(chunk))
			}
		}
	})

	t.Run("parts of chunks are read into room that is lent", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x := newTensor(store.ChunkSize+1000, 1)
		s.putTensor(t, ref, "a", x)
		for _, part := range []store.Part{
			{Length: 1},
			{Length: store.ChunkSize},
			{Offset: 1, Length: store.ChunkSize - 1},
			{Offset: store.ChunkSize - 1, Length: 1},
			{Index: 1, Length: 1000},
			{Index: 1, Offset: 999, Length: 1},
			{Index: 1, Offset: 990, Length: 100},
			{Index: 1, Length: store.ChunkSize},
		} {
			from := part.Index*store.ChunkSize + part.Offset
			want := x.bytes[from:min(from+part.Length, int64(len(x.bytes)))]
			for _, room := range [][]byte{nil, make([]byte, 0, part.Length), make([]byte, part.Length-1), make([]byte, 10, store.ChunkSize)} {
				got, err := s.Chunk(t.Context(), ref, x.digest(), part, room)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%+v into %d bytes: %d bytes, %v, want %d", part, cap(room), len(got), err, len(want))
				}
				if int64(cap(room)) >= part.Length && len(got) > 0 && &got[0] != &room[:1][0] {
					t.Errorf("%+v: the room of %d bytes was not used", part, cap(room))
				}
			}
		}
		for _, part := range []store.Part{
			{},
			{Length: -1},
			{Offset: -1, Length: 1},
			{Offset: 1, Length: store.ChunkSize},
			{Offset: store.ChunkSize, Length: 1},
			{Index: 1, Offset: 1000, Length: 1},
			{Index: 2, Length: 1},
			{Offset: 1 << 62, Length: 1 << 62},
		} {
			if got, err := s.Chunk(t.Context(), ref, x.digest(), part, make([]byte, store.ChunkSize)); !errors.Is(err, fault.VersionNotFound) {
				t.Errorf("%+v: %d bytes, %v, want VERSION_NOT_FOUND", part, len(got), err)
			}
		}
	})

	t.Run("what is staged is seen by nobody", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x := newTensor(10, 1)
		before := s.look(t, ref, "a")
		s.stage(t, ref, x)
		_, err := s.Chunk(t.Context(), ref, x.digest(), store.WholeChunk(int64(len(x.bytes)), 0), nil)
		wantCode(t, err, fault.VersionNotFound)
		wantEqual(t, "session", s.look(t, ref, "a"), before, butExpires)
	})

	t.Run("chunks come in any order, and again", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x := newTensor(2*store.ChunkSize+7, 1)
		u := newUpload(x)
		for _, i := range []int64{2, 0, 1, 0, 2} {
			wantNoError(t, s.Stage(t.Context(), ref, u, i, x.chunk(i)))
		}
		s.apply(t, ref, store.CreateContent("a", x.content(u)))
		s.wantBytes(t, ref, x)
	})

	t.Run("a chunk that was staged again replaces the first", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x := newTensor(10, 1)
		u := newUpload(x)
		wantNoError(t, s.Stage(t.Context(), ref, u, 0, newTensor(10, 2).bytes))
		wantNoError(t, s.Stage(t.Context(), ref, u, 0, x.bytes))
		s.apply(t, ref, store.CreateContent("a", x.content(u)))
		s.wantBytes(t, ref, x)
	})

	t.Run("chunks of wrong sizes and places are refused", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x := newTensor(store.ChunkSize+10, 1)
		u := newUpload(x)
		for _, c := range []struct {
			index int64
			size  int
		}{
			{0, store.ChunkSize - 1}, {0, store.ChunkSize + 1}, {0, 0}, {1, 9}, {1, 11}, {1, 0}, {1, store.ChunkSize}, {2, 10}, {2, 0}, {-1, 10},
		} {
			wantCode(t, s.Stage(t.Context(), ref, u, c.index, make([]byte, c.size)), fault.InvalidRequest)
		}
		for _, bad := range []store.Upload{
			{ID: u.ID, Bytes: -1}, {ID: "", Bytes: 10}, {ID: "a:b{}", Bytes: 10}, {ID: strings.Repeat("A", 65), Bytes: 10},
		} {
			wantCode(t, s.Stage(t.Context(), ref, bad, 0, make([]byte, 10)), fault.InvalidRequest)
		}
		// What has no bytes has no chunks, not even an empty one.
		wantCode(t, s.Stage(t.Context(), ref, store.Upload{ID: u.ID}, 0, []byte{}), fault.InvalidRequest)
	})

	t.Run("staging needs a session that can be written", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		x := newTensor(10, 1)
		ref := s.newRef()
		wantCode(t, s.Stage(t.Context(), ref, newUpload(x), 0, x.bytes), fault.SessionNotFound)
		s.createAt(t, ref, lifetime)
		s.freeze(t, ref)
		wantCode(t, s.Stage(t.Context(), ref, newUpload(x), 0, x.bytes), fault.SessionReadOnly)
		s.clock.Advance(lifetime)
		wantCode(t, s.Stage(t.Context(), ref, newUpload(x), 0, x.bytes), fault.SessionExpired)
	})

	t.Run("an upload must be whole", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x := newTensor(2*store.ChunkSize+7, 1)
		for _, missing := range []int64{0, 1, 2} {
			u := newUpload(x)
			for i := range store.Chunks(u.Bytes) {
				if i != missing {
					wantNoError(t, s.Stage(t.Context(), ref, u, i, x.chunk(i)))
				}
			}
			s.refuse(t, ref, fault.InvalidRequest, store.Put("other", number(1)), store.CreateContent("a", x.content(u)))
			wantNoError(t, s.Stage(t.Context(), ref, u, missing, x.chunk(missing)))
			s.apply(t, ref, store.CreateContent(fmt.Sprint("a", missing), x.content(u)))
		}
		s.refuse(t, ref, fault.InvalidRequest, store.CreateContent("a", newTensor(5, 3).content(newUpload(newTensor(5, 3)))))
		wantEqual(t, "variables", s.values(t, ref, "a", "other"), map[string]string{})
		s.wantBytes(t, ref, x)
	})

	t.Run("an upload of another session is none", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref, other := s.create(t, lifetime), s.create(t, lifetime)
		x := newTensor(10, 1)
		content := s.stage(t, other, x)
		s.refuse(t, ref, fault.InvalidRequest, store.CreateContent("a", content))
		s.apply(t, other, store.CreateContent("a", content))
	})

	t.Run("a discarded upload is gone", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x := newTensor(10, 1)
		content := s.stage(t, ref, x)
		wantNoError(t, s.Discard(t.Context(), ref, *content.Upload))
		s.refuse(t, ref, fault.InvalidRequest, store.CreateContent("a", content))
		wantNoError(t, s.Discard(t.Context(), ref, *content.Upload)) // again
		content = s.stage(t, ref, x)
		s.apply(t, ref, store.CreateContent("a", content))
		wantNoError(t, s.Discard(t.Context(), ref, *content.Upload)) // too late
		s.wantBytes(t, ref, x)
	})

	t.Run("a refused unit leaves its upload for the next", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("n", number(1)))
		x := newTensor(10, 1)
		content := s.stage(t, ref, x)
		s.refuse(t, ref, fault.VariableExists, store.CreateContent("a", content), store.Create("n", number(1)))
		s.apply(t, ref, store.CreateContent("a", content), store.Add("n", 1))
		s.wantBytes(t, ref, x)
	})

	t.Run("a tensor needs bytes that the session has", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x, y := newTensor(10, 1), newTensor(10, 2)
		s.refuse(t, ref, fault.VersionNotFound, store.Put("a", x.value))
		s.putTensor(t, ref, "a", x)
		s.apply(t, ref, store.Put("b", x.value)) // it has them, in a variable
		s.putTensor(t, ref, "a", y)
		s.apply(t, ref, store.Delete("b"))
		s.apply(t, ref, store.Put("c", x.value)) // and in the history of one
		s.wantBytes(t, ref, x)
		s.refuse(t, s.create(t, lifetime), fault.VersionNotFound, store.Put("a", x.value))
	})

	t.Run("equal bytes are kept once", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x, y := newTensor(1000, 1), newTensor(500, 2)
		s.apply(t, ref, store.CreateContent("a", s.stage(t, ref, x)), store.CreateContent("b", s.stage(t, ref, x)))
		s.putTensor(t, ref, "a", x)
		s.putTensor(t, ref, "c", y)
		if usage := s.usage(t, ref); usage.Blobs != 2 || usage.BlobBytes != 1500 {
			t.Errorf("the usage is %+v, want 2 blobs of 1500 bytes", usage)
		}
		s.apply(t, ref, store.Delete("a"))
		s.wantBytes(t, ref, x)
		if usage := s.usage(t, ref); usage.Blobs != 2 || usage.BlobBytes != 1500 {
			t.Errorf("the usage is %+v, want 2 blobs of 1500 bytes", usage)
		}
		s.apply(t, ref, store.Delete("b"), store.Delete("c"))
		if usage := s.usage(t, ref); usage.Blobs != 0 || usage.BlobBytes != 0 {
			t.Errorf("the usage is %+v, want no blobs", usage)
		}
	})

	t.Run("an earlier tensor is in the history with its bytes", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		x, y := newTensor(10, 1), newTensor(20, 2)
		s.putTensor(t, ref, "a", x)
		s.putTensor(t, ref, "a", y)
		wantEqual(t, "first version", s.history(t, ref, "a", 2, 1)[0].Value, x.value)
		s.wantBytes(t, ref, x)
		if r := s.apply(t, ref, store.Rollback("a", 1)).Results[0]; r.Value != x.value || r.Version != 3 {
			t.Errorf("the rollback gave %s of version %d", r.Value.JSON(), r.Version)
		}
		s.wantBytes(t, ref, x)
		s.wantBytes(t, ref, y)
	})

	t.Run("tensors count against the history's bytes", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{Limits: store.Limits{HistoryBytes: 2500}})
		ref := s.create(t, lifetime)
		for i := range uint64(6) {
			s.putTensor(t, ref, "a", newTensor(1000, i))
		}
		wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 100)), []int64{6, 5, 4})
		s.refuse(t, ref, fault.VersionNotFound, store.Rollback("a", 3))
		s.apply(t, ref, store.Rollback("a", 4))
		if usage := s.usage(t, ref); usage.Blobs > 3 {
			t.Errorf("%d blobs are counted for 3 versions", usage.Blobs)
		}
	})

	t.Run("a tensor has its limit, and tensors the session's", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{Limits: store.Limits{TensorBytes: 30 << 10, SessionBytes: 100 << 10}})
		ref := s.create(t, lifetime)
		large := newTensor(30<<10+1, 1)
		f := s.refuse(t, ref, fault.ValueTooLarge, store.CreateContent("a", large.content(newUpload(large))))
		if f.Facts.LimitBytes != 30<<10 {
			t.Errorf("the limit is said to be %d", f.Facts.LimitBytes)
		}
		huge := newTensor(101<<10, 1)
		if err := s.Stage(t.Context(), ref, newUpload(huge), 0, huge.bytes); !errors.Is(err, fault.SessionQuotaExceeded) && !errors.Is(err, fault.ValueTooLarge) {
			t.Errorf("an upload beyond the limits: %v", err)
		}
		kept := 0
		for i := range uint64(5) {
			x := newTensor(30<<10, i)
			u := newUpload(x)
			err := s.Stage(t.Context(), ref, u, 0, x.bytes)
			if err == nil {
				_, err = s.Apply(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{store.CreateContent(fmt.Sprint("v", i), x.content(u))}})
			}
			if err != nil {
				wantCode(t, err, fault.SessionQuotaExceeded)
				continue
			}
			kept++
		}
		if kept != 3 {
			t.Errorf("%d tensors of 30 KiB fit into 100 KiB", kept)
		}
	})

	t.Run("elements are judged by the constraints there are", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		const narrow = `{"dtype":"u8","max":9,"min":0}`
		x := newTensor(10, 1)
		content := s.stage(t, ref, x)
		content.Constraints = []byte(narrow)
		s.refuse(t, ref, fault.VersionConflict, store.CreateContent("a", content))
		content.Judged = `{"dtype":"u8","max":8,"min":0}`
		s.refuse(t, ref, fault.VersionConflict, store.CreateContent("a", content))
		content.Judged = narrow
		s.apply(t, ref, store.CreateContent("a", content))
		content = s.stage(t, ref, newTensor(10, 2))
		s.refuse(t, ref, fault.VersionConflict, store.PutContent("a", content)) // judged by none
		content.Judged = narrow
		s.apply(t, ref, store.PutContent("a", content))
		s.refuse(t, ref, fault.InvalidConstraints, store.Patch("a", []byte(`{"max":8}`), nil))
		s.apply(t, ref, store.Patch("a", []byte(`{"max":100,"shape":[-1]}`), nil))
		s.refuse(t, ref, fault.InvalidConstraints, store.Patch("a", []byte(`{"max":99}`), nil))
		s.apply(t, ref, store.Patch("a", []byte(`{"max":null,"min":null}`), nil))
		content.Upload = nil // the session has these bytes by now
		s.apply(t, ref, store.PutContent("a", content))
	})

	t.Run("a tensor keeps the constraints on its shape", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		content := s.stage(t, ref, newTensor(10, 1))
		content.Constraints = []byte(`{"shape":[10]}`)
		s.apply(t, ref, store.CreateContent("a", content))
		s.refuse(t, ref, fault.ConstraintViolation, store.PutContent("a", s.stage(t, ref, newTensor(11, 1))))
		s.refuse(t, ref, fault.TypeMismatch, store.Put("a", number(1)))
		s.refuse(t, ref, fault.TypeMismatch, store.PutContent("a", store.Content{JSON: []byte(`{"shape":[10],"data":[1,2,3,4,5,6,7,8,9,10]}`)}))
		s.refuse(t, ref, fault.ConstraintViolation, store.PutContent("a", store.Content{JSON: []byte(`{"shape":[10],"data":[]}`)}))
	})

	t.Run("readers of a tensor that is overwritten see one or the other", func(t *testing.T) {
		const writers, readers, each, size = 3, 3, 20, store.ChunkSize + 100
		s := newSubject(t, open, store.Config{Limits: store.Limits{History: 1}})
		ref := s.create(t, lifetime)
		s.putTensor(t, ref, "a", newTensor(size, 0))
		watch := func(ctx context.Context) error { return s.watchTensor(ctx, ref) }
		whileRead(t, readers, watch, writers, func(i int64) error {
			for n := range uint64(each) {
				x := newTensor(size, 1+uint64(i)*each+n)
				u := newUpload(x)
				if err := s.insistOnStaging(t.Context(), ref, u, x); err != nil {
					return err
				}
				if _, err := s.insist(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{store.PutContent("a", x.content(u))}}); err != nil {
					return err
				}
			}
			return nil
		})
		if usage := s.usage(t, ref); usage.Blobs != 1 || usage.BlobBytes != size {
			t.Errorf("the usage is %+v, want one blob", usage)
		}
	})
}

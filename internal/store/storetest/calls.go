package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// queries returns every call that changes nothing.
func queries() []mutation {
	existing := func(t *testing.T, s *subject, ref store.Ref, _ store.Write) {
		t.Helper()
		s.createAt(t, ref, lifetime, store.Put("n", number(5)))
		s.putTensor(t, ref, "tensor", newTensor(10, 1))
	}
	query := func(name string, ask func(ctx context.Context, s *subject, ref store.Ref) error) mutation {
		return mutation{name: name, prepare: existing, call: func(ctx context.Context, s *subject, ref store.Ref, _ store.Write) (any, bool, error) {
			return nil, false, ask(ctx, s, ref)
		}}
	}
	bulk := func(m mutation) mutation {
		m.bulk = true
		return m
	}
	return []mutation{
		query("Get", func(ctx context.Context, s *subject, ref store.Ref) error {
			_, err := s.Get(ctx, ref)
			return err
		}),
		query("List", func(ctx context.Context, s *subject, ref store.Ref) error {
			_, err := s.List(ctx, ref.Owner, store.Page{Limit: 10})
			return err
		}),
		query("Read", func(ctx context.Context, s *subject, ref store.Ref) error {
			_, err := s.Read(ctx, ref, "n")
			return err
		}),
		query("ReadPart", func(ctx context.Context, s *subject, ref store.Ref) error {
			_, err := s.ReadPart(ctx, ref, 1, "n")
			return err
		}),
		query("Changes", func(ctx context.Context, s *subject, ref store.Ref) error {
			_, err := s.Changes(ctx, ref, 0, 10)
			return err
		}),
		query("ListVariables", func(ctx context.Context, s *subject, ref store.Ref) error {
			_, err := s.ListVariables(ctx, ref, store.VariableQuery{Limit: 10})
			return err
		}),
		query("History", func(ctx context.Context, s *subject, ref store.Ref) error {
			_, err := s.History(ctx, ref, "n", 0, 10)
			return err
		}),
		query("Usage", func(ctx context.Context, s *subject, ref store.Ref) error {
			_, err := s.Usage(ctx, ref)
			return err
		}),
		query("Follow", func(ctx context.Context, s *subject, ref store.Ref) error {
			_, err := s.Follow(ctx, ref, 0, 10)
			return err
		}),
		// Staging has no token, and nobody sees what is staged.
		bulk(query("Stage", func(ctx context.Context, s *subject, ref store.Ref) error {
			return s.Stage(ctx, ref, store.Upload{ID: "upload", Bytes: 1}, 0, []byte("x"))
		})),
		query("Discard", func(ctx context.Context, s *subject, ref store.Ref) error {
			return s.Discard(ctx, ref, store.Upload{ID: "upload", Bytes: 1})
		}),
		bulk(query("Chunk", func(ctx context.Context, s *subject, ref store.Ref) error {
			x := newTensor(10, 1)
			chunk, err := s.Chunk(ctx, ref, x.digest(), store.WholeChunk(int64(len(x.bytes)), 0), nil)
			if err == nil && !bytes.Equal(chunk, x.bytes) {
				err = fmt.Errorf("a chunk of %d bytes, want others", len(chunk))
			}
			return err
		})),
		query("Recall", func(ctx context.Context, s *subject, ref store.Ref) error {
			_, _, err := s.Recall(ctx, ref.Owner, minted())
			return err
		}),
		query("Now", func(ctx context.Context, s *subject, _ store.Ref) error {
			_, err := s.Now(ctx)
			return err
		}),
		query("Check", func(ctx context.Context, s *subject, _ store.Ref) error { return s.Check(ctx) }),
		query("Honours", func(ctx context.Context, s *subject, _ store.Ref) error {
			honours, err := s.Honours(ctx)
			if err == nil && (len(honours) == 0 || honours[0] != store.Memory) {
				err = fmt.Errorf("a store that honours %v, want memory first", honours)
			}
			return err
		}),
	}
}

func testCalls(t *testing.T, open opener) {
	for _, call := range append(mutations(), queries()...) {
		t.Run(call.name+" does nothing for a caller that has gone away", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref, w := s.newRef(), minted()
			call.prepare(t, s, ref, w)
			before := s.look(t, ref, mutationNames...)

			gone, leave := context.WithCancel(t.Context())
			leave()
			if _, _, err := call.call(gone, s, ref, w); !errors.Is(err, context.Canceled) {
				t.Errorf("got error %v, want %v", err, context.Canceled)
			}
			late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
			defer cancel()
			if _, _, err := call.call(late, s, ref, w); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got error %v, want %v", err, context.DeadlineExceeded)
			}
			wantEqual(t, "session afterwards", s.look(t, ref, mutationNames...), before)
			_, replayed, err := call.call(t.Context(), s, ref, w)
			wantNoError(t, err)
			if replayed {
				t.Error("the call had an effect")
			}
		})

		t.Run(call.name+" finds no store after Close", func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref, w := s.newRef(), minted()
			call.prepare(t, s, ref, w)
			wantNoError(t, s.Close())
			_, _, err := call.call(t.Context(), s, ref, w)
			wantCode(t, err, fault.StoreUnavailable)
		})
	}

	t.Run("Sweep heeds its caller and Close", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := s.Sweep(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want %v", err, context.Canceled)
		}
		wantNoError(t, s.Close())
		_, err := s.Sweep(t.Context())
		wantCode(t, err, fault.StoreUnavailable)
	})

	t.Run("a store can be closed twice", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		wantNoError(t, s.Close())
		wantNoError(t, s.Close())
	})

	t.Run("the store's clock is the configured offset ahead", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		before := s.now(t)
		s.clock.Advance(1000 * time.Hour)
		if ahead := s.now(t).Sub(before); ahead < 1000*time.Hour || ahead > 1000*time.Hour+margin {
			t.Errorf("the clock went %v ahead, want %v", ahead, 1000*time.Hour)
		}
		ref := s.create(t, lifetime)
		s.wantLeft(t, s.get(t, ref), lifetime)
		if at := s.apply(t, ref, store.Put("a", number(1))).At; at.Before(before.Add(1000 * time.Hour)) {
			t.Errorf("a unit was applied at %v, before %v", at, before.Add(1000*time.Hour))
		}
	})

	t.Run("a store that answers is fit for use", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		wantNoError(t, s.Check(t.Context()))
	})
}

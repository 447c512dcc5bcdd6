package storetest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testAnswers(t *testing.T, open opener) {
	for _, kind := range tokenKinds {
		t.Run("the first answer wins, "+kind.name, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			w := kind.make()
			_, found, err := s.Recall(t.Context(), s.owner, w)
			wantNoError(t, err)
			if found {
				t.Error("an answer was found before there was one")
			}
			got, err := s.Remember(t.Context(), s.owner, w, []byte("first"))
			wantNoError(t, err)
			wantEqual(t, "first answer", got, store.Remembered{Memo: []byte("first")})
			for range 2 {
				got, err = s.Remember(t.Context(), s.owner, w, []byte("second"))
				wantNoError(t, err)
				wantEqual(t, "answer to the repetition", got, store.Remembered{Memo: []byte("first"), Replayed: true})
				memo, found, err := s.Recall(t.Context(), s.owner, w)
				wantNoError(t, err)
				if !found || string(memo) != "first" {
					t.Errorf("recalled %q, found %v, want the first answer", memo, found)
				}
			}
		})
	}

	t.Run("an answer's key belongs to its request", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		_, err := s.Remember(t.Context(), s.owner, keyed("key", "request"), []byte("first"))
		wantNoError(t, err)
		_, _, err = s.Recall(t.Context(), s.owner, keyed("key", "another"))
		wantCode(t, err, fault.IdempotencyKeyReused)
		_, err = s.Remember(t.Context(), s.owner, keyed("key", "another"), []byte("second"))
		wantCode(t, err, fault.IdempotencyKeyReused)
		memo, found, err := s.Recall(t.Context(), s.owner, keyed("key", "request"))
		wantNoError(t, err)
		if !found || string(memo) != "first" {
			t.Errorf("recalled %q, found %v, want the first answer", memo, found)
		}
	})

	t.Run("an answer is any bytes up to the limit", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		for i, memo := range [][]byte{nil, {0}, all, bytes.Repeat(all, store.MaxAnswer/len(all))} {
			w := keyed(fmt.Sprint("key", i), "request")
			_, err := s.Remember(t.Context(), s.owner, w, memo)
			wantNoError(t, err)
			got, found, err := s.Recall(t.Context(), s.owner, w)
			wantNoError(t, err)
			if !found || !bytes.Equal(got, memo) {
				t.Errorf("an answer of %d bytes came back as one of %d, found %v", len(memo), len(got), found)
			}
		}
		w := keyed("too large", "request")
		_, err := s.Remember(t.Context(), s.owner, w, make([]byte, store.MaxAnswer+1))
		wantCode(t, err, fault.ValueTooLarge)
		_, found, err := s.Recall(t.Context(), s.owner, w)
		wantNoError(t, err)
		if found {
			t.Error("a refused answer was kept")
		}
	})

	t.Run("answers are forgotten when their time is over", func(t *testing.T) {
		t.Parallel()
		const ttl = 2 * time.Hour
		s := newSubject(t, open, store.Config{KeyTTL: ttl})
		w := keyed("key", "request")
		_, err := s.Remember(t.Context(), s.owner, w, []byte("first"))
		wantNoError(t, err)
		s.clock.Advance(ttl - time.Minute)
		_, found, err := s.Recall(t.Context(), s.owner, w)
		wantNoError(t, err)
		if !found {
			t.Error("the answer was forgotten too early")
		}
		s.clock.Advance(time.Minute)
		_, found, err = s.Recall(t.Context(), s.owner, keyed("key", "another"))
		wantNoError(t, err)
		if found {
			t.Error("the answer is found after its time")
		}
		got, err := s.Remember(t.Context(), s.owner, keyed("key", "another"), []byte("second"))
		wantNoError(t, err)
		wantEqual(t, "answer of the next request", got, store.Remembered{Memo: []byte("second")})
		s.clock.Advance(ttl - time.Minute)
		memo, found, err := s.Recall(t.Context(), s.owner, keyed("key", "another"))
		wantNoError(t, err)
		if !found || string(memo) != "second" {
			t.Errorf("recalled %q, found %v, want the second answer", memo, found)
		}
	})

	t.Run("owners have their own answers", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		_, err := s.Remember(t.Context(), s.owner, keyed("key", "request"), []byte("mine"))
		wantNoError(t, err)
		for _, other := range []string{s.owner + "x", s.owner[:len(s.owner)-1]} {
			_, found, err := s.Recall(t.Context(), other, keyed("key", "another"))
			wantNoError(t, err)
			if found {
				t.Errorf("%q found my answer", other)
			}
		}
	})

	t.Run("of many at once one is the first", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		const n = 20
		w := keyed("key", "request")
		got := make([]store.Remembered, n)
		var group errgroup.Group
		for i := range n {
			group.Go(func() (err error) {
				got[i], err = s.Remember(t.Context(), s.owner, w, []byte(fmt.Sprint("answer ", i)))
				return err
			})
		}
		wantNoError(t, group.Wait())
		firsts := 0
		for i, r := range got {
			if !r.Replayed {
				firsts++
				if want := fmt.Sprint("answer ", i); string(r.Memo) != want {
					t.Errorf("the first answer is %q, want %q", r.Memo, want)
				}
			}
			if !bytes.Equal(r.Memo, got[0].Memo) {
				t.Errorf("answers %q and %q to one request", r.Memo, got[0].Memo)
			}
		}
		if firsts != 1 {
			t.Errorf("%d of %d were the first", firsts, n)
		}
	})
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testListing(t *testing.T, open opener) {
	t.Run("an owner without sessions has an empty list", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		page, err := s.List(t.Context(), s.owner, store.Page{Limit: 10})
		wantNoError(t, err)
		if len(page.Items) != 0 || page.Next != "" {
			t.Errorf("%d items and the cursor %q, want neither", len(page.Items), page.Next)
		}
	})

	t.Run("sessions are listed in the order of their creation, whatever the page size", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		const n = 7
		var want []string
		for range n {
			want = append(want, s.createLater(t).ID)
		}
		s.touch(t, store.Ref{Owner: s.owner, ID: want[0]})
		s.apply(t, store.Ref{Owner: s.owner, ID: want[1]}, store.Put("a", number(1)))
		for limit := 1; limit <= n+1; limit++ {
			wantEqual(t, fmt.Sprintf("list by %d", limit), s.list(t, limit), want)
		}
	})

	t.Run("the list shows sessions as Get does and does not re-arm them", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.newRef()
		_, err := s.Create(t.Context(), ref, store.NewSession{Write: minted(), TTL: lifetime, Labels: map[string]string{"a": "b"}})
		wantNoError(t, err)
		s.applyUnit(t, ref, store.Unit{Write: minted(), Count: true, Ops: []store.Op{store.Put("a", number(1))}})
		s.freeze(t, ref)
		want := s.get(t, ref)
		s.clock.Advance(lifetime / 2)
		page, err := s.List(t.Context(), s.owner, store.Page{Limit: 10})
		wantNoError(t, err)
		wantEqual(t, "list", page.Items, []store.Session{want})
		s.clock.Advance(lifetime / 2)
		s.wantGone(t, ref, fault.SessionExpired)
	})

	t.Run("sessions that are gone are not listed", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		var short, long []string
		for range 4 {
			long = append(long, s.createLater(t).ID)
			ref := s.createLater(t)
			_, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), TTL: lifetime / 2})
			wantNoError(t, err)
			short = append(short, ref.ID)
		}
		s.remove(t, store.Ref{Owner: s.owner, ID: long[1]})
		s.apply(t, store.Ref{Owner: s.owner, ID: long[2]}, store.End())
		s.clock.Advance(lifetime / 2)
		again := store.Ref{Owner: s.owner, ID: short[0]} // created again, it is the newest
		s.createAt(t, again, lifetime)
		for limit := 1; limit <= 4; limit++ {
			wantEqual(t, fmt.Sprintf("list by %d", limit), s.list(t, limit), []string{long[0], long[3], short[0]})
		}
	})

	t.Run("a session that lives on by re-arming stays listed", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for range 4 {
			s.clock.Advance(lifetime / 2)
			s.get(t, ref)
		}
		wantEqual(t, "list", s.list(t, 10), []string{ref.ID})
	})

	t.Run("owners see their own sessions only", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		mine := []string{s.createLater(t).ID, s.createLater(t).ID, s.createLater(t).ID}
		other := &subject{Store: s.Store, clock: s.clock, owner: s.owner + "x"}
		theirs := []string{other.createLater(t).ID}
		wantEqual(t, "my list", s.list(t, 2), mine)
		wantEqual(t, "their list", other.list(t, 2), theirs)

		page, err := s.List(t.Context(), s.owner, store.Page{Limit: 1})
		wantNoError(t, err)
		if page.Next == "" {
			t.Fatal("the first page of three says it is the last")
		}
		page, err = other.List(t.Context(), other.owner, store.Page{Limit: 10, Cursor: page.Next})
		if err != nil {
			wantCode(t, err, fault.InvalidRequest)
		}
		for _, item := range page.Items {
			if slices.Contains(mine, item.ID) {
				t.Errorf("another owner's cursor shows my session %q", item.ID)
			}
		}
	})

	for _, cursor := range []string{"x", "0", "-1", "\x00", "' OR 1=1 --", "????", "9999999999999999999999", "💥", "AAAA"} {
		t.Run(fmt.Sprintf("the cursor %q is refused", cursor), func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			s.create(t, lifetime)
			_, err := s.List(t.Context(), s.owner, store.Page{Limit: 10, Cursor: cursor})
			wantCode(t, err, fault.InvalidRequest)
		})
	}

	t.Run("paging misses and repeats nothing while others come and go", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		var lasting []string
		for range 20 {
			s.createLater(t)
			lasting = append(lasting, s.createLater(t).ID)
		}
		fleeting := slices.DeleteFunc(s.list(t, 100), func(id string) bool { return slices.Contains(lasting, id) })

		ctx, stop := context.WithCancel(t.Context())
		others, ctx := errgroup.WithContext(ctx)
		others.Go(func() error { return s.comeAndGo(ctx, fleeting) })
		for limit := 1; limit <= 12; limit++ {
			var seen []string
			for _, id := range s.list(t, limit) {
				if slices.Contains(lasting, id) {
					seen = append(seen, id)
				}
			}
			wantEqual(t, fmt.Sprintf("lasting sessions listed by %d", limit), seen, lasting)
		}
		stop()
		wantNoError(t, others.Wait())
	})
}

// createLater makes a session that is the newest even to a clock that counts
// milliseconds.
func (s *subject) createLater(t *testing.T) store.Ref {
	t.Helper()
	s.clock.Advance(2 * time.Millisecond)
	return s.create(t, lifetime)
}

// list returns the ids of all pages and requires that none comes twice.
func (s *subject) list(t *testing.T, limit int) []string {
	t.Helper()
	const tooMany = 10_000
	var ids []string
	seen := map[string]bool{}
	cursor := ""
	for range tooMany {
		page, err := s.List(t.Context(), s.owner, store.Page{Limit: limit, Cursor: cursor})
		if err != nil {
			t.Fatalf("list by %d at %q: %v", limit, cursor, err)
		}
		if len(page.Items) > limit {
			t.Fatalf("%d sessions on a page of %d", len(page.Items), limit)
		}
		for _, item := range page.Items {
			if seen[item.ID] {
				t.Fatalf("session %q is listed twice", item.ID)
			}
			seen[item.ID] = true
			ids = append(ids, item.ID)
		}
		if page.Next == "" {
			return ids
		}
		cursor = page.Next
	}
	t.Fatalf("a list by %d has no end", limit)
	return nil
}

// comeAndGo removes and makes sessions until ctx ends: those given, and after
// each one that is new.
func (s *subject) comeAndGo(ctx context.Context, ids []string) error {
	for i := 0; ; i++ {
		old := store.Ref{Owner: s.owner, ID: ids[i%len(ids)]}
		fresh := s.newRef()
		_, removing := s.Remove(ctx, old, store.SessionRemoval{Write: minted()})
		_, creating := s.Create(ctx, fresh, store.NewSession{Write: minted(), TTL: lifetime})
		if ctx.Err() != nil {
			return nil
		}
		if err := errors.Join(removing, creating); err != nil {
			return err
		}
		ids[i%len(ids)] = fresh.ID
	}
}

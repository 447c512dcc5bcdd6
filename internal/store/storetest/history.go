package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// testHistory is about the earlier versions of a variable.
func testHistory(t *testing.T, open opener) {
	t.Run("every write leaves the version before it in the history", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		var want []store.Variable
		for i, op := range []store.Op{
			store.CreateContent("a", store.Content{Value: number(1), Metadata: []byte(`{"k":1}`)}),
			store.Put("a", number(2)), store.Add("a", 1),
			store.Patch("a", []byte(`{"min":0}`), []byte(`{"k":2}`)), store.Patch("a", nil, []byte(`{"k":null}`)),
			store.Rollback("a", 2), store.PutContent("a", store.Content{JSON: []byte("7"), Metadata: []byte(`{}`)}),
			store.Put("a", number(7)),
		} {
			s.clock.Advance(time.Second)
			w := minted()
			w.By = fmt.Sprint("writer ", i)
			v := s.applyUnit(t, ref, store.Unit{Write: w, Ops: []store.Op{op}}).Results[0].Variable
			want = append([]store.Variable{v}, want...)
		}
		for i := range want[1:] {
			want[i+1].Created, want[i+1].Constraints = time.Time{}, ""
		}
		wantEqual(t, "history", s.history(t, ref, "a", 0, 100), want)
		for _, op := range []store.Op{store.Load("a"), store.Ensure("a", number(9)), store.Put("b", number(1))} {
			s.apply(t, ref, op)
		}
		wantEqual(t, "history after units that wrote something else", s.history(t, ref, "a", 0, 100), want)
	})

	t.Run("history is read from any version on, as much as asked for", func(t *testing.T) {
		t.Parallel()
		const n = 12
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for range n {
			s.apply(t, ref, store.Add("a", 1).StartingAt(0))
		}
		for _, c := range []struct {
			before int64
			limit  int
			want   []int64
		}{
			{0, 3, []int64{12, 11, 10}},
			{10, 3, []int64{9, 8, 7}}, // 9 is older than 10
			{12, 1, []int64{11}},
			{13, 2, []int64{12, 11}},
			{1000, 2, []int64{12, 11}},
			{3, 100, []int64{2, 1}},
			{1, 100, nil},
		} {
			wantEqual(t, fmt.Sprintf("versions before %d", c.before), versionsOf(s.history(t, ref, "a", c.before, c.limit)), c.want)
		}
		for limit := 1; limit <= n+1; limit++ {
			var got []int64
			for before := int64(0); ; before = got[len(got)-1] {
				page := s.history(t, ref, "a", before, limit)
				if len(page) == 0 {
					break
				}
				got = append(got, versionsOf(page)...)
			}
			wantEqual(t, fmt.Sprintf("history by %d", limit), got, descending(n, 1))
		}
	})

	t.Run("the history keeps as many versions as the limit says", func(t *testing.T) {
		t.Parallel()
		const kept, written = 5, 23
		s := newSubject(t, open, store.Config{Limits: store.Limits{History: kept}})
		ref := s.create(t, lifetime)
		for i := range written {
			s.apply(t, ref, store.Add("a", 1).StartingAt(0))
			wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 100)), descending(int64(i+1), max(1, int64(i+2-kept))))
		}
		s.refuse(t, ref, fault.VersionNotFound, store.Rollback("a", written-kept))
		s.apply(t, ref, store.Rollback("a", written-kept+1))
	})

	t.Run("a history of one version is the variable", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{Limits: store.Limits{History: 1}})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		s.apply(t, ref, store.Put("a", number(2)))
		wantEqual(t, "history", s.history(t, ref, "a", 0, 100), []store.Variable{s.read(t, ref, "a").Variables["a"]})
		s.refuse(t, ref, fault.VersionNotFound, store.Rollback("a", 1))
	})

	t.Run("the history keeps as many bytes as the limit says", func(t *testing.T) {
		t.Parallel()
		const size, fit = 1000, 3
		s := newSubject(t, open, store.Config{Limits: store.Limits{HistoryBytes: size*fit + size/2}})
		ref := s.create(t, lifetime)
		large := func(size int) store.Op { return store.Put("a", text(strings.Repeat("x", size-2))) }
		for range 10 {
			s.apply(t, ref, large(size))
		}
		wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 100)), descending(10, 10-fit))
		s.apply(t, ref, large(size*fit+size)) // the current version does not count
		wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 100)), descending(11, 11-fit))
		s.apply(t, ref, large(10)) // and what is too large for the history is not in it
		wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 100)), []int64{12})
		s.apply(t, ref, store.PutContent("a", store.Content{Value: text("x"), Metadata: []byte(`{"k":"` + strings.Repeat("x", size*fit+size/2-15) + `"}`)}))
		s.apply(t, ref, large(size)) // metadata count
		wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 100)), []int64{14, 13})
	})

	t.Run("large values are in the history as they were", func(t *testing.T) {
		t.Parallel()
		const n, size = 6, 200 << 10
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		valueOf := func(version int64) string { return strings.Repeat(string(rune('a'+version)), size) }
		for i := range int64(n) {
			s.apply(t, ref, store.Put("a", text(valueOf(i+1))))
		}
		for _, v := range s.history(t, ref, "a", 0, 100) {
			wantValue(t, fmt.Sprint("version ", v.Version), v.Value, text(valueOf(v.Version)))
		}
		wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 100)), descending(n, 1))
	})

	t.Run("a page of history ends where it has enough bytes, and tells whether more follow", func(t *testing.T) {
		t.Parallel()
		const n, size = 12, 250 << 10
		const long = store.PageBytes/size + 1 // versions of a page
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for i := range int64(n) {
			s.apply(t, ref, store.Put("a", text(strings.Repeat(string(rune('a'+i)), size))))
		}
		s.apply(t, ref, store.Put("b", number(1)))
		s.apply(t, ref, store.Put("b", number(2)))
		for _, c := range []struct {
			name   string
			before int64
			limit  int
			want   []int64
			next   int64
		}{
			{"a", 0, 100, descending(n, n-long+1), n - long + 1},
			{"a", n - long + 1, 100, descending(n-long, n-2*long+1), n - 2*long + 1},
			{"a", long, 100, descending(long-1, 1), 0},
			{"a", 0, 1, descending(n, n), n},
			{"a", 4, 2, descending(3, 2), 2},
			{"a", 4, 3, descending(3, 1), 0},
			{"a", 1, 3, nil, 0},
			{"b", 0, 1, descending(2, 2), 2},
			{"b", 0, 2, descending(2, 1), 0},
			{"b", 99, 3, descending(2, 1), 0},
			{"b", 2, 1, descending(1, 1), 0},
		} {
			page, err := s.History(t.Context(), ref, c.name, c.before, c.limit)
			wantNoError(t, err)
			wantEqual(t, fmt.Sprintf("%d of %s before %d", c.limit, c.name, c.before), versionsOf(page.Items), c.want)
			if page.Next != c.next {
				t.Errorf("%d of %s before %d: more before %d, want %d", c.limit, c.name, c.before, page.Next, c.next)
			}
		}
		wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 100)), descending(n, 1))
	})

	t.Run("deleting drops the history, and versions go on", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)), store.Put("ab", number(1)))
		s.apply(t, ref, store.Put("a", number(2)), store.Put("ab", number(2)))
		s.apply(t, ref, store.Delete("a"))
		_, err := s.History(t.Context(), ref, "a", 0, 10)
		wantCode(t, err, fault.VariableNotFound)
		s.refuse(t, ref, fault.VariableNotFound, store.Rollback("a", 1))
		s.apply(t, ref, store.Put("a", text("x")))
		s.apply(t, ref, store.Put("a", text("y")))
		wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 100)), []int64{4, 3})
		wantEqual(t, "versions of a neighbour", versionsOf(s.history(t, ref, "ab", 0, 100)), []int64{2, 1})
		s.refuse(t, ref, fault.VersionNotFound, store.Rollback("a", 2))
	})

	t.Run("a session created again has no history", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Put("a", number(1)))
		s.apply(t, ref, store.Put("a", number(2)))
		s.remove(t, ref)
		s.createAt(t, ref, lifetime)
		_, err := s.History(t.Context(), ref, "a", 0, 10)
		wantCode(t, err, fault.VariableNotFound)
		s.apply(t, ref, store.Put("a", number(3)))
		wantEqual(t, "versions", versionsOf(s.history(t, ref, "a", 0, 100)), []int64{1})
	})

	t.Run("many writers at once leave the last versions without holes", func(t *testing.T) {
		const writers, each, kept = 10, 20, 50
		s := newSubject(t, open, store.Config{Limits: store.Limits{History: kept}})
		ref := s.create(t, lifetime)
		var group errgroup.Group
		for range writers {
			group.Go(func() error {
				for range each {
					if _, err := s.insist(t.Context(), ref, store.Unit{Write: minted(), Ops: []store.Op{store.Add("a", 1).StartingAt(0)}}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		wantNoError(t, group.Wait())
		got := s.history(t, ref, "a", 0, 1000)
		wantEqual(t, "versions", versionsOf(got), descending(writers*each, writers*each-kept+1))
		for _, v := range got {
			wantValue(t, fmt.Sprint("version ", v.Version), v.Value, number(v.Version))
		}
	})
}

// versionsOf returns the numbers of versions.
func versionsOf(history []store.Variable) []int64 {
	var versions []int64
	for _, v := range history {
		versions = append(versions, v.Version)
	}
	return versions
}

// descending returns the numbers from high down to low.
func descending(high, low int64) []int64 {
	var all []int64
	for i := high; i >= low; i-- {
		all = append(all, i)
	}
	return all
}

package storetest

import (
	"math"
	"strings"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func testCounters(t *testing.T, open opener) {
	const exact = 1 << 53 // beyond it floats skip integers
	for _, c := range []struct {
		name  string
		start int64
		op    store.Op
		want  int64
		code  fault.Code
	}{
		{"a counter goes up", 5, store.Add("n", 3), 8, ""},
		{"a counter goes down, below zero", 5, store.Add("n", -8), -3, ""},
		{"adding nothing is a write", 5, store.Add("n", 0), 5, ""},
		{"one more than 2^53", exact, store.Add("n", 1), exact + 1, ""},
		{"two more than 2^53-1", exact - 1, store.Add("n", 2), exact + 1, ""},
		{"one more than 2^53+1", exact + 1, store.Add("n", 1), exact + 2, ""},
		{"one less than -2^53", -exact, store.Add("n", -1), -exact - 1, ""},
		{"back across 2^53", exact + 3, store.Add("n", -exact-1), 2, ""},
		{"up to the largest integer", math.MaxInt64 - 1, store.Add("n", 1), math.MaxInt64, ""},
		{"beyond the largest integer", math.MaxInt64, store.Add("n", 1), 0, fault.CounterOverflow},
		{"far beyond the largest integer", math.MaxInt64, store.Add("n", math.MaxInt64), 0, fault.CounterOverflow},
		{"down to the smallest integer", math.MinInt64 + 1, store.Add("n", -1), math.MinInt64, ""},
		{"beyond the smallest integer", math.MinInt64, store.Add("n", -1), 0, fault.CounterOverflow},
		{"far beyond the smallest integer", math.MinInt64, store.Add("n", math.MinInt64), 0, fault.CounterOverflow},
		{"the smallest step from zero", 0, store.Add("n", math.MinInt64), math.MinInt64, ""},
		{"the smallest step from the top", math.MaxInt64, store.Add("n", math.MinInt64), -1, ""},
		{"the smallest step from -1", -1, store.Add("n", math.MinInt64), 0, fault.CounterOverflow},
		{"the largest step from the bottom", math.MinInt64, store.Add("n", math.MaxInt64), -1, ""},
		{"the start does not count when the counter exists", 5, store.Add("n", 1).StartingAt(100), 6, ""},

		{"the upper bound belongs to the range", 5, store.Add("n", 5).Within(nil, new(int64(10))), 10, ""},
		{"beyond the upper bound", 5, store.Add("n", 6).Within(nil, new(int64(10))), 0, fault.ConstraintViolation},
		{"the lower bound belongs to the range", 5, store.Add("n", -5).Within(new(int64(0)), nil), 0, ""},
		{"beyond the lower bound", 5, store.Add("n", -6).Within(new(int64(0)), nil), 0, fault.ConstraintViolation},
		{"from outside into the range", 50, store.Add("n", -45).Within(new(int64(0)), new(int64(10))), 5, ""},
		{"bounds compare as numbers, not as text", 5, store.Add("n", 4).Within(new(int64(-10)), new(int64(10))), 9, ""},
		{"negative bounds compare as numbers", -5, store.Add("n", -4).Within(new(int64(-10)), new(int64(-1))), -9, ""},
		{"a bound beyond 2^53 is exact", exact, store.Add("n", 1).Within(nil, new(int64(exact))), 0, fault.ConstraintViolation},
		{"the largest bound", math.MaxInt64 - 1, store.Add("n", 1).Within(new(int64(math.MinInt64)), new(int64(math.MaxInt64))), math.MaxInt64, ""},
		{"just above the smallest bound", math.MinInt64 + 1, store.Add("n", -1).Within(new(int64(math.MinInt64+1)), nil), 0, fault.ConstraintViolation},
		{"bounds that leave nothing", 5, store.Add("n", 0).Within(new(int64(6)), new(int64(4))), 0, fault.ConstraintViolation},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime, store.Put("n", number(c.start)))
			before := s.look(t, ref, "n")
			if c.code != "" {
				f := s.refuse(t, ref, c.code, c.op)
				if outside := c.op.Min != nil && c.start+c.op.Delta < *c.op.Min; c.code == fault.ConstraintViolation && strings.Contains(f.Detail, "less than min, ") != outside {
					t.Errorf("it is refused with %q", f.Detail)
				}
				wantEqual(t, "session after the refusal", s.look(t, ref, "n"), before)
				return
			}
			applied := s.apply(t, ref, c.op)
			r := applied.Results[0]
			if r.Value != number(c.want) || r.Version != 2 || !r.Existed || applied.Seq != 2 {
				t.Errorf("the sum is %s, version %d, existed %v, seq %d, want %d, 2, true, 2", r.Value.JSON(), r.Version, r.Existed, applied.Seq, c.want)
			}
			if got := s.integer(t, ref, "n"); got != c.want {
				t.Errorf("the counter reads %d, want %d", got, c.want)
			}
		})
	}

	for _, c := range []struct {
		name string
		op   store.Op
		want int64
		code fault.Code
	}{
		{"a missing counter is not found", store.Add("n", 1), 0, fault.VariableNotFound},
		{"a missing counter begins at its start", store.Add("n", 5).StartingAt(100), 105, ""},
		{"a missing counter begins at zero", store.Add("n", -5).StartingAt(0), -5, ""},
		{"a start beyond 2^53 is exact", store.Add("n", 2).StartingAt(exact - 1), exact + 1, ""},
		{"the largest start", store.Add("n", 0).StartingAt(math.MaxInt64), math.MaxInt64, ""},
		{"a start that overflows", store.Add("n", 1).StartingAt(math.MaxInt64), 0, fault.CounterOverflow},
		{"a start that overflows downwards", store.Add("n", math.MinInt64).StartingAt(-1), 0, fault.CounterOverflow},
		{"a sum beyond the bound", store.Add("n", 5).StartingAt(6).Within(nil, new(int64(10))), 0, fault.ConstraintViolation},
		{"a start beyond the bound whose sum is not", store.Add("n", -5).StartingAt(12).Within(nil, new(int64(10))), 7, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime)
			before := s.look(t, ref, "n")
			if c.code != "" {
				s.refuse(t, ref, c.code, c.op)
				wantEqual(t, "session after the refusal", s.look(t, ref, "n"), before)
				return
			}
			if r := s.apply(t, ref, c.op).Results[0]; r.Value != number(c.want) || r.Version != 1 || r.Existed {
				t.Errorf("the sum is %s, version %d, existed %v, want %d, 1, false", r.Value.JSON(), r.Version, r.Existed, c.want)
			}
			if got := s.integer(t, ref, "n"); got != c.want {
				t.Errorf("the counter reads %d, want %d", got, c.want)
			}
		})
	}

	t.Run("only integers can be added to", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		for _, raw := range []string{"true", "1.0", `"1"`, "[1]", `{"n":1}`} {
			ref := s.create(t, lifetime, store.Put("n", parsed(t, raw)))
			s.refuse(t, ref, fault.TypeMismatch, store.Add("n", 1))
			s.refuse(t, ref, fault.TypeMismatch, store.Add("n", 1).StartingAt(0))
			wantEqual(t, "variables", s.values(t, ref, "n"), map[string]string{"n": raw})
		}
	})

	t.Run("a counter can be written and a written integer can be added to", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime, store.Add("n", 1).StartingAt(0))
		s.apply(t, ref, store.Put("n", number(40)))
		s.apply(t, ref, store.Add("n", 2))
		v := s.read(t, ref, "n").Variables["n"]
		if v.Value != number(42) || v.Version != 3 {
			t.Errorf("the counter is %s of version %d, want 42 of version 3", v.Value.JSON(), v.Version)
		}
		s.refuse(t, ref, fault.TypeMismatch, store.Put("n", text("x")))
	})

	for _, c := range []struct {
		code fault.Code
		op   store.Op
	}{
		{fault.CounterOverflow, store.Add("full", 1)},
		{fault.ConstraintViolation, store.Add("b", 1).Within(nil, new(int64(2)))},
		{fault.TypeMismatch, store.Add("text", 1)},
		{fault.VariableNotFound, store.Add("missing", 1)},
		{fault.VersionConflict, store.Add("b", 1).IfVersion(7)},
	} {
		t.Run("no addition happens when a later one ends in "+string(c.code), func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime, store.Put("a", number(1)), store.Put("b", number(2)),
				store.Put("full", number(math.MaxInt64)), store.Put("text", text("x")))
			names := []string{"a", "b", "full", "text", "missing", "new"}
			before := s.look(t, ref, names...)
			s.refuse(t, ref, c.code, store.Add("a", 10), store.Add("new", 1).StartingAt(0), c.op)
			wantEqual(t, "session after the refusal", s.look(t, ref, names...), before)
		})
	}
}

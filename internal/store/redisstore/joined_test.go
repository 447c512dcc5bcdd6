package redisstore_test

import (
	"crypto/rand"
	"errors"
	"sync/atomic"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/storetest/redistest"
	"toolpit/internal/value"
)

// Units that travel together to one session are each whole or not at all, and
// answered for themselves: some are refused, some repeat others, and all of them
// look at the same variables.
func TestUnitsOfOneRunAreEachForThemselves(t *testing.T) {
	const rounds, each = 20, 8
	url := redistest.Start(t)
	s, c := open(t, url, store.Config{}), raw(t, url)
	newCounter(t, s) // a first script, so that they are counted
	_, scripts := served(t, c)
	units := 0
	for range rounds {
		ref := newCounter(t, s)
		first := store.Unit{Write: write("t"), Count: true, Ops: []store.Op{store.Put("n", value.Int(0)), store.Put("big", value.Int(1<<62))}}
		insist(t, s, ref, first)
		most, negative := int64(each/2), int64(-1)
		repeated, disputed := keyed(rand.Text()), rand.Text()
		kinds := []struct {
			what string
			unit func(i int) store.Unit
			code fault.Code
			good int64 // so many succeed, the others with that code
			new  int64 // and so many are not replayed
		}{
			{"bounded", func(int) store.Unit {
				return store.Unit{Write: write("t"), Ops: []store.Op{store.Add("bounded", 1).StartingAt(0).Within(nil, &most)}}
			}, fault.ConstraintViolation, most, most},
			{"of the same key", func(int) store.Unit { return addTo("repeated", repeated) }, "", each, 1},
			{"of one key and different requests", func(i int) store.Unit {
				w := keyed(disputed)
				w.Fingerprint[0] = byte(i)
				return addTo("disputed", w)
			}, fault.IdempotencyKeyReused, 1, 1},
			{"creations", func(int) store.Unit {
				return store.Unit{Write: write("t"), Ops: []store.Op{store.Create("created", value.Int(7))}}
			}, fault.VariableExists, 1, 1},
			{"of another type", func(int) store.Unit {
				return store.Unit{Write: write("t"), Ops: []store.Op{store.Add("n", 1), store.Put("n2", value.Int(1)), store.Put("big", value.Bool(true))}}
			}, fault.TypeMismatch, 0, 0},
			{"beyond 64 bits", func(int) store.Unit {
				return store.Unit{Write: write("t"), Ops: []store.Op{store.Add("n", 1), store.Add("big", 1<<62)}}
			}, fault.CounterOverflow, 0, 0},
			{"below a bound", func(int) store.Unit {
				return store.Unit{Write: write("t"), Ops: []store.Op{store.Add("n", negative).Within(new(int64), nil)}}
			}, fault.ConstraintViolation, 0, 0},
			{"conditional", func(int) store.Unit {
				return store.Unit{Write: write("t"), Ops: []store.Op{store.Put("once", value.Int(1)).IfVersion(0)}}
			}, fault.VersionConflict, 1, 1},
		}
		good, fresh := make([]atomic.Int64, len(kinds)), make([]atomic.Int64, len(kinds))
		together(len(kinds)*each, func(i int) {
			k := kinds[i%len(kinds)]
			unit := k.unit(i / len(kinds))
			applied, err := s.Apply(t.Context(), ref, unit)
			for errors.Is(err, fault.OutcomeUnknown) || errors.Is(err, fault.StoreUnavailable) {
				applied, err = s.Apply(t.Context(), ref, unit) // a slow machine
			}
			switch {
			case err == nil:
				good[i%len(kinds)].Add(1)
				if !applied.Replayed {
					fresh[i%len(kinds)].Add(1)
				}
			case fault.CodeOf(err) != k.code:
				t.Errorf("%s: %v", k.what, err)
			}
		})
		units += len(kinds)*each + 1
		var writes int64 = 1
		for i, k := range kinds {
			writes += k.new
			if g, n := good[i].Load(), fresh[i].Load(); g != k.good || n != k.new {
				t.Errorf("%s: %d of %d succeeded, %d for the first time; want %d and %d", k.what, g, each, n, k.good, k.new)
			}
		}
		snap, err := s.Read(t.Context(), ref, "n", "n2", "big", "bounded", "repeated", "disputed", "created", "once")
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]int64{
			"n": 0, "big": 1 << 62, "bounded": most, "repeated": 1, "disputed": 1, "created": 7, "once": 1,
		} {
			if n, _ := snap.Variables[name].Value.Int64(); n != want {
				t.Errorf("%s is %d, want %d", name, n, want)
			}
		}
		if v, ok := snap.Variables["n2"]; ok {
			t.Errorf("a refused unit has left %v", v)
		}
		changes, err := s.Changes(t.Context(), ref, 0, 1000)
		if err != nil || int64(len(changes)) != writes {
			t.Errorf("%d changes are logged, %v; want %d", len(changes), err, writes)
		}
	}
	_, after := served(t, c)
	if ran := after - scripts; ran > int64(units)/2 {
		t.Errorf("%d units took %d runs: they did not travel together", units, ran)
	}
}

func addTo(name string, w store.Write) store.Unit {
	return store.Unit{Write: w, Ops: []store.Op{store.Add(name, 1).StartingAt(0)}}
}

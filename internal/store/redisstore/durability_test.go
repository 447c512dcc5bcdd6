package redisstore_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/redisstore"
	"toolpit/internal/store/storetest/lateness"
	"toolpit/internal/store/storetest/redistest"
)

// What is asked for, and what the server is set to, in all combinations.
func TestCheckRefusesToPromiseMore(t *testing.T) {
	server := redistest.StartServer(t)
	admin := raw(t, server.URL())
	for _, tc := range []struct {
		appendonly, appendfsync string
		honours                 []store.Durability
	}{
		{"no", "always", []store.Durability{store.Memory}},
		{"yes", "no", []store.Durability{store.Memory}},
		{"yes", "everysec", []store.Durability{store.Memory, store.EverySec}},
		{"yes", "always", []store.Durability{store.Memory, store.EverySec, store.Fsync}},
	} {
		for name, value := range map[string]string{"appendonly": tc.appendonly, "appendfsync": tc.appendfsync} {
			if err := admin.ConfigSet(t.Context(), name, value).Err(); err != nil {
				t.Fatal(err)
			}
		}
		for _, level := range []store.Durability{store.Memory, store.EverySec, store.Fsync} {
			s := unchecked(t, server.URL(), store.Config{Durability: level})
			honours, err := s.Honours(t.Context())
			if diff := cmp.Diff(tc.honours, honours); err != nil || diff != "" {
				t.Errorf("appendonly %s, appendfsync %s: %v (-want +got):\n%s", tc.appendonly, tc.appendfsync, err, diff)
			}
			want := true
			for _, honoured := range honours {
				want = want && honoured != level
			}
			if err := s.Check(t.Context()); store.IsUnfit(err) != want || !want && err != nil {
				t.Errorf("appendonly %s, appendfsync %s, %s wanted: Check = %v", tc.appendonly, tc.appendfsync, level, err)
			}
		}
	}
	// Replicas may come.
	s := unchecked(t, server.URL(), store.Config{Durability: store.Replicated})
	if err := s.Check(t.Context()); !errors.Is(err, fault.StoreUnavailable) {
		t.Errorf("without a replica, Check = %v, want STORE_UNAVAILABLE", err)
	}
}

// Who may not ask promises nothing.
func TestADeniedQuestionIsNoPromise(t *testing.T) {
	server := redistest.StartServer(t, "--appendonly", "yes", "--appendfsync", "always")
	admin := raw(t, server.URL())
	for _, denied := range []string{"-config", "-config -wait"} {
		rules := []string{"on", "nopass", "~*", "&*", "+@all"}
		for _, rule := range []string{"-config", "-wait"} {
			if denied == rule || denied == "-config -wait" {
				rules = append(rules, rule)
			}
		}
		if err := admin.ACLSetUser(t.Context(), "app", rules...).Err(); err != nil {
			t.Fatal(err)
		}
		s := unchecked(t, fmt.Sprintf("redis://app:x@%s/0", server.Addr()), store.Config{Durability: store.Fsync})
		honours, err := s.Honours(t.Context())
		if diff := cmp.Diff([]store.Durability{store.Memory}, honours); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", denied, err, diff)
		}
		if err := s.Check(t.Context()); !store.IsUnfit(err) {
			t.Errorf("%s: Check = %v, want Unfit", denied, err)
		}
	}
}

// unchecked opens a store, whether it is fit or not.
func unchecked(t *testing.T, url string, cfg store.Config) *redisstore.Store {
	t.Helper()
	s, err := redisstore.Open(url, cfg, redisstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// replicatedOn are the topologies that have replicas: the URL of a store, and
// the replicas whose confirmation it needs.
var replicatedOn = []struct {
	name  string
	start func(t *testing.T) (url string, replicas []*redistest.Server)
}{
	{"standalone", func(t *testing.T) (string, []*redistest.Server) {
		master := redistest.StartServer(t, "--repl-diskless-sync-delay", "0")
		return master.URL(), []*redistest.Server{master.StartReplica()}
	}},
	{"sentinel", func(t *testing.T) (string, []*redistest.Server) {
		s := redistest.StartSentinel(t)
		return s.URL(), s.Replicas()
	}},
	{"cluster", func(t *testing.T) (string, []*redistest.Server) {
		c := redistest.StartClusterOf(t, 1)
		return c.URL(), []*redistest.Server{c.StartReplica(0)}
	}},
}

// A write that replicas do not confirm is not answered, whatever kind it is; it
// is made once, and answered under the same token when they do.
func TestAShortfallIsResolvedByTheSameToken(t *testing.T) {
	for _, topology := range replicatedOn {
		t.Run(topology.name, func(t *testing.T) {
			t.Parallel() // it waits most of the time
			url, replicas := topology.start(t)
			s := open(t, url, store.Config{Durability: store.Replicated, Replicas: len(replicas)})
			ctx := t.Context()
			ref, gone := newCounter(t, s), newCounter(t, s)
			memo := write("t")
			made := store.Ref{Owner: "o", ID: store.MintID()}
			create := store.NewSession{Write: write("t"), TTL: time.Hour}
			touch, update, remove := write("t"), store.SessionUpdate{Write: keyed("u"), TTL: 2 * time.Hour}, store.SessionRemoval{Write: write("t")}
			unit, minted := addOne(keyed("k")), addOne(write("t"))
			calls := []struct {
				name string
				call func() (replayed bool, err error)
			}{
				{"Create", func() (bool, error) { a, err := s.Create(ctx, made, create); return a.Replayed, err }},
				{"Touch", func() (bool, error) { a, err := s.Touch(ctx, ref, touch); return a.Replayed, err }},
				{"Update", func() (bool, error) { a, err := s.Update(ctx, ref, update); return a.Replayed, err }},
				{"Remove", func() (bool, error) { a, err := s.Remove(ctx, gone, remove); return a.Replayed, err }},
				{"Apply", func() (bool, error) { a, err := s.Apply(ctx, ref, unit); return a.Replayed, err }},
				{"Apply, minted", func() (bool, error) { a, err := s.Apply(ctx, ref, minted); return a.Replayed, err }},
				{"Remember", func() (bool, error) { a, err := s.Remember(ctx, "o", memo, []byte("x")); return a.Replayed, err }},
				{"Recall", func() (bool, error) { _, found, err := s.Recall(ctx, "o", memo); return found, err }},
			}

			late := lateness.Watch(t)
			replicas[0].Stop()
			for _, round := range []string{"first", "again"} { // the second is a replay, which must wait as well
				for _, c := range calls {
					start := time.Now()
					if _, err := c.call(); !errors.Is(err, fault.DurabilityNotReached) {
						t.Errorf("%s, %s, with a replica that hangs: %v, want DURABILITY_NOT_REACHED", c.name, round, err)
					}
					if took := time.Since(start); took > store.CallTimeout+100*time.Millisecond+late() {
						t.Errorf("%s, %s, took %v; the machine is late by %v", c.name, round, took, late())
					}
				}
			}
			if _, err := s.Read(ctx, ref, "n"); err != nil {
				t.Errorf("a read waits for replicas: %v", err)
			}
			if _, err := s.Apply(ctx, ref, store.Unit{Write: write("t"), Ops: []store.Op{store.Add("none", 1)}}); !errors.Is(err, fault.VariableNotFound) {
				t.Errorf("a refusal waits for replicas: %v", err)
			}
			if _, found, err := s.Recall(ctx, "o", write("t")); found || err != nil {
				t.Errorf("a record that is not there waits for replicas: %v", err)
			}

			replicas[0].Cont()
			for _, c := range calls {
				if replayed, err := c.call(); err != nil || !replayed {
					t.Errorf("%s, confirmed: replayed %v, %v", c.name, replayed, err)
				}
			}
			wantCount(t, s, ref, 2)
		})
	}
}

// Of a batch that replicas do not confirm, only what writes is an error.
func TestAShortfallIsNoErrorOfOthersInTheBatch(t *testing.T) {
	master := redistest.StartServer(t, "--repl-diskless-sync-delay", "0")
	replica := master.StartReplica()
	s := open(t, master.URL(), store.Config{Durability: store.Replicated})
	ref := newCounter(t, s)
	replica.Stop()
	units := make([]store.Unit, many)
	together(many, func(i int) {
		var err error
		want := fault.DurabilityNotReached
		switch i % 3 {
		case 0:
			units[i] = addOne(write("t"))
			_, err = s.Apply(t.Context(), ref, units[i])
		case 1:
			_, err = s.Apply(t.Context(), ref, store.Unit{Write: write("t"), Ops: []store.Op{store.Add("none", 1)}})
			want = fault.VariableNotFound
		default:
			_, err = s.Read(t.Context(), ref, "n")
			want = ""
		}
		if fault.CodeOf(err) != want {
			t.Errorf("%d: %v, want %q", i%3, err, want)
		}
	})
	replica.Cont()
	var count int64
	for i, u := range units {
		if i%3 == 0 {
			insist(t, s, ref, u)
			count++
		}
	}
	wantCount(t, s, ref, count)
}

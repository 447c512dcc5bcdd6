package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sync/errgroup"

	"toolpit/internal/store"
)

// history is a kind of session use whose records can be checked for
// linearizability: as if every operation had happened at one instant between
// its call and its answer.
type history struct {
	name  string
	model porcupine.Model
	ops   []store.Op // what the session begins with
	// client returns what one client does again and again.
	client func(s *subject, ref store.Ref, random *rand.Rand) step
}

// step is one operation. It repeats itself until its outcome is known.
type step func(ctx context.Context) (input, output any, err error)

func testHistories(t *testing.T, open opener) {
	for _, h := range histories() {
		t.Run(h.name, func(t *testing.T) {
			s := newSubject(t, open, store.Config{})
			steps := shortSteps
			if testing.Short() {
				steps /= 5
			}
			h.check(t, s, steps, func() {})
		})
	}
}

const shortSteps = 250 // of each client in a history

// longSteps is for histories in which something goes wrong: 21,600 steps in
// all, where tests may take their time.
func longSteps() int {
	if os.Getenv("TOOLPIT_TEST_LONG") != "" {
		return 900
	}
	return shortSteps
}

// RunHistories tests that what happens to a store is linearizable while
// somebody disturbs it.
func RunHistories(t *testing.T, open func(t *testing.T, cfg store.Config) store.Store) {
	for _, h := range histories() {
		t.Run(h.name, func(t *testing.T) {
			h.check(t, newSubject(t, open, store.Config{}), longSteps(), func() {})
		})
	}
}

func histories() []history {
	return []history{counterHistory(), registerHistory(), lifeHistory()}
}

// check lets clients loose on a session, calls disturb before each of their
// steps, and requires a linearizable history.
func (h history) check(t *testing.T, s *subject, steps int, disturb func()) {
	t.Helper()
	const clients = 8
	const patience = 2 * time.Minute
	seed := newSeed(t)
	ref := h.begin(t, s)
	recorded := make([][]porcupine.Operation, clients)
	start := time.Now()
	group, ctx := errgroup.WithContext(t.Context())
	for i := range clients {
		next := h.client(s, ref, rand.New(rand.NewPCG(seed, uint64(i))))
		group.Go(func() error {
			for range steps {
				disturb()
				called := time.Since(start)
				input, output, err := next(ctx)
				if err != nil {
					return fmt.Errorf("client %d: %w", i, err)
				}
				recorded[i] = append(recorded[i], porcupine.Operation{
					ClientId: i, Input: input, Call: int64(called), Output: output, Return: int64(time.Since(start)),
				})
			}
			return nil
		})
	}
	wantNoError(t, group.Wait())

	var all []porcupine.Operation
	for _, ops := range recorded {
		all = append(all, ops...)
	}
	recordedIn := time.Since(start)
	result, info := porcupine.CheckOperationsVerbose(h.model, all, patience)
	t.Logf("%d operations recorded in %v, checked in %v: %s", len(all), recordedIn.Round(time.Millisecond),
		(time.Since(start) - recordedIn).Round(time.Millisecond), result)
	if result == porcupine.Ok {
		return
	}
	path := filepath.Join(t.ArtifactDir(), "history.html")
	if err := porcupine.VisualizePath(h.model, info, path); err != nil {
		t.Logf("the history could not be drawn: %v", err)
	}
	t.Errorf("the history is not linearizable: %s; see %s (kept with go test -artifacts)", result, path)
}

// begin makes the session, of a store that may be disturbed already.
func (h history) begin(t *testing.T, s *subject) store.Ref {
	t.Helper()
	ref, creation := s.newRef(), store.NewSession{Write: minted(), TTL: lifetime}
	_, err := retried(func() (store.Created, error) { return s.Create(t.Context(), ref, creation) })
	wantNoError(t, err)
	_, err = s.insist(t.Context(), ref, store.Unit{Write: minted(), Ops: h.ops})
	wantNoError(t, err)
	return ref
}

// newSeed returns a seed for random choices and prints it if the test fails.
func newSeed(t *testing.T) uint64 {
	t.Helper()
	const variable = "TOOLPIT_TEST_SEED"
	seed := rand.Uint64()
	if given := os.Getenv(variable); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s=%d", variable, seed)
		}
	})
	return seed
}

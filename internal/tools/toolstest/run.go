package toolstest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

// Subject is what is tested.
type Subject struct {
	Tools []tools.Tool
	// Volatile names, for each tool, members of its result that differ from
	// one call to the next. "*" stands for all of them.
	Volatile map[string][]string
	// store is where the sessions are made, each for an owner of its own.
	store store.Store
}

// Run tests every tool of the subject, in parallel, and that the group in the
// current directory has no others.
func Run(t *testing.T, s Subject) {
	t.Helper()
	s.store = OpenStore(t, store.Config{})
	t.Run("every tool is in the list", func(t *testing.T) {
		t.Parallel()
		testListed(t, s.Tools)
	})
	for name, test := range map[string]func(*testing.T, Subject, tools.Tool){
		"examples do what they say":                      testExamples,
		"wrong arguments are refused with their pointer": testRefusals,
		"every call in a session is counted once":        testCounting,
		"a repeated key is answered as the first time":   testRepetition,
		"engines keep nothing between calls":             testAlternation,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, tool := range s.Tools {
				t.Run(tool.Info().Name, func(t *testing.T) {
					t.Parallel()
					test(t, s, tool)
				})
			}
		})
	}
}

// bench is an owner with a session, and two engines that work for it.
type bench struct {
	*watched
	owner   string
	ref     store.Ref
	engines [2]*tools.Engine
}

func newBench(t *testing.T, s Subject) *bench {
	t.Helper()
	registry, err := tools.NewRegistry(s.Tools)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{watched: &watched{Store: s.store}, owner: "owner-" + rand.Text()}
	for i, id := range []string{"rep_one", "rep_two"} {
		b.engines[i] = tools.NewEngine(tools.EngineConfig{
			Registry: registry, Store: b.watched, Log: slog.New(slog.DiscardHandler),
			Replica: tools.Replica{ID: id, PID: 100 + i, Host: "host-of-" + id, Version: "test", StartedAt: time.Now().Add(-time.Hour)},
		})
	}
	b.ref = b.newSession(t)
	return b
}

func (b *bench) newSession(t *testing.T) store.Ref {
	t.Helper()
	ref := store.Ref{Owner: b.owner, ID: store.MintID()}
	_, err := b.Create(t.Context(), ref, store.NewSession{Write: write(), TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func write() store.Write { return store.Write{Token: store.MintToken(time.Now()), By: "test"} }

// call executes a tool in a session; the zero Ref means without one.
func (b *bench) call(ctx context.Context, engine int, ref store.Ref, tool tools.Tool, arguments, key string) (tools.Result, *fault.Error) {
	run, err := b.engines[engine].Prepare(ctx, tools.Invocation{
		Owner: b.owner, SessionID: ref.ID, Tool: tool.Info().Name, Arguments: []byte(arguments),
		Key: key, Fingerprint: sha256.Sum256([]byte(tool.Info().Name + arguments)),
	})
	if err != nil {
		return tools.Result{}, fault.From(err)
	}
	result, err := run.Do(ctx)
	return result, fault.From(err)
}

// commands returns how many executions the session has counted, -1 when it
// is gone.
func (b *bench) commands(t *testing.T, ref store.Ref) int64 {
	t.Helper()
	session, err := b.Get(t.Context(), ref)
	switch fault.CodeOf(err) {
	case "":
		return session.Commands
	case fault.SessionNotFound:
		return -1
	default:
		t.Fatal(err)
		return 0
	}
}

func newKey() string { return rand.Text() }

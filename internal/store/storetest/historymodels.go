package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/anishathalye/porcupine"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// historyModel is a porcupine model over typed states, inputs and outputs.
func historyModel[S, I, O any](initial S, next func(S, I, O) (bool, S)) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, output any) (bool, any) {
			return next(state.(S), input.(I), output.(O))
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
		DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
	}
}

// counterHistory adds to one counter and reads it.
func counterHistory() history {
	type input struct {
		Read  bool
		Delta int64
	}
	load := func(ctx context.Context, s *subject, ref store.Ref, own bool) (int64, error) {
		if own {
			snapshot, err := retried(func() (store.Snapshot, error) { return s.Read(ctx, ref, "n") })
			n, _ := snapshot.Variables["n"].Value.Int64()
			return n, err
		}
		applied, err := s.insist(ctx, ref, store.Unit{Write: minted(), Ops: []store.Op{store.Load("n")}})
		if err != nil {
			return 0, err
		}
		n, _ := applied.Results[0].Value.Int64()
		return n, nil
	}
	return history{
		name: "a counter that is added to and read is linearizable",
		ops:  []store.Op{store.Put("n", number(0))},
		model: historyModel(int64(0), func(n int64, in input, out int64) (bool, int64) {
			return out == n+in.Delta, out
		}),
		client: func(s *subject, ref store.Ref, random *rand.Rand) step {
			return func(ctx context.Context) (any, any, error) {
				if random.IntN(3) == 0 {
					n, err := load(ctx, s, ref, random.IntN(2) == 0)
					return input{Read: true}, n, err
				}
				delta := random.Int64N(9) - 4
				applied, err := s.insist(ctx, ref, store.Unit{Write: minted(), Ops: []store.Op{store.Add("n", delta)}})
				if err != nil {
					return nil, nil, err
				}
				n, _ := applied.Results[0].Value.Int64()
				return input{Delta: delta}, n, nil
			}
		},
	}
}

// registerHistory writes one variable if it still has the version that the
// client saw last.
func registerHistory() history {
	type register struct{ Version, Value int64 }
	type input struct {
		Read bool
		Old  int64 // the version to be replaced
		New  int64 // the value to be written
	}
	type output struct {
		Refused bool
		Current int64    // the version told with the refusal
		Now     register // otherwise
	}
	seen := func(v store.Variable) register {
		value, _ := v.Value.Int64()
		return register{v.Version, value}
	}
	return history{
		name: "a variable that is compared and set is linearizable",
		ops:  []store.Op{store.Put("r", number(0))},
		model: historyModel(register{Version: 1}, func(r register, in input, out output) (bool, register) {
			switch {
			case in.Read:
				return out.Now == r, r
			case in.Old != r.Version:
				return out.Refused && out.Current == r.Version, r
			default:
				r = register{r.Version + 1, in.New}
				return !out.Refused && out.Now == r, r
			}
		}),
		client: func(s *subject, ref store.Ref, random *rand.Rand) step {
			last := register{Version: 1}
			return func(ctx context.Context) (any, any, error) {
				if random.IntN(3) == 0 {
					snapshot, err := retried(func() (store.Snapshot, error) { return s.Read(ctx, ref, "r") })
					last = seen(snapshot.Variables["r"])
					return input{Read: true}, output{Now: last}, err
				}
				in := input{Old: last.Version, New: random.Int64N(1000)}
				applied, err := s.insist(ctx, ref, store.Unit{
					Write: minted(), Ops: []store.Op{store.Put("r", number(in.New)).IfVersion(in.Old)},
				})
				if errors.Is(err, fault.VersionConflict) {
					last.Version = fault.From(err).Facts.CurrentVersion
					return in, output{Refused: true, Current: last.Version}, nil
				}
				if err != nil {
					return nil, nil, err
				}
				last = seen(applied.Results[0].Variable)
				return in, output{Now: last}, nil
			}
		},
	}
}

// lifeHistory creates, removes, uses and asks for one session.
func lifeHistory() history {
	type action string
	const (
		create action = "create"
		remove action = "remove"
		get    action = "get"
		add    action = "add"
	)
	type session struct {
		Epoch string // "": there is none
		N     int64
	}
	return history{
		name: "the life of a session is linearizable",
		ops:  []store.Op{store.End()},
		model: historyModel(session{}, func(s session, do action, out session) (bool, session) {
			alive := s.Epoch != ""
			switch do {
			case create:
				if alive {
					return out.Epoch == "", s
				}
				return out.Epoch != "", session{Epoch: out.Epoch}
			case remove:
				return (out.Epoch != "") == alive, session{}
			case get:
				return out.Epoch == s.Epoch, s
			default:
				if !alive {
					return out.N == 0, s
				}
				s.N++
				return out.N == s.N, s
			}
		}),
		client: func(s *subject, ref store.Ref, random *rand.Rand) step {
			return func(ctx context.Context) (any, any, error) {
				switch do := []action{create, create, remove, get, add, add}[random.IntN(6)]; do {
				case create:
					creation := store.NewSession{Write: minted(), TTL: lifetime}
					created, err := retried(func() (store.Created, error) { return s.Create(ctx, ref, creation) })
					return do, session{Epoch: created.Epoch}, except(err, fault.SessionExists)
				case remove:
					removal := store.SessionRemoval{Write: minted()}
					removed, err := retried(func() (store.Removed, error) { return s.Remove(ctx, ref, removal) })
					out := session{}
					if removed.Existed {
						out.Epoch = "removed"
					}
					return do, out, err
				case get:
					got, err := retried(func() (store.Session, error) { return s.Get(ctx, ref) })
					return do, session{Epoch: got.Epoch}, except(err, fault.SessionNotFound)
				default:
					applied, err := s.insist(ctx, ref, store.Unit{Write: minted(), Ops: []store.Op{store.Add("n", 1).StartingAt(0)}})
					if err != nil {
						return do, session{}, except(err, fault.SessionNotFound)
					}
					n, _ := applied.Results[0].Value.Int64()
					return do, session{N: n}, nil
				}
			}
		},
	}
}

// except forgives one code.
func except(err error, code fault.Code) error {
	if errors.Is(err, code) {
		return nil
	}
	return err
}

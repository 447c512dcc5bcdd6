package storetest

import (
	"context"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// request is a call as both the model and a store know it.
type request struct {
	call
	send func(ctx context.Context, s store.Store, ref store.Ref, w store.Write) (answer any, replayed bool, err error)
}

func creationRequest(creation store.NewSession) request {
	return request{
		call{model: func(m *model, id string, _ store.Write, _ bool) (any, []fault.Code) { return m.create(id, creation) }},
		func(ctx context.Context, s store.Store, ref store.Ref, w store.Write) (any, bool, error) {
			creation := creation
			creation.Write = w
			got, err := s.Create(ctx, ref, creation)
			return got, got.Replayed, err
		},
	}
}

func touchRequest() request {
	return request{
		call{model: func(m *model, id string, _ store.Write, _ bool) (any, []fault.Code) { return m.touch(id) }},
		func(ctx context.Context, s store.Store, ref store.Ref, w store.Write) (any, bool, error) {
			got, err := s.Touch(ctx, ref, w)
			return got, got.Replayed, err
		},
	}
}

// updateRequest has the model's view of the update's precondition beside it,
// as the model knows no tags.
func updateRequest(update store.SessionUpdate, matches func(*life) bool) request {
	return request{
		call{model: func(m *model, id string, _ store.Write, _ bool) (any, []fault.Code) {
			return m.update(id, update, matches)
		}},
		func(ctx context.Context, s store.Store, ref store.Ref, w store.Write) (any, bool, error) {
			update := update
			update.Write = w
			got, err := s.Update(ctx, ref, update)
			return got, got.Replayed, err
		},
	}
}

func removalRequest(removal store.SessionRemoval, matches func(*life) bool) request {
	return request{
		call{model: func(m *model, id string, _ store.Write, _ bool) (any, []fault.Code) {
			return m.remove(id, removal, matches)
		}},
		func(ctx context.Context, s store.Store, ref store.Ref, w store.Write) (any, bool, error) {
			removal := removal
			removal.Write = w
			got, err := s.Remove(ctx, ref, removal)
			return got, got.Replayed, err
		},
	}
}

// forkRequest is sent to the fork that is to be; parent is a session of the
// same owner.
func forkRequest(parent store.Ref, n store.NewSession) request {
	return request{
		call{model: func(m *model, id string, _ store.Write, _ bool) (any, []fault.Code) {
			child := store.Ref{Owner: parent.Owner, ID: id}
			if child == parent || child.Family() != parent.Family() {
				return nil, []fault.Code{fault.InvalidRequest}
			}
			return m.fork(parent.ID, id, n)
		}},
		func(ctx context.Context, s store.Store, ref store.Ref, w store.Write) (any, bool, error) {
			n := n
			n.Write = w
			got, err := s.Fork(ctx, parent, ref, n)
			return got, got.Replayed, err
		},
	}
}

func unitRequest(unit store.Unit) request {
	return request{
		call{unit.Kind == store.Draft, func(m *model, id string, w store.Write, resumed bool) (any, []fault.Code) {
			unit := unit
			unit.Write = w
			return m.apply(id, unit, resumed)
		}},
		func(ctx context.Context, s store.Store, ref store.Ref, w store.Write) (any, bool, error) {
			unit := unit
			unit.Write = w
			got, err := s.Apply(ctx, ref, unit)
			return got, got.Replayed, err
		},
	}
}

package server_test

import (
	"context"
	"sync/atomic"

	"toolpit/internal/store"
)

// failing is a store of which some calls fail, for the faults that a healthy
// store cannot be brought to. A call fails while there is an error for it.
type failing struct {
	store.Store
	create, get, apply atomic.Pointer[error]
}

// breaks makes the calls of a slot fail with err.
func breaks(slot *atomic.Pointer[error], err error) { slot.Store(&err) }

func failed(slot *atomic.Pointer[error]) error {
	if err := slot.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *failing) Create(ctx context.Context, ref store.Ref, s store.NewSession) (store.Created, error) {
	if err := failed(&f.create); err != nil {
		return store.Created{}, err
	}
	return f.Store.Create(ctx, ref, s)
}

func (f *failing) Get(ctx context.Context, ref store.Ref) (store.Session, error) {
	if err := failed(&f.get); err != nil {
		return store.Session{}, err
	}
	return f.Store.Get(ctx, ref)
}

func (f *failing) Apply(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	if err := failed(&f.apply); err != nil {
		return store.Applied{}, err
	}
	return f.Store.Apply(ctx, ref, u)
}

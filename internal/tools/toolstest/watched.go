package toolstest

import (
	"context"
	"maps"
	"slices"
	"sync"

	"toolpit/internal/store"
)

// watched is a store that notes which variables tools ask for.
type watched struct {
	store.Store
	mu    sync.Mutex
	names map[string]bool
}

// Read notes the names.
func (w *watched) Read(ctx context.Context, ref store.Ref, names ...string) (store.Snapshot, error) {
	w.note(names...)
	return w.Store.Read(ctx, ref, names...)
}

// ReadPart notes the names.
func (w *watched) ReadPart(ctx context.Context, ref store.Ref, bytes int64, names ...string) (store.Snapshot, error) {
	w.note(names...)
	return w.Store.ReadPart(ctx, ref, bytes, names...)
}

// Apply notes the names.
func (w *watched) Apply(ctx context.Context, ref store.Ref, u store.Unit) (store.Applied, error) {
	for _, o := range u.Ops {
		if o.Name != "" {
			w.note(o.Name)
		}
	}
	return w.Store.Apply(ctx, ref, u)
}

// History notes the name.
func (w *watched) History(ctx context.Context, ref store.Ref, name string, before int64, limit int) (store.VersionPage, error) {
	w.note(name)
	return w.Store.History(ctx, ref, name, before, limit)
}

// ListVariables notes a name that would be in the list if it were a variable's.
func (w *watched) ListVariables(ctx context.Context, ref store.Ref, q store.VariableQuery) (store.VariablePage, error) {
	w.note("temp_disturbed")
	return w.Store.ListVariables(ctx, ref, q)
}

func (w *watched) note(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.names == nil {
		w.names = map[string]bool{}
	}
	for _, n := range names {
		w.names[n] = true
	}
}

// touched returns what has been noted, in order.
func (w *watched) touched() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.names))
}

package watch

import (
	"sync"

	"toolpit/internal/store"
)

// batchChanges is how many changes are read at once, at most.
const batchChanges = 64

// Entry is a change with the variables it made. Entries are shared; nobody
// changes one.
type Entry struct {
	store.Change
	bytes int64

	once      sync.Once
	variables []*store.Variable // of the items; nil where there is none to show
	texts     [][]byte
}

// newEntry completes a change with what is there now.
func newEntry(c store.Change, now map[string]store.Variable) *Entry {
	const overhead = 256 // of an item and its text, beside what they hold
	e := &Entry{Change: c, variables: make([]*store.Variable, len(c.Items))}
	for i, item := range c.Items {
		e.bytes += overhead
		if v, ok := now[item.Name]; ok && shows(item.Kind) && v.Version == item.Version {
			e.variables[i] = &v
			e.bytes += v.Size()
		}
	}
	return e
}

// shows tells whether a kind of change is told with the variable.
func shows(k store.ChangeKind) bool {
	switch k {
	case store.Registered, store.ValueChanged, store.ConstraintChanged, store.RolledBack:
		return true
	default:
		return false
	}
}

// Superseded tells whether an item is about a variable that should be told with
// it but has changed since, so that it is not.
func Superseded(item store.ChangeItem, v *store.Variable) bool { return v == nil && shows(item.Kind) }

// Texts returns what render makes of each item, together with the variable if it
// still is as the change made it. It is made once, whoever asks first, so render
// must be the same for all.
func (e *Entry) Texts(render func(c store.Change, item store.ChangeItem, v *store.Variable) []byte) [][]byte {
	e.once.Do(func() {
		e.texts = make([][]byte, len(e.Items))
		for i, item := range e.Items {
			e.texts[i] = render(e.Change, item, e.variables[i])
		}
		e.variables = nil
	})
	return e.texts
}

// written lists the names of variables that changes are told with. needs tells
// for each change how many of them have to be known up to it, versions the last
// version that the changes made of each: an earlier one is there no more.
func written(changes []store.Change) (names []string, needs []int, versions map[string]int64) {
	versions = map[string]int64{}
	for _, c := range changes {
		for _, item := range c.Items {
			if !shows(item.Kind) {
				continue
			}
			if _, seen := versions[item.Name]; !seen {
				names = append(names, item.Name)
			}
			versions[item.Name] = item.Version
		}
		needs = append(needs, len(names))
	}
	return names, needs, versions
}

// together tells how many of the changes can be completed with one read. One
// always can.
func together(changes []store.Change) int {
	seen := map[string]bool{}
	for n, c := range changes {
		for _, item := range c.Items {
			seen[item.Name] = true
		}
		if n > 0 && len(seen) > store.MaxOps {
			return n
		}
	}
	return len(changes)
}

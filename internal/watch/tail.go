package watch

import (
	"slices"
	"sort"
)

// tail is the end of a log, as far as it is shared: what there was after base up
// to last. Positions before base are for those who read by themselves.
type tail struct {
	base, last int64
	entries    []*Entry
	bytes      int64
}

// add appends what came next, up to the position last, and returns by how many
// bytes the tail grew. spare tells how much it may grow.
func (t *tail) add(entries []*Entry, last, spare int64) (grown int64) {
	before := t.bytes
	for _, e := range entries {
		t.entries = append(t.entries, e)
		t.bytes += e.bytes
	}
	if len(entries) == 0 && last > t.last { // the log has lost what came
		t.entries, t.bytes, t.base = nil, 0, last
	}
	t.last = last
	drop := 0
	for ; len(t.entries)-drop > 1; drop++ {
		if len(t.entries)-drop <= ringChanges && t.bytes <= ringBytes && t.bytes-before <= spare {
			break
		}
		t.bytes -= t.entries[drop].bytes
		t.base = t.entries[drop].Seq
	}
	if drop > 0 { // into a new array: readers hold parts of this one
		t.entries = slices.Clone(t.entries[drop:])
	}
	return t.bytes - before
}

// after returns what comes after a position that is not before base: at most
// batchChanges entries and about batchBytes.
func (t *tail) after(position int64) []*Entry {
	first := sort.Search(len(t.entries), func(i int) bool { return t.entries[i].Seq > position })
	n, bytes := first, int64(0)
	for n < len(t.entries) && n-first < batchChanges {
		if bytes += t.entries[n].bytes; bytes > batchBytes && n > first {
			break
		}
		n++
	}
	return t.entries[first:n:n]
}

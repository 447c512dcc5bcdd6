package powerloss

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// sector is what a disk writes as a whole.
const sector = 512

// file is a file's content, and what it takes to go back to the last sync.
type file struct {
	content []byte
	synced  int            // its length at the last sync
	before  map[int][]byte // by number, the synced sectors that were changed since
}

func (f *file) read(dest []byte, off int64) int {
	if off >= int64(len(f.content)) {
		return 0
	}
	return copy(dest, f.content[off:])
}

func (f *file) write(data []byte, off int64) {
	from, to := int(off), int(off)+len(data)
	f.save(from, to)
	f.resize(max(len(f.content), to))
	copy(f.content[from:to], data)
}

func (f *file) truncate(size int) {
	f.save(size, f.synced)
	f.resize(size)
}

// save keeps the synced sectors of a range that is about to change.
func (f *file) save(from, to int) {
	to = min(to, f.synced)
	for n := from / sector; n*sector < to; n++ {
		if _, saved := f.before[n]; saved {
			continue
		}
		// What is beyond the content now was saved when it was cut off.
		old := append([]byte(nil), f.content[n*sector:min((n+1)*sector, f.synced)]...)
		if f.before == nil {
			f.before = map[int][]byte{}
		}
		f.before[n] = old
	}
}

// resize fills with zeros what it adds.
func (f *file) resize(size int) {
	if size <= len(f.content) {
		f.content = f.content[:size]
		return
	}
	if size > cap(f.content) {
		grown := make([]byte, len(f.content), 2*size)
		copy(grown, f.content)
		f.content = grown
	}
	old := len(f.content)
	f.content = f.content[:size]
	clear(f.content[old:])
}

func (f *file) sync() {
	f.synced = len(f.content)
	f.before = nil
}

// kept returns what a disk has kept: with a nil rng only what was synced, else
// also a part of what was not.
func (f *file) kept(rng *rand.Rand) []byte {
	now, size := f.content, f.synced
	if rng != nil && len(now) > f.synced {
		size += rng.IntN(len(now) - f.synced + 1)
	}
	if rng != nil && len(now) < f.synced && rng.IntN(2) == 0 {
		size = len(now)
	}
	then := make([]byte, size)
	copy(then, now)
	for _, n := range slices.Sorted(maps.Keys(f.before)) { // the same rng, the same outcome
		if rng != nil && min((n+1)*sector, size) <= len(now) && rng.IntN(2) == 0 {
			continue // this one had been written
		}
		if n*sector < size {
			copy(then[n*sector:], f.before[n])
		}
	}
	return then
}

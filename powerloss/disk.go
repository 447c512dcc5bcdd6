package powerloss

import (
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// disk is a tree of files in memory that knows what of it was synced.
type disk struct {
	mu   sync.Mutex
	root *entry
	last uint64 // number given to an entry

	// Counts of what was asked of it.
	writes, syncs int
}

// entry is a file or a directory.
type entry struct {
	number uint64
	mode   uint32

	// Where it is, for whoever syncs the way to it.
	parent *entry // nil for the root, and for what was removed
	name   string

	file                        // of a file
	now, then map[string]*entry // of a directory, nil in a file: its entries, and those at the last sync
}

func newDisk() *disk {
	d := &disk{}
	d.root = d.newEntry(syscall.S_IFDIR | 0o700)
	return d
}

func (d *disk) newEntry(mode uint32) *entry {
	d.last++
	e := &entry{number: d.last, mode: mode}
	if mode&syscall.S_IFMT == syscall.S_IFDIR {
		e.now, e.then = map[string]*entry{}, map[string]*entry{}
	}
	return e
}

func (e *entry) dir() bool { return e.now != nil }

func (d *disk) create(parent *entry, name string, mode uint32) (*entry, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if parent.now[name] != nil {
		return nil, syscall.EEXIST
	}
	e := d.newEntry(mode)
	parent.link(name, e)
	return e, 0
}

func (e *entry) link(name string, child *entry) {
	e.now[name] = child
	child.parent, child.name = e, name
}

func (e *entry) unlink(name string) {
	e.now[name].parent = nil
	delete(e.now, name)
}

func (d *disk) lookup(parent *entry, name string) (*entry, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := parent.now[name]; e != nil {
		return e, 0
	}
	return nil, syscall.ENOENT
}

// remove removes a file, or an empty directory if dir is set.
func (d *disk) remove(parent *entry, name string, dir bool) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e := parent.now[name]; {
	case e == nil:
		return syscall.ENOENT
	case dir && !e.dir():
		return syscall.ENOTDIR
	case !dir && e.dir():
		return syscall.EISDIR
	case len(e.now) > 0:
		return syscall.ENOTEMPTY
	}
	parent.unlink(name)
	return 0
}

func (d *disk) rename(from *entry, name string, to *entry, newName string) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, old := from.now[name], to.now[newName]
	switch {
	case e == nil:
		return syscall.ENOENT
	case e == old:
		return 0
	case old != nil && (e.dir() || old.dir()):
		return syscall.EEXIST // nobody here renames onto directories
	case old != nil:
		to.unlink(newName)
	}
	from.unlink(name)
	to.link(newName, e)
	return 0
}

func (d *disk) names(e *entry) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(e.now))
}

func (d *disk) size(e *entry) uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return uint64(len(e.content))
}

func (d *disk) read(e *entry, dest []byte, off int64) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return dest[:e.read(dest, off)]
}

func (d *disk) write(e *entry, data []byte, off int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes++
	e.write(data, off)
}

func (d *disk) truncate(e *entry, size uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.truncate(int(size))
}

// sync makes safe what a file or a directory holds, and the way to it.
func (d *disk) sync(e *entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.syncs++
	if e.dir() {
		e.then = maps.Clone(e.now)
	} else {
		e.file.sync()
	}
	for ; e.parent != nil; e = e.parent {
		e.parent.then[e.name] = e
	}
}

// keep writes into a directory what a disk has kept, see file.kept.
func (d *disk) keep(dir string, rng *rand.Rand) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.root.keep(dir, rng)
}

func (e *entry) keep(dir string, rng *rand.Rand) error {
	kept := e.then
	if rng != nil && rng.IntN(2) == 0 {
		kept = e.now
	}
	for _, name := range slices.Sorted(maps.Keys(kept)) { // the same rng, the same outcome
		path, child := filepath.Join(dir, name), kept[name]
		if child.dir() {
			if err := os.Mkdir(path, 0o700); err != nil {
				return err
			}
			if err := child.keep(path, rng); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(path, child.kept(rng), 0o600); err != nil {
			return err
		}
	}
	return nil
}

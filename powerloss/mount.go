package powerloss

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// requireVariable lists what must not be missing.
const requireVariable = "TOOLPIT_TEST_REQUIRE"

// cached is how long the kernel may trust what it was told: nobody but itself
// changes anything.
const cached = time.Hour

// Volume is a mounted file system.
type Volume struct {
	Dir string // where it is mounted, and where its remains are later

	t      testing.TB
	disk   *disk
	server *fuse.Server // nil when it is not mounted any more
}

// Mount mounts an empty file system, for as long as the test runs or until it
// is cut. Where FUSE cannot be used, the test is skipped, unless
// TOOLPIT_TEST_REQUIRE contains "fuse".
func Mount(t testing.TB) *Volume {
	t.Helper()
	v := &Volume{Dir: t.TempDir(), t: t, disk: newDisk()}
	timeout := cached
	server, err := fs.Mount(v.Dir, &node{disk: v.disk, entry: v.disk.root}, &fs.Options{
		MountOptions: fuse.MountOptions{
			FsName: "powerloss", Name: "powerloss", DirectMountStrict: true, DisableXAttrs: true,
		},
		EntryTimeout: &timeout, AttrTimeout: &timeout,
	})
	if err != nil {
		lack(t, err)
	}
	v.server = server
	t.Cleanup(v.unmount)
	return v
}

// lack ends a test that cannot have a file system.
func lack(t testing.TB, err error) {
	t.Helper()
	possible := !errors.Is(err, os.ErrPermission) && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENODEV)
	if possible || slices.Contains(strings.Split(os.Getenv(requireVariable), ","), "fuse") {
		t.Fatalf("powerloss: cannot mount: %v", err)
	}
	t.Skipf("SKIPPED: no FUSE here (it takes root and /dev/fuse): %v", err)
}

// unmountTime is how long the kernel may take to close the files of who was
// killed. On a busy machine that is longer than the third of a second for which
// Unmount tries by itself.
const unmountTime = 10 * time.Second

func (v *Volume) unmount() {
	v.t.Helper()
	if v.server == nil {
		return
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	start := time.Now()
	for err := v.server.Unmount(); err != nil; err = v.server.Unmount() {
		if time.Since(start) > unmountTime {
			v.t.Fatalf("powerloss: unmount: %v", err)
		}
		<-tick.C
	}
	v.server = nil
}

// Cut cuts the power. Whoever uses the volume must have been killed, which is
// what the loss of power does to it first. From now on Dir is an ordinary
// directory with what was synced.
func (v *Volume) Cut() { v.t.Helper(); v.remain(nil) }

// Tear is Cut, but a random part of what was not synced is there as well.
func (v *Volume) Tear(rng *rand.Rand) { v.t.Helper(); v.remain(rng) }

func (v *Volume) remain(rng *rand.Rand) {
	v.t.Helper()
	v.unmount()
	if err := v.disk.keep(v.Dir, rng); err != nil {
		v.t.Fatalf("powerloss: %v", err)
	}
}

// Asked returns how many writes and syncs there were.
func (v *Volume) Asked() (writes, syncs int) {
	v.disk.mu.Lock()
	defer v.disk.mu.Unlock()
	return v.disk.writes, v.disk.syncs
}

// node shows the kernel an entry of the disk.
type node struct {
	fs.Inode
	disk  *disk
	entry *entry
}

var (
	_ fs.NodeLookuper  = (*node)(nil)
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
	_ fs.NodeCreater   = (*node)(nil)
	_ fs.NodeMkdirer   = (*node)(nil)
	_ fs.NodeUnlinker  = (*node)(nil)
	_ fs.NodeRmdirer   = (*node)(nil)
	_ fs.NodeRenamer   = (*node)(nil)
	_ fs.NodeReaddirer = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeReader    = (*node)(nil)
	_ fs.NodeWriter    = (*node)(nil)
	_ fs.NodeFsyncer   = (*node)(nil)
)

// child makes a node of an entry below n.
func (n *node) child(ctx context.Context, e *entry, out *fuse.EntryOut) *fs.Inode {
	n.describe(e, &out.Attr)
	return n.NewInode(ctx, &node{disk: n.disk, entry: e}, fs.StableAttr{Mode: e.mode & syscall.S_IFMT, Ino: e.number})
}

func (n *node) describe(e *entry, out *fuse.Attr) {
	out.Ino, out.Mode, out.Size = e.number, e.mode, n.disk.size(e)
	out.Blocks = (out.Size + sector - 1) / sector
}

// Lookup finds a directory's entry.
func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	e, errno := n.disk.lookup(n.entry, name)
	if errno != 0 {
		return nil, errno
	}
	return n.child(ctx, e, out), 0
}

// Getattr tells size and mode.
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.describe(n.entry, &out.Attr)
	return 0
}

// Setattr changes the size; modes and times are not kept.
func (n *node) Setattr(ctx context.Context, f fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if size, ok := in.GetSize(); ok {
		n.disk.truncate(n.entry, size)
	}
	return n.Getattr(ctx, f, out)
}

// Create makes and opens a file.
func (n *node) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	e, errno := n.disk.create(n.entry, name, syscall.S_IFREG|mode&0o777)
	if errno != 0 {
		return nil, nil, 0, errno
	}
	return n.child(ctx, e, out), nil, fuse.FOPEN_KEEP_CACHE, 0
}

// Mkdir makes a directory.
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	e, errno := n.disk.create(n.entry, name, syscall.S_IFDIR|mode&0o777)
	if errno != 0 {
		return nil, errno
	}
	return n.child(ctx, e, out), 0
}

// Unlink removes a file.
func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	return n.disk.remove(n.entry, name, false)
}

// Rmdir removes a directory.
func (n *node) Rmdir(_ context.Context, name string) syscall.Errno {
	return n.disk.remove(n.entry, name, true)
}

// Rename moves a file or a directory.
func (n *node) Rename(_ context.Context, name string, to fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	target, ok := to.EmbeddedInode().Operations().(*node)
	if !ok || flags != 0 {
		return syscall.EINVAL
	}
	return n.disk.rename(n.entry, name, target.entry, newName)
}

// Readdir lists a directory.
func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	var list []fuse.DirEntry
	for _, name := range n.disk.names(n.entry) {
		if e, errno := n.disk.lookup(n.entry, name); errno == 0 {
			list = append(list, fuse.DirEntry{Name: name, Mode: e.mode, Ino: e.number})
		}
	}
	return fs.NewListDirStream(list), 0
}

// Open opens a file.
func (n *node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

// Read reads from a file.
func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return fuse.ReadResultData(n.disk.read(n.entry, dest, off)), 0
}

// Write writes to a file.
func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	n.disk.write(n.entry, data, off)
	return uint32(len(data)), 0
}

// Fsync makes safe what was written to a file, or done in a directory.
func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	n.disk.sync(n.entry)
	return 0
}

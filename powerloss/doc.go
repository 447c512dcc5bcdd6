// Package powerloss has a file system that loses its power.
//
// It is a module of its own, so that the FUSE library is no dependency of the
// service. [Mount] gives a test a directory in which servers keep their files,
// and [Volume.Cut] leaves in it what a disk would have kept.
//
// # What is kept
//
// A byte is safe once the file was synced (fsync, fdatasync) after the write
// that brought it. Whatever was written since the last sync is in danger, the
// overwriting of old bytes and the cutting off of a file's end included. [Cut]
// takes all of it back. [Tear] takes a part of it back, as a disk does that was
// cut off in the middle of its work: of the overwritten sectors (512 bytes)
// each is old or new, and of the bytes that were appended the first so many are
// there. So appended bytes never become visible before those in front of them,
// as on ext4 with data=ordered and on XFS, and a sector is never half written.
//
// Creating, renaming and removing is in danger until the directory is synced.
// Tear decides for each directory as a whole, as a journal does. Syncing a file
// also secures its own entry and those of the directories on the way to it,
// which POSIX leaves open and journals of Linux file systems do.
//
// # What it is not for
//
// Sectors that rot, disks that lie about having synced, or several names of one
// file. What is mapped into memory and shared reaches the file when the kernel
// sees fit, as everywhere. Nobody in the process that mounts may map files of the
// mount: the kernel would wait for a thread of this process, which waits for it.
package powerloss

// Package redisstore keeps Toolpit's state in Redis 7 or newer.
//
// Every mutation is one Lua script, sent with one EVALSHA, whose first act is
// its token (see lua/prelude.lua for the keys and the record formats). Sending
// a script again is therefore always safe, and the package does so once when a
// reply was lost. Scripts of concurrent callers go out together, see
// docs/adr/0008-group-commit.md, and wait for replicas together where they must,
// see docs/adr/0009-durability.md.
//
// A Redis may be standalone, the master that sentinels tell, or a Cluster: the
// keys of a session, and of a record, are in one slot each. The list of sessions
// is in a slot of its own.
//
// It is the only package that knows go-redis. It is not for caching: nothing
// is kept in the process, and a Redis that may evict keys is refused.
package redisstore

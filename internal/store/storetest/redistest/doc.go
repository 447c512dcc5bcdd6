// Package redistest gives tests a real Redis.
//
// [Start] and [StartServer] run a redis-server process of the test's own, on a
// loopback port of its own and in a temporary directory of its own, and end it
// when the test ends. [Shared] is for tests that need a Redis but not one to
// themselves: it honours TOOLPIT_TEST_REDIS. Both mean to be boring: a fresh
// server is empty, keeps nothing on disk and never evicts.
//
// [StartCluster] and [StartSentinel] run several such processes as a Redis
// Cluster, whose slots can be made to move, and as a master with replicas and
// sentinels; [StartLaggingSentinel] has replicas lag behind. They are formed by a few commands in plain RESP, so that what goes
// wrong is not the fault of the client that they are to test.
//
// A machine without redis-server skips these tests, unless TOOLPIT_TEST_REQUIRE
// (a comma-separated list) contains "redis": CI sets it so that nothing is
// silently left out.
//
// The package is not for production code, not a Redis client and not a fake:
// to lose replies or hang a connection put package faultproxy in front of the
// server. It knows nothing of TLS or passwords. It needs a Unix; only
// on Linux do servers also end when the test binary is killed, and are ports
// reserved against other processes.
package redistest

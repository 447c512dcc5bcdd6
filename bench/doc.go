// Command bench measures how fast Toolpit is and prints a report: `make bench`,
// and `make bench-scale` for several replicas. The end of the report says what
// its columns mean.
//
// What it measures it starts itself, on ports of its own, and stops again:
// redis-server, replicas of Toolpit, the floor (package bench/floor) and the
// load generator (package bench/load, in processes of its own). It needs Linux,
// two cores, and redis-server, redis-cli, redis-benchmark and taskset.
//
// A machine is never as fast in one minute as in the next, so everybody is
// measured once in each round, for a short window, in alternating order; ratios
// are taken within a round and the median of the rounds is shown, with the
// extremes. What other processes used meanwhile is said below a table.
//
// It asserts nothing about time and is no test. It fails when an answer is not
// 200, or when a counter does not stand at exactly as many as were answered.
package main

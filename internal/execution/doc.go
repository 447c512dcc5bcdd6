// Package execution decides when a prepared tool call may run, and for how
// long.
//
// Calls wait in lanes, one for each cost class, so that heavy tools cannot
// keep light ones waiting. A lane has a fixed number of slots and a bounded
// queue; what does not fit is refused at once with fault.PoolSaturated. The
// deadline of a request covers its wait, its tool and its store calls.
//
// The package is not for what a call does: that is package tools.
package execution

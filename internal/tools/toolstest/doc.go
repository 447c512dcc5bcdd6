// Package toolstest is the contract every tool keeps to, as a test.
//
// A group of tools calls [Run] and gets its list checked, its examples executed,
// its arguments refused, its executions counted and its keys repeated. What only one tool
// does is tested next to that tool.
package toolstest

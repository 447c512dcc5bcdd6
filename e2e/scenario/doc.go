// Package scenario has the end-to-end proofs: what is done to replicas while
// clients work, and what must be true afterwards. Where the replicas run, as
// containers or as processes, is a [Fleet]'s business.
package scenario

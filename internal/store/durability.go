package store

import (
	"slices"

	"toolpit/internal/fault"
)

// Durability is what a write survives once it was answered.
type Durability string

// The levels. Each of the first three includes those before it. Replicated is
// about other machines, and says nothing about disks.
const (
	Memory     Durability = "memory"     // nothing is asked of the back end
	EverySec   Durability = "everysec"   // a power cut, but for the last second or two
	Fsync      Durability = "fsync"      // a power cut
	Replicated Durability = "replicated" // the loss of the machine that answered
)

// Durabilities lists every level, in the order in which they are shown.
func Durabilities() []Durability { return []Durability{Memory, EverySec, Fsync, Replicated} }

// Known tells whether d is a level at all.
func (d Durability) Known() bool { return slices.Contains(Durabilities(), d) }

// TooFewReplicas is the answer of a store that is to be replicated while too
// few replicas are connected to it.
func TooFewReplicas() *fault.Error {
	return fault.New(fault.StoreUnavailable, "Fewer replicas are connected to the store than must confirm a write.")
}

// NotConfirmed is the answer to a write that was applied and that too few
// replicas confirmed in time.
func NotConfirmed() *fault.Error {
	return fault.New(fault.DurabilityNotReached, "The change was made, but too few replicas of the store confirmed it in time: it may be lost if the store fails over now. Repeat the request with the same Idempotency-Key until it is answered.")
}

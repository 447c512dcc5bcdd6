// Package store is the contract between Toolpit and whatever keeps its state.
//
// It holds small role interfaces ([Sessions], [Variables], [Answers], …), the
// words they use ([Unit], [Op], [Token], …) and nothing that knows a driver.
// The back ends are redisstore and sqlitestore; storetest is the suite both
// must pass, and the suite, not this text, is the last word on what a method
// does.
//
// # The write path
//
// Every mutation is one atomic unit whose first act is its token: a token that
// was already applied with the same fingerprint is answered again with what
// was answered first, and with another fingerprint it is refused with
// fault.IdempotencyKeyReused. Only then does the unit look at the session
// (fault.SessionNotFound, fault.SessionExpired, fault.SessionReadOnly), then
// at its preconditions and quotas, and only then does it write: everything or
// nothing.
//
// # Errors
//
// Every method returns errors of package fault. Beside those it names, each
// can return fault.StoreUnavailable (nothing happened, trying again is safe);
// mutations can return fault.OutcomeUnknown (the effect may have happened;
// repeating the same token finds out), fault.DurabilityNotReached (the effect
// has happened, and too few replicas know of it; repeating the same token asks
// them again), fault.StoreFull, and the context's own
// error when the caller went away before anything was sent.
//
// Every method may be called from any number of goroutines.
package store

package tools

import (
	"context"
	"errors"

	"toolpit/internal/fault"
)

// storeFault is what a store call's error means for the execution. A store
// that did not answer before the request's own deadline is not to blame: there
// may have been no time for an answer.
func storeFault(ctx context.Context, err error) *fault.Error {
	e := fault.From(err)
	late := errors.Is(ctx.Err(), context.DeadlineExceeded)
	switch {
	case late && e.Code == fault.StoreUnavailable, e.Code == fault.Internal && errors.Is(err, context.DeadlineExceeded):
		return deadline("store").Because(err)
	case e.Code == fault.Internal && errors.Is(err, context.Canceled):
		return cancelled().Because(err)
	}
	return e
}

// outage tells whether a code says that the store cannot be written to now.
func outage(code fault.Code) bool {
	switch code {
	case fault.StoreUnavailable, fault.StoreFull, fault.OutcomeUnknown, fault.DurabilityNotReached:
		return true
	default:
		return false
	}
}

// verdict tells whether a code of the store's says that the request itself
// cannot be executed, whichever tool it names.
func verdict(code fault.Code) bool {
	switch code {
	case fault.SessionNotFound, fault.SessionExpired, fault.SessionReadOnly, fault.IdempotencyKeyReused:
		return true
	default:
		return false
	}
}

func deadline(phase string) *fault.Error {
	return &fault.Error{
		Code: fault.DeadlineExceeded, Detail: "The time allowed for the request ran out.",
		Facts: fault.Facts{Phase: phase},
	}
}

func cancelled() *fault.Error {
	return fault.New(fault.Cancelled, "The request was cancelled.")
}

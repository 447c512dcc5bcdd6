package fault

// Code names one kind of failure. Codes are stable: clients match on them.
type Code string

// Error returns the code itself, which makes every Code usable as a target of
// errors.Is.
func (c Code) Error() string { return string(c) }

// The codes a client can meet. What each means for HTTP stands in the problem
// table of internal/server, which a test keeps equal to [Codes].
const (
	// The request itself.
	InvalidRequest       Code = "INVALID_REQUEST"
	MissingParameter     Code = "MISSING_PARAMETER"
	UnknownParameter     Code = "UNKNOWN_PARAMETER"
	RouteNotFound        Code = "ROUTE_NOT_FOUND"
	MethodNotAllowed     Code = "METHOD_NOT_ALLOWED"
	NotAcceptable        Code = "NOT_ACCEPTABLE"
	BodyTooLarge         Code = "BODY_TOO_LARGE"
	UnsupportedMediaType Code = "UNSUPPORTED_MEDIA_TYPE"
	Unauthenticated      Code = "UNAUTHENTICATED"
	Forbidden            Code = "FORBIDDEN"

	// Arguments and values.
	TypeMismatch        Code = "TYPE_MISMATCH"
	ConstraintViolation Code = "CONSTRAINT_VIOLATION"
	CounterOverflow     Code = "COUNTER_OVERFLOW"
	ValueTooLarge       Code = "VALUE_TOO_LARGE"
	UnknownType         Code = "UNKNOWN_TYPE"
	InvalidConstraints  Code = "INVALID_CONSTRAINTS"
	RangeNotSatisfiable Code = "RANGE_NOT_SATISFIABLE"

	// Things that are not there, or already are.
	ToolNotFound     Code = "TOOL_NOT_FOUND"
	SessionNotFound  Code = "SESSION_NOT_FOUND"
	SessionExpired   Code = "SESSION_EXPIRED"
	SessionExists    Code = "SESSION_EXISTS"
	SessionReadOnly  Code = "SESSION_READ_ONLY"
	VariableNotFound Code = "VARIABLE_NOT_FOUND"
	VariableExists   Code = "VARIABLE_EXISTS"
	VersionConflict  Code = "VERSION_CONFLICT"
	VersionNotFound  Code = "VERSION_NOT_FOUND"
	VariableLocked   Code = "VARIABLE_LOCKED"

	// Promises about repetition.
	IdempotencyKeyReused Code = "IDEMPOTENCY_KEY_REUSED"
	OutcomeUnknown       Code = "OUTCOME_UNKNOWN"
	DurabilityNotReached Code = "DURABILITY_NOT_REACHED"

	// Limits and load.
	SessionQuotaExceeded  Code = "SESSION_QUOTA_EXCEEDED"
	VariableQuotaExceeded Code = "VARIABLE_QUOTA_EXCEEDED"
	RateLimited           Code = "RATE_LIMITED"
	PoolSaturated         Code = "POOL_SATURATED"
	DeadlineExceeded      Code = "DEADLINE_EXCEEDED"
	StoreUnavailable      Code = "STORE_UNAVAILABLE"
	StoreFull             Code = "STORE_FULL"

	// Tools.
	ToolFailed Code = "TOOL_FAILED"
	ToolPanic  Code = "TOOL_PANIC"
	Cancelled  Code = "CANCELLED"
	Internal   Code = "INTERNAL"
)

// Codes lists every code, in the order in which the documentation shows them.
func Codes() []Code {
	return []Code{
		InvalidRequest, MissingParameter, UnknownParameter, RouteNotFound, MethodNotAllowed,
		NotAcceptable, BodyTooLarge, UnsupportedMediaType, Unauthenticated, Forbidden,
		TypeMismatch, ConstraintViolation, CounterOverflow, ValueTooLarge,
		UnknownType, InvalidConstraints, RangeNotSatisfiable,
		ToolNotFound, SessionNotFound, SessionExpired, SessionExists, SessionReadOnly,
		VariableNotFound, VariableExists, VersionConflict, VersionNotFound, VariableLocked,
		IdempotencyKeyReused, OutcomeUnknown, DurabilityNotReached,
		SessionQuotaExceeded, VariableQuotaExceeded, RateLimited, PoolSaturated,
		DeadlineExceeded, StoreUnavailable, StoreFull,
		ToolFailed, ToolPanic, Cancelled, Internal,
	}
}

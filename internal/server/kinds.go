package server

import (
	"time"

	"toolpit/internal/fault"
)

// kinds is the table: what each code is in HTTP, and what /docs/errors says
// about it. Nobody writes to it.
var kinds = map[fault.Code]kind{
	fault.InvalidRequest: {
		status: 400, title: "The request is malformed", errorType: "ValidationError",
		cause: "The body is not JSON as this service reads it (syntax, a name twice in one object, invalid UTF-8, more than 64 levels, something after the end), a member of the envelope has the wrong type or is out of bounds, or a parameter or header is malformed.",
		cure:  "Correct what errors[] lists; every entry points at what it is about.",
	},
	fault.MissingParameter: {
		status: 400, title: "Something required is missing", errorType: "ValidationError",
		cause: "The body lacks a member that is required.",
		cure:  "Add the members that errors[] points at.",
	},
	fault.UnknownParameter: {
		status: 400, title: "Something unknown was sent", errorType: "ValidationError",
		cause: "The body has a member that is not known here. Names are case-sensitive.",
		cure:  "Correct or remove the members that errors[] points at; suggestions has near names.",
	},
	fault.RouteNotFound: {
		status: 404, title: "There is no such route", errorType: "RouteNotFoundError",
		cause: "No route has the path that was asked for.",
		cure:  "GET / lists the routes, /docs explains them. Paths have no version prefix and no slash at the end.",
	},
	fault.MethodNotAllowed: {
		status: 405, title: "The route has no such method", errorType: "MethodNotAllowedError",
		cause: "The path exists, but not with this method.",
		cure:  "Use one of the methods in allow, which the Allow header lists, too.",
	},
	fault.NotAcceptable: {
		status: 406, title: "No acceptable form", errorType: "NotAcceptableError",
		cause: "The Accept header excludes every form that the answer has.",
		cure:  "Accept application/json, or send no Accept header.",
	},
	fault.BodyTooLarge: {
		status: 413, title: "The body is too large", errorType: "BodyTooLargeError",
		cause: "The body has more bytes than limit_bytes.",
		cure:  "Send less. Large data is no argument.",
	},
	fault.UnsupportedMediaType: {
		status: 415, title: "The body has an unsupported type", errorType: "UnsupportedMediaTypeError",
		cause: "The body is not announced as application/json in UTF-8, or it is compressed.",
		cure:  "Send it with Content-Type: application/json and without Content-Encoding.",
	},
	fault.Unauthenticated: {
		status: 401, title: "An API key is needed", errorType: "AuthenticationError",
		cause: "The service was started with a file of API keys, and the request has none, or one that is not in it.",
		cure:  "Send Authorization: Bearer with your key.",
	},
	fault.Forbidden: {
		status: 403, title: "The request comes from another site", errorType: "CrossOriginError",
		cause: "A browser says that a page of another origin sent a request that changes something. Clients that are no browser never meet this.",
		cure:  "Send the request from a program, or from a page of this service's own origin.",
	},
	fault.TypeMismatch: {
		status: 422, title: "A value has the wrong type", errorType: "TypeMismatchError",
		cause: "An argument or a variable has another type than the one expected. A variable keeps the type it was created with.",
		cure:  "Send the type that errors[] or the detail asks for.",
	},
	fault.ConstraintViolation: {
		status: 422, title: "The arguments are not acceptable", errorType: "ValidationError",
		cause: "The arguments do not fit the tool's input_schema, or the tool refused a value.",
		cure:  "Correct everything that errors[] lists; GET /tools/{name} shows the schema and examples.",
	},
	fault.CounterOverflow: {
		status: 422, title: "The counter would overflow", errorType: "OverflowError",
		cause: "The sum does not fit into a signed 64-bit integer.",
		cure:  "Set the counter to another value first. It is unchanged.",
	},
	fault.ValueTooLarge: {
		status: 413, title: "A value is too large", errorType: "ValueTooLargeError",
		cause: "The arguments, or a value to be stored, have more bytes than limit_bytes.",
		cure:  "Send or store less at once.",
	},
	fault.UnknownType: {
		status: 422, title: "There is no such type", errorType: "UnknownTypeError",
		cause: "A variable was to have a type, or a tensor a dtype, that this service does not know.",
		cure:  "Use one of suggestions, or what the detail lists. Without type, it is what the value seems to be.",
	},
	fault.InvalidConstraints: {
		status: 422, title: "The constraints are not acceptable", errorType: "InvalidConstraintsError",
		cause: "The constraints do not fit the variable's type, contradict one another, or are not those that the variable has.",
		cure:  "Correct everything that errors[] lists. PATCH changes the constraints of a variable that is there.",
	},
	fault.RangeNotSatisfiable: {
		status: 416, title: "The range is outside of the content", errorType: "RangeError",
		cause: "The Range header asks for bytes, or slice for elements, that the tensor does not have.",
		cure:  "Ask for a part of what there is: Content-Range says how many bytes that are, and for a slice the detail says which shape the tensor has.",
	},
	fault.ToolNotFound: {
		status: 404, title: "There is no such tool", errorType: "ToolNotFoundError",
		cause: "No tool has that name.",
		cure:  "Use one of suggestions, or look at GET /tools.",
	},
	fault.SessionNotFound: {
		status: 404, title: "There is no such session", errorType: "SessionNotFoundError",
		cause: "The session never was, was deleted, expired long ago, or belongs to somebody else.",
		cure:  "Create it with POST /sessions.",
	},
	fault.SessionExpired: {
		status: 410, title: "The session has expired", errorType: "SessionExpiredError",
		cause: "Nobody used the session for as long as its ttl_seconds. What was in it is gone.",
		cure:  "Create it again, perhaps with a longer ttl_seconds. POST /sessions/{id}/touch keeps a session alive.",
	},
	fault.SessionExists: {
		status: 409, title: "The session exists already", errorType: "SessionExistsError",
		cause: "A session of the chosen id is alive.",
		cure:  `Choose another id, or send "if_exists": "return" to get the one there is.`,
	},
	fault.SessionReadOnly: {
		status: 409, title: "The session is read-only", errorType: "SessionReadOnlyError",
		cause: "The session is frozen at the moment, for instance because it is being moved.",
		cure:  "Read it, or try again when it has been released.",
	},
	fault.VariableNotFound: {
		status: 404, title: "There is no such variable", errorType: "VariableNotFoundError",
		cause: "The session has no variable of that name.",
		cure:  "Set it first.",
	},
	fault.VariableExists: {
		status: 409, title: "The variable exists already", errorType: "VariableExistsError",
		cause: "A variable was to be created under a name that is taken.",
		cure:  "Choose another name, or change the variable there is.",
	},
	fault.VersionConflict: {
		status: 412, title: "Another version is current", errorType: "VersionConflictError",
		cause: "What was to be changed no longer has the version that If-Match, or the call, asked for. Nothing was changed.",
		cure:  "Read it again (current_version, when there is one), decide again, and send the new version.",
	},
	fault.VersionNotFound: {
		status: 404, title: "There is no such version", errorType: "VersionNotFoundError",
		cause: "The variable's history does not have the version: it never was, or is so old that it was dropped.",
		cure:  "GET /sessions/{id}/variables/{name}/history lists the versions there are.",
	},
	fault.VariableLocked: {
		status: 423, title: "The variable is locked", errorType: "VariableLockedError", retryable: true, after: time.Second,
		cause: "Somebody holds the lock of the variable, or of one in the session that was to be deleted; holder says who.",
		cure:  "Send the lock's token as X-Lock-Token, or wait: at expires_at the lock ends by itself.",
	},
	fault.IdempotencyKeyReused: {
		status: 422, title: "The idempotency key was used before", errorType: "IdempotencyKeyReusedError",
		cause: "The Idempotency-Key belongs to an earlier request with another method, path or body.",
		cure:  "Use a fresh key for every new request, and the same key only to repeat the same one.",
	},
	fault.OutcomeUnknown: {
		status: 503, title: "The outcome is unknown", errorType: "OutcomeUnknownError", retryable: true, after: time.Second,
		cause: "The store failed after the change had been sent to it: the effect may have happened, or not.",
		cure:  "Repeat the same request with the same Idempotency-Key: it happens at most once, and you get its answer. Without a key, look before you repeat.",
	},
	fault.DurabilityNotReached: {
		status: 503, title: "Too few replicas confirmed the change", errorType: "DurabilityNotReachedError", retryable: true, after: time.Second,
		cause: "The change was made, but fewer replicas of the store confirmed it in time than must: it is lost if the store fails over just now.",
		cure:  "Repeat the same request with the same Idempotency-Key: it happens once, and is answered when the replicas know of it. Without a key, look before you repeat.",
	},
	fault.SessionQuotaExceeded: {
		status: 429, title: "The session's quota is used up", errorType: "QuotaExceededError",
		cause: "The session would hold more than it may: bytes, or labels. limit and current say how much.",
		cure:  "Remove something from the session, or use another one.",
	},
	fault.VariableQuotaExceeded: {
		status: 429, title: "The session has too many variables", errorType: "QuotaExceededError",
		cause: "The session would hold more variables than limit.",
		cure:  "Delete variables, or use another session.",
	},
	fault.RateLimited: {
		status: 429, title: "Too many requests", errorType: "RateLimitedError", retryable: true, after: time.Second,
		cause: "The rate at which this owner may send requests is used up.",
		cure:  "Wait for as long as Retry-After says.",
	},
	fault.PoolSaturated: {
		status: 503, title: "The replica has no room", errorType: "PoolSaturatedError", retryable: true, after: time.Second,
		cause: "As many executions run and wait on this replica as it takes. Nothing was executed.",
		cure:  "Wait for as long as Retry-After says, or ask another replica.",
	},
	fault.DeadlineExceeded: {
		status: 504, title: "The time ran out", errorType: "TimeoutError", retryable: true,
		cause: "Waiting, the tool and the store together took longer than timeout_ms; phase says where the time ran out.",
		cure:  "Allow more time with timeout_ms. Repeat with the same Idempotency-Key, since an effect may have happened.",
	},
	fault.StoreUnavailable: {
		status: 503, title: "The store is unavailable", errorType: "StoreUnavailableError", retryable: true, after: time.Second,
		cause: "The store does not answer. Nothing was changed.",
		cure:  "Try again after Retry-After; /readyz says when the store is back.",
	},
	fault.StoreFull: {
		status: 507, title: "The store is full", errorType: "StoreFullError", retryable: true,
		cause: "The store has no space left for the write. Nothing was changed.",
		cure:  "Delete sessions that are not needed, or ask the operator for space.",
	},
	fault.ToolFailed: {
		status: 500, title: "The tool failed", errorType: "RuntimeError",
		cause: "The tool ran and gave up. With the error_type ValueError it refused a value, and the status is 422.",
		cure:  "The detail says what the tool did not manage; error_type is the kind of failure.",
	},
	fault.ToolPanic: {
		status: 500, title: "The tool crashed", errorType: "ToolPanicError",
		cause: "The tool has a defect. The process is unharmed.",
		cure:  "Report it with the request_id, under which the logs have the particulars.",
	},
	fault.Cancelled: {
		status: 499, title: "The caller went away", errorType: "CancelledError", retryable: true,
		cause: "The connection was closed before there was an answer, so this shows in logs only.",
		cure:  "Repeat with the same Idempotency-Key, since an effect may have happened.",
	},
	fault.Internal: {
		status: 500, title: "The service failed", errorType: "InternalError",
		cause: "The service has a defect.",
		cure:  "Report it with the request_id, under which the logs have the particulars.",
	},
}

// kindOf returns the table's entry for a code. A test rules out that a code
// has none.
func kindOf(code fault.Code) kind {
	k, ok := kinds[code]
	if !ok {
		code = fault.Internal
		k = kinds[code]
	}
	k.code = code
	return k
}

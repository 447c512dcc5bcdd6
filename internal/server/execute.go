package server

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/api"
	"toolpit/internal/execution"
	"toolpit/internal/telemetry"
	"toolpit/internal/tools"
)

// Execute executes a tool without a session.
func (s *service) Execute(ctx context.Context, req api.ExecuteRequestObject) (api.ExecuteResponseObject, error) {
	return s.execute(ctx, exchangeOf(ctx), "", req.Params.IdempotencyKey, req.Body)
}

// ExecuteInSession executes a tool in a session.
func (s *service) ExecuteInSession(ctx context.Context, req api.ExecuteInSessionRequestObject) (api.ExecuteInSessionResponseObject, error) {
	if err := checkSessionID(req.ID); err != nil {
		return nil, err
	}
	return s.execute(ctx, exchangeOf(ctx), req.ID, req.Params.IdempotencyKey, req.Body)
}

func (s *service) execute(ctx context.Context, x *exchange, session string, key *string, body *api.ExecuteRequest) (executed, error) {
	inv := tools.Invocation{Owner: x.owner, SessionID: session, Tool: body.Tool, Arguments: body.Arguments}
	var err error
	if inv.Key, err = idempotencyKey(key); err != nil {
		return executed{}, err
	}
	if inv.Key != "" {
		inv.Fingerprint = x.fingerprint()
	}
	if inv.Durability, err = s.preferred(ctx, x); err != nil {
		return executed{}, err
	}
	if inv.LockToken, err = lockToken(x); err != nil {
		return executed{}, err
	}
	run, err := s.engine.Prepare(ctx, inv)
	if err != nil {
		return executed{}, err
	}
	x.tool, x.execution = body.Tool, run.ExecutionID()
	timeout := s.limits.DefaultTimeout
	if body.TimeoutMS != nil {
		timeout = time.Duration(*body.TimeoutMS) * time.Millisecond
	}
	start := x.age()
	var span *telemetry.Span
	if s.tracing != nil {
		ctx, span = s.tracing.Within(ctx, "tool "+body.Tool, telemetry.Inside)
	}
	outcome, err := s.executor.Execute(ctx, timeout, run)
	span.End(err)
	s.series.executed(body.Tool, outcome.Replayed, x.age()-start, err)
	x.timing[0], x.replayed = timingOf(outcome), outcome.Replayed
	if err != nil {
		return executed{}, err
	}
	return executed{exchange: x, replica: s.replica.ID, session: session, outcome: outcome}, nil
}

// executed is the answer to a call. It is written by hand so that the result
// reaches the client byte for byte: the generated type would escape characters
// in it. That it costs no reflection is welcome on this route.
type executed struct {
	exchange *exchange
	replica  string
	session  string
	outcome  execution.Outcome
}

// VisitExecuteResponse sends the answer.
func (e executed) VisitExecuteResponse(w http.ResponseWriter) error { return e.send(w) }

// VisitExecuteInSessionResponse sends the answer.
func (e executed) VisitExecuteInSessionResponse(w http.ResponseWriter) error { return e.send(w) }

// typeJSON is the Content-Type of an answer. Nobody writes to it.
var typeJSON = [1]string{"application/json"}

func (e executed) send(w http.ResponseWriter) error {
	h := w.Header()
	h["Content-Type"] = typeJSON[:]
	h["Server-Timing"] = e.exchange.timing[:]
	if e.outcome.Replayed {
		h.Set("Idempotency-Replayed", "true")
	}
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(e.body())
	return err
}

// body is an api.ExecuteResponse as JSON.
func (e executed) body() []byte {
	b := make([]byte, 0, len(e.outcome.Value)+256)
	b = append(b, `{"execution_id":`...)
	b = appendText(b, e.outcome.ExecutionID)
	b = append(b, `,"tool":`...)
	b = appendText(b, e.exchange.tool)
	if e.session != "" {
		b = append(b, `,"session_id":`...)
		b = appendText(b, e.session)
	}
	b = append(b, `,"result":`...)
	b = append(b, e.outcome.Value...)
	b = append(b, `,"execution_time_ms":`...)
	b = appendMilliseconds(b, e.outcome.ToolTime+e.outcome.StoreTime)
	b = append(b, `,"replica_id":`...)
	b = appendText(b, e.replica)
	return append(b, "}\n"...)
}

// appendText appends a JSON string. Its error would be about invalid UTF-8,
// which it has replaced.
func appendText(b []byte, text string) []byte {
	if unescaped(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	b, _ = jsontext.AppendQuote(b, text)
	return b
}

// unescaped tells whether a text is the same in JSON.
func unescaped(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func timingOf(o execution.Outcome) string {
	b := appendTiming(make([]byte, 0, 64), "queue", o.Queued)
	b = appendTiming(append(b, ", "...), "tool", o.ToolTime)
	return string(appendTiming(append(b, ", "...), "store", o.StoreTime))
}

// appendTiming appends one metric of a Server-Timing header.
func appendTiming(b []byte, name string, d time.Duration) []byte {
	b = append(append(b, name...), ";dur="...)
	return appendMilliseconds(b, d)
}

// appendShortMilliseconds leaves zeros at the end away.
func appendShortMilliseconds(b []byte, d time.Duration) []byte {
	return bytes.TrimSuffix(bytes.TrimRight(appendMilliseconds(b, d), "0"), []byte("."))
}

// appendMilliseconds writes a time with three decimals.
func appendMilliseconds(b []byte, d time.Duration) []byte {
	n := max(d, 0).Round(time.Microsecond).Microseconds()
	b = strconv.AppendInt(b, n/1000, 10)
	n %= 1000
	return append(b, '.', byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
}

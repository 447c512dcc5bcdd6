package server

import (
	"net/http"
	"strconv"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/value"
)

// rendered is an answer about variables. Its body is written by hand, so that
// values reach the client byte for byte, as in executed.
type rendered struct {
	exchange *exchange
	status   int
	etag     string // "" for none, as for the two below
	location string
	link     string
	body     []byte // nil for none
}

func (a rendered) send(w http.ResponseWriter) error {
	h := w.Header()
	for name, value := range map[string]string{"ETag": a.etag, "Location": a.location, "Link": a.link} {
		if value != "" {
			h.Set(name, value)
		}
	}
	h["Server-Timing"] = a.exchange.timing[:]
	if a.exchange.replayed {
		h.Set("Idempotency-Replayed", "true")
	}
	if a.body != nil {
		h["Content-Type"] = typeJSON[:]
	}
	w.WriteHeader(a.status)
	if a.body == nil {
		return nil
	}
	_, err := w.Write(append(a.body, '\n'))
	return err
}

// VisitListVariablesResponse sends the answer.
func (a rendered) VisitListVariablesResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitCreateVariableResponse sends the answer.
func (a rendered) VisitCreateVariableResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitGetVariableResponse sends the answer.
func (a rendered) VisitGetVariableResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitPutVariableResponse sends the answer.
func (a rendered) VisitPutVariableResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitUpdateVariableResponse sends the answer.
func (a rendered) VisitUpdateVariableResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitDeleteVariableResponse sends the answer.
func (a rendered) VisitDeleteVariableResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitIncrementVariableResponse sends the answer.
func (a rendered) VisitIncrementVariableResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitGetVariableHistoryResponse sends the answer.
func (a rendered) VisitGetVariableHistoryResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitRollbackVariableResponse sends the answer.
func (a rendered) VisitRollbackVariableResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitLockVariableResponse sends the answer.
func (a rendered) VisitLockVariableResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitUnlockVariableResponse sends the answer.
func (a rendered) VisitUnlockVariableResponse(w http.ResponseWriter) error { return a.send(w) }

// VisitBatchVariablesResponse sends the answer.
func (a rendered) VisitBatchVariablesResponse(w http.ResponseWriter) error { return a.send(w) }

// appendVariable appends an api.Variable as JSON.
func appendVariable(b []byte, ref store.Ref, v store.Variable) []byte {
	b = append(b, `{"name":`...)
	b = appendText(b, v.Name)
	b = append(b, `,"type":`...)
	b = appendText(b, v.Value.Type().String())
	b = append(b, ',')
	b = appendValue(b, v.Value, tensorPath(ref, v.Name))
	b = append(b, `,"version":`...)
	b = strconv.AppendInt(b, v.Version, 10)
	b = append(b, `,"constraints":`...)
	b = appendStored(b, v.Constraints)
	b = append(b, `,"metadata":`...)
	b = appendStored(b, v.Metadata)
	b = append(b, `,"encoding":`...)
	b = appendText(b, encodingOf(v.Value))
	b = append(b, `,"created_at":`...)
	b = appendTime(b, v.Created)
	b = append(b, `,"updated_at":`...)
	b = appendTime(b, v.Updated)
	b = append(b, `,"updated_by":`...)
	b = appendText(b, v.By)
	return append(b, '}')
}

// appendValue appends the member value, or for a tensor the member tensor, with
// href in it unless that is "".
func appendValue(b []byte, v value.Value, href string) []byte {
	if v.Type() != value.Tensor {
		return append(append(b, `"value":`...), v.JSON()...)
	}
	b = append(append(b, `"tensor":`...), v.JSON()...) // its descriptor
	if href == "" {
		return b
	}
	b = append(b[:len(b)-1], `,"href":`...)
	b = appendText(b, href)
	return append(b, '}')
}

// encodingOf says where a value is: in the body, or elsewhere as bytes.
func encodingOf(v value.Value) string {
	if v.Type() == value.Tensor {
		return "blob"
	}
	return "json"
}

// appendStored appends a JSON object of the store, for which "" is an empty one.
func appendStored(b []byte, object string) []byte {
	if object == "" {
		object = "{}"
	}
	return append(b, object...)
}

func appendTime(b []byte, t time.Time) []byte {
	b = t.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano)
	return append(b, '"')
}

func variablePath(ref store.Ref, name string) string {
	return "/sessions/" + ref.ID + "/variables/" + name
}

func tensorPath(ref store.Ref, name string) string { return "/sessions/" + ref.ID + "/tensors/" + name }

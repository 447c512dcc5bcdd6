package server

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/api"
	"toolpit/internal/fault"
)

// FuzzBodies reads arbitrary bytes as each of the bodies, and compares the
// verdict with what encoding/json and jsontext say.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"tool":"echo","arguments":{"a":[1,2,{"b":null}]},"timeout_ms":1000}`, `{"id":"demo","ttl_seconds":6e1,"labels":{"a":"b"}}`,
		`{"labels":{"a":null},"if_exists":"return"}`, ` [1,2] `, `{"tool":"a","tool":"b"}`, `{"tool":"\ud800"}`, "\xff", `{"a":1}x`,
		`{"value":{"a":[1,9223372036854775807]},"type":"map","metadata":{},"expected_version":0}`, `{"set":{"a":{"value":1}},"atomic":true}`, `{"get":["a","b"]}`,
		strings.Repeat("[", 70), `{"timeout_ms":1e400,"tool":7}`, `{"~/":{}}`,
	} {
		f.Add([]byte(seed))
	}
	limits := Limits{}.WithDefaults()
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		call, err := executeBody.decode(body, limits.execute)
		judge(t, body, call, err)
		if err == nil && len(call.Arguments) > 0 && !bytes.Contains(body, call.Arguments) {
			t.Errorf("the arguments %s are not those that were sent", call.Arguments)
		}
		create, err := createBody.decode(body, limits.create)
		judge(t, body, create, err)
		update, err := updateBody.decode(body, limits.update)
		judge(t, body, update, err)
		put, err := putBody.decode(body, putVariable)
		judge(t, body, put, err)
		if err == nil && !bytes.Contains(body, put.Value) {
			t.Errorf("the value %s is not the one that was sent", put.Value)
		}
		several, err := batchBody.decode(body, batchVariables)
		judge(t, body, several, err)
		if err == nil && several.Set != nil {
			if _, err := batchItems(several.Set); fault.CodeOf(err) == fault.Internal {
				t.Errorf("%q: %v", body, err)
			}
		}
		if !bytes.Equal(before, body) {
			t.Error("the body was changed")
		}
	})
}

// judge checks one verdict.
func judge[T any](t *testing.T, body []byte, got *T, err error) {
	t.Helper()
	strict := jsontext.Value(body).IsValid()
	if err == nil {
		if !strict {
			t.Fatalf("not JSON, and accepted: %q", body)
		}
		var want T
		if err := json.Unmarshal(body, &want); err != nil {
			if !strings.Contains(err.Error(), "int64") { // 1.0 is an integer to us
				t.Fatalf("encoding/json refuses %q: %v", body, err)
			}
			return
		}
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if !bytes.Equal(a, b) {
			t.Fatalf("%q was read as %s, not %s", body, a, b)
		}
		return
	}
	e := fault.From(err)
	switch e.Code {
	case fault.InvalidRequest, fault.MissingParameter, fault.UnknownParameter:
	default:
		t.Fatalf("%q: %v", body, err)
	}
	textual := e.Code == fault.InvalidRequest && (len(e.Violations) == 0 || e.Violations[0].Code == fault.InvalidRequest)
	if deep := strings.Contains(e.Detail, "levels"); textual && strict && !deep {
		t.Fatalf("JSON, and refused: %q: %v", body, err)
	}
	if len(e.Violations) > maxViolations || e.Detail == "" || !utf8.ValidString(e.Detail) && utf8.Valid(body) {
		t.Fatalf("%q: %d violations, %q", body, len(e.Violations), e.Detail)
	}
}

func TestViolationsAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"tool":"x"`)
	for i := range 5000 {
		b.WriteString(`,"` + strings.Repeat("n", i%300) + string(rune('a'+i%26)) + time.Duration(i).String() + `":0`)
	}
	b.WriteString("}")
	_, err := executeBody.decode([]byte(b.String()), Limits{}.WithDefaults().execute)
	e := fault.From(err)
	if e.Code != fault.UnknownParameter || len(e.Violations) != maxViolations || !strings.Contains(e.Detail, "5000") {
		t.Errorf("%d violations, %s", len(e.Violations), e.Detail)
	}
	for _, v := range e.Violations {
		if len(v.Pointer) > maxPointer+len("…") {
			t.Errorf("a pointer of %d bytes", len(v.Pointer))
		}
	}
}

// TestNothingIsNoAnswer guards the two places where a handler that returns
// neither an answer nor an error would become an empty 200.
func TestNothingIsNoAnswer(t *testing.T) {
	nothing := func(context.Context, http.ResponseWriter, *http.Request, any) (any, error) { return nil, nil }
	if _, err := answered(nothing, "GetRoot")(t.Context(), nil, nil, nil); fault.CodeOf(err) != fault.Internal {
		t.Errorf("answered: %v", err)
	}
	w := httptest.NewRecorder()
	x := newExchange(w, httptest.NewRequest(http.MethodGet, "/", nil))
	finish[api.ExecuteResponseObject](x, x.request, nil, nil, api.ExecuteResponseObject.VisitExecuteResponse)
	if w.Code != http.StatusInternalServerError {
		t.Errorf("finish: %d", w.Code)
	}
}

func TestEnvelopeRefusesTypesItCannotFill(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an envelope with a slice")
		}
	}()
	envelopeOf[struct {
		List []bool `json:"list"`
	}]()
}

// TestEveryBodyHasItsEnvelope catches a member that openapi.yaml got and the
// bounds do not know.
func TestEveryBodyHasItsEnvelope(t *testing.T) {
	for name, got := range map[string][]string{
		"arguments timeout_ms tool":                             executeBody.names,
		"id if_exists labels ttl_seconds":                       createBody.names,
		"labels ttl_seconds":                                    updateBody.names,
		"constraints expected_version metadata type value":      putBody.names,
		"constraints expected_version metadata name type value": createVariableBody.names,
		"constraints metadata":                                  patchBody.names,
		"by initial max min":                                    incrementBody.names,
		"version":                                               rollbackBody.names,
		"holder token ttl_seconds":                              lockBody.names,
		"atomic get set":                                        batchBody.names,
	} {
		if strings.Join(got, " ") != name {
			t.Errorf("members %v, the bounds are for %s", got, name)
		}
	}
}

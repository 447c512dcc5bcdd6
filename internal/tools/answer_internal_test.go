package tools

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

func TestAnswer_ComesBackFromItsStoredForm(t *testing.T) {
	t.Parallel()
	position := 0
	for _, want := range []answer{
		{result: jsontext.Value(`null`)},
		{result: jsontext.Value(`{"z":1.50,"a":"\u00e9\/","n":12345678901234567890}`)},
		{result: jsontext.Value(`"` + strings.Repeat("x", store.MaxAnswer-100) + `"`)},
		failed(fault.New(fault.VariableNotFound, "")),
		failed(&fault.Error{
			Code: fault.ConstraintViolation, Detail: "no", RetryAfter: 1500 * time.Millisecond,
			Violations: []fault.Violation{{Pointer: "/arguments/a~1b", Code: fault.TypeMismatch, Detail: `"quoted"`}, {}},
			Facts: fault.Facts{
				CurrentVersion: 1, LimitBytes: 2, Limit: 3, Current: 4, TimeoutMS: 5, Phase: "p", ErrorType: "e",
				Allow: []string{"GET"}, Suggestions: []string{"a", "b"}, Position: &position,
				Holder: "h", Expires: time.Date(2031, 5, 6, 7, 8, 9, 1000, time.UTC),
			},
		}),
	} {
		memo, ok := want.memo()
		if !ok {
			t.Fatalf("%v is not stored", want)
		}
		want.replayed = true
		if d := cmp.Diff(want, recalled(memo), cmp.AllowUnexported(answer{})); d != "" {
			t.Errorf("stored as %.200s (-want +got):\n%s", memo, d)
		}
	}
}

func TestAnswer_TestKnowsEveryFact(t *testing.T) {
	t.Parallel()
	if n := reflect.TypeFor[fault.Facts]().NumField(); n != 12 {
		t.Errorf("fault.Facts has %d fields: extend the test above", n)
	}
}

func TestRecalled_RefusesOtherForms(t *testing.T) {
	t.Parallel()
	for _, memo := range []string{``, `null`, `{}`, `{"v":1}`, `{"v":2,"result":1}`, `{"v":1,"result":1,"fault":{"code":"INTERNAL"}}`, `{"v":1,"result":`} {
		a := recalled([]byte(memo))
		if a.fault == nil || a.fault.Code != fault.Internal || a.replayed {
			t.Errorf("%s became %+v", memo, a)
		}
	}
}

func TestAnswer_IsFinalOrNot(t *testing.T) {
	t.Parallel()
	final := map[fault.Code]bool{
		fault.InvalidRequest: true, fault.MissingParameter: true, fault.UnknownParameter: true,
		fault.TypeMismatch: true, fault.ConstraintViolation: true, fault.CounterOverflow: true, fault.ValueTooLarge: true,
		fault.VariableNotFound: true, fault.VariableExists: true, fault.VersionConflict: true,
		fault.UnknownType: true, fault.InvalidConstraints: true, fault.VersionNotFound: true,
		fault.SessionQuotaExceeded: true, fault.VariableQuotaExceeded: true,
	}
	for _, code := range fault.Codes() {
		if got := failed(fault.New(code, "")).final(); got != final[code] {
			t.Errorf("%s: final %t", code, got)
		}
	}
}

package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"toolpit/internal/fault"
)

func TestCodesAreTargetsOfErrorsIs(t *testing.T) {
	err := fmt.Errorf("reading: %w", fault.New(fault.SessionNotFound, "no such session").Because(errors.New("nil reply")))
	if !errors.Is(err, fault.SessionNotFound) || errors.Is(err, fault.SessionExpired) {
		t.Errorf("errors.Is confuses the codes of %v", err)
	}
	if got := fault.CodeOf(err); got != fault.SessionNotFound {
		t.Errorf("CodeOf = %s", got)
	}
}

func TestFromKeepsAStrangersWordsPrivate(t *testing.T) {
	stranger := errors.New("dial tcp 10.0.0.7:6379: refused")
	e := fault.From(stranger)
	if e.Code != fault.Internal || e.Detail != "" || !errors.Is(e, stranger) {
		t.Errorf("From = %+v", e)
	}
	if fault.From(nil) != nil || fault.CodeOf(nil) != "" {
		t.Error("nil does not stay nil")
	}
	if e := fault.From(fmt.Errorf("x: %w", fault.StoreFull)); e.Code != fault.StoreFull {
		t.Errorf("a bare code became %s", e.Code)
	}
}

func TestInvalidTakesTheCodeAllViolationsShare(t *testing.T) {
	v := func(codes ...fault.Code) (out []fault.Violation) {
		for _, c := range codes {
			out = append(out, fault.Violation{Code: c})
		}
		return out
	}
	for _, tc := range []struct {
		violations []fault.Violation
		want       fault.Code
	}{
		{nil, fault.InvalidRequest},
		{v(fault.MissingParameter, fault.MissingParameter), fault.MissingParameter},
		{v(fault.MissingParameter, fault.UnknownParameter), fault.InvalidRequest},
		{v(fault.TypeMismatch), fault.InvalidRequest}, // not one of those the caller names
	} {
		if got := fault.Invalid(fault.InvalidRequest, "", tc.violations, fault.MissingParameter, fault.UnknownParameter).Code; got != tc.want {
			t.Errorf("Invalid(%v) has code %s, want %s", tc.violations, got, tc.want)
		}
	}
}

func TestCodesListsEveryCodeOnce(t *testing.T) {
	seen := map[fault.Code]bool{}
	for _, c := range fault.Codes() {
		if seen[c] || string(c) != strings.ToUpper(string(c)) {
			t.Errorf("code %q is listed twice or is not upper snake", c)
		}
		seen[c] = true
	}
}

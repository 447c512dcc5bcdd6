package server

import (
	"strings"
	"testing"

	"toolpit/internal/fault"
)

func TestPosition(t *testing.T) {
	const none = "none"
	for _, c := range []struct {
		header, parameter string
		want              string
		pointer           string // of what is refused
	}{
		{none, none, "0", ""},
		{"7", none, "7", ""},
		{none, "7", "7", ""},
		{"7", "7", "7", ""},
		{"07", "7", "7", ""},
		{"0", "0", "0", ""},
		{"9223372036854775807", none, "9223372036854775807", ""},
		{"9", "7", "9", ""}, // a browser that comes back to the address it knows
		{"7", "9", "", "after"},
		{"7-DCMCYIG5", none, "7-DCMCYIG5", ""},
		{none, "7-DCMCYIG5", "7-DCMCYIG5", ""},
		{"9-DCMCYIG5", "7", "9-DCMCYIG5", ""},
		{"9-DCMCYIG5", "7-DCMCYIG5", "9-DCMCYIG5", ""},
		{"2-DCMCYIG5", "7", "2-DCMCYIG5", ""}, // which may be of an earlier log
		{"2-DCMCYIG5", "7-AAAAAAAA", "2-DCMCYIG5", ""},
		{"2-DCMCYIG5", "7-DCMCYIG5", "", "after"},
		{"2", "7-DCMCYIG5", "", "after"},
		{"7", "7-DCMCYIG5", "7", ""},
		{"7-", none, "", "Last-Event-ID"},
		{"7-DCMCYIG", none, "", "Last-Event-ID"},
		{"7-dcmcyig5", none, "", "Last-Event-ID"},
		{"7-DCMCYIG5-1", none, "", "Last-Event-ID"},
		{"-DCMCYIG5", none, "", "Last-Event-ID"},
		{"7-" + strings.Repeat("A", 33), none, "", "Last-Event-ID"},
		{"0", "9", "", "after"},
		{"", none, "", "Last-Event-ID"},
		{none, "", "", "after"},
		{"-1", none, "", "Last-Event-ID"},
		{none, "-1", "", "after"},
		{none, "+1", "", "after"},
		{none, "1.0", "", "after"},
		{none, "1e3", "", "after"},
		{none, " 1", "", "after"},
		{none, "1-0", "", "after"},
		{none, "9223372036854775808", "", "after"},
		{"x", "7", "", "Last-Event-ID"},
		{"7", "x", "", "after"},
	} {
		given := func(s string) *string {
			if s == none {
				return nil
			}
			return &s
		}
		got, err := readPosition(given(c.header), given(c.parameter))
		if c.pointer == "" {
			if err != nil || string(got.append(nil)) != c.want {
				t.Errorf("%q and %q: %v, %v, want %s", c.header, c.parameter, got, err, c.want)
			}
			continue
		}
		e := fault.From(err)
		if e == nil || e.Code != fault.InvalidRequest || len(e.Violations) != 1 || e.Violations[0].Pointer != c.pointer {
			t.Errorf("%q and %q: %v, %v, want %s refused", c.header, c.parameter, got, err, c.pointer)
		}
	}
}

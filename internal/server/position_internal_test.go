package server

import (
	"testing"

	"toolpit/internal/fault"
)

func TestPosition(t *testing.T) {
	const none = "none"
	for _, c := range []struct {
		header, parameter string
		want              int64
		pointer           string // of what is refused
	}{
		{none, none, 0, ""},
		{"7", none, 7, ""},
		{none, "7", 7, ""},
		{"7", "7", 7, ""},
		{"07", "7", 7, ""},
		{"0", "0", 0, ""},
		{"9223372036854775807", none, 1<<63 - 1, ""},
		{"9", "7", 9, ""}, // a browser that comes back to the address it knows
		{"7", "9", 0, "after"},
		{"0", "9", 0, "after"},
		{"", none, 0, "Last-Event-ID"},
		{none, "", 0, "after"},
		{"-1", none, 0, "Last-Event-ID"},
		{none, "-1", 0, "after"},
		{none, "+1", 0, "after"},
		{none, "1.0", 0, "after"},
		{none, "1e3", 0, "after"},
		{none, " 1", 0, "after"},
		{none, "1-0", 0, "after"},
		{none, "9223372036854775808", 0, "after"},
		{"x", "7", 0, "Last-Event-ID"},
		{"7", "x", 0, "after"},
	} {
		given := func(s string) *string {
			if s == none {
				return nil
			}
			return &s
		}
		got, err := position(given(c.header), given(c.parameter))
		if c.pointer == "" {
			if err != nil || got != c.want {
				t.Errorf("%q and %q: %d, %v, want %d", c.header, c.parameter, got, err, c.want)
			}
			continue
		}
		e := fault.From(err)
		if e == nil || e.Code != fault.InvalidRequest || len(e.Violations) != 1 || e.Violations[0].Pointer != c.pointer {
			t.Errorf("%q and %q: %d, %v, want %s refused", c.header, c.parameter, got, err, c.pointer)
		}
	}
}

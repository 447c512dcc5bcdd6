package main

import (
	"slices"
	"testing"
)

func TestLeaks(t *testing.T) {
	before := footprint{heap: 1 << 20, goroutines: 13}
	for name, tc := range map[string]struct {
		after footprint
		want  []string
	}{
		"nothing":    {before, nil},
		"less":       {footprint{1 << 19, 12}, nil},
		"chance":     {footprint{1.049 * (1 << 20), 13}, nil},
		"heap":       {footprint{1.05 * (1 << 20), 13}, []string{"the heap grew by 5.0 %"}},
		"goroutines": {footprint{1 << 20, 15}, []string{"2 goroutines are left behind"}},
		"both":       {footprint{1 << 21, 14}, []string{"the heap grew by 100.0 %", "1 goroutines are left behind"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := before.leaks(tc.after); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

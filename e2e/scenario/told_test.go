package scenario

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNewTold(t *testing.T) {
	const variable = `{"seq":7,"name":"v1","version":2,"at":"2026-11-23T09:30:42.5Z","updated_by":"http","variable":{"name":"v1","type":"integer","value":6,"version":2}}`
	for _, tc := range []struct {
		name string
		m    message
		want told
	}{
		{"with its value", message{"7-S", "value_change", variable}, told{id: 7, name: "v1", version: 2, value: 6}},
		{"superseded", message{"7-S", "value_change", `{"seq":7,"name":"v1","version":2,"superseded":true}`}, told{id: 7, name: "v1", version: 2, superseded: true}},
		{"the first", message{"1-S", "registered", `{"seq":1,"name":"v0","version":1,"superseded":true}`}, told{id: 1, name: "v0", version: 1, superseded: true}},
		{"gap", message{"7-S", "gap", `{"from":3,"to":7}`}, told{}},
		{"problem", message{"6-S", "problem", `{"status":500}`}, told{}},
		{"of another number", message{"8-S", "value_change", variable}, told{}},
		{"a number alone", message{"7", "value_change", variable}, told{}},
		{"without a number", message{"", "value_change", variable}, told{}},
		{"registered as version 2", message{"7-S", "registered", variable}, told{}},
		{"neither value nor superseded", message{"7-S", "value_change", `{"seq":7,"name":"v1","version":2}`}, told{}},
		{"the value of another version", message{"7-S", "value_change", `{"seq":7,"name":"v1","version":2,"variable":{"name":"v1","value":6,"version":3}}`}, told{}},
		{"no JSON", message{"7-S", "value_change", `{"seq":7,`}, told{}},
	} {
		got, err := newTold(tc.m)
		if got.at = (time.Time{}); got != tc.want || (err == nil) != (tc.want != told{}) {
			t.Errorf("%s: %+v, %v", tc.name, got, err)
		}
	}
}

func TestAuditTold(t *testing.T) {
	written := []change{
		{name: "a", version: 1, value: 10},
		{name: "b", version: 1, value: 20},
		{name: "a", version: 2, value: 30},
		{name: "b", version: 2, value: 40},
	}
	a1, b1 := told{id: 1, name: "a", version: 1, superseded: true}, told{id: 2, name: "b", version: 1, value: 20}
	a2, b2 := told{id: 3, name: "a", version: 2, value: 30}, told{id: 4, name: "b", version: 2, value: 40}
	as := func(e told, id int64) told { e.id = id; return e }
	wrong := a2
	wrong.value = 10
	for _, tc := range []struct {
		name  string
		heard []told
		want  []string
	}{
		{"exactly once", []told{a1, b1, a2, b2}, nil},
		{"lost", []told{a1, b1, b2}, []string{"lost: version 2 of a"}},
		{"lost before others", []told{b1, a2, b2}, []string{"version 2 of a came after version 0", "lost: version 1 of a"}},
		{"doubled", []told{a1, b1, b1, a2, b2}, []string{
			"version 1 of b came as event 2, after event 2", "version 1 of b came after version 1", "doubled: version 1 of b",
		}},
		{"a change that happened twice", []told{a1, b1, a2, b2, {id: 5, name: "b", version: 3, value: 40}}, []string{
			"version 3 of b was told, and nobody was answered so",
		}},
		{"another order", []told{a1, as(a2, 2), as(b1, 3), b2}, []string{"version 1 of b was told after a later change"}},
		{"numbers that fall", []told{a1, as(b1, 9), a2, b2}, []string{"version 2 of a came as event 3, after event 9"}},
		{"the value of another version", []told{a1, b1, wrong, b2}, []string{"version 2 of a was told as 10, written as 30"}},
	} {
		if d := cmp.Diff(tc.want, auditTold(written, tc.heard)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
	var many []change
	for i := range 30 {
		many = append(many, change{name: "a", version: int64(i + 1)})
	}
	if got := auditTold(many, nil); len(got) != 11 || got[10] != "and 20 complaints more" {
		t.Errorf("%q", got)
	}
}

func TestLateness(t *testing.T) {
	at := time.Unix(0, 0)
	written := []change{{name: "a", version: 1, at: at}, {name: "a", version: 2, at: at.Add(time.Second)}}
	heard := []told{
		{name: "a", version: 1, at: at.Add(3 * time.Second)},
		{name: "a", version: 2, at: at}, // before its acknowledgement
		{name: "b", version: 1, at: at},
	}
	if d := cmp.Diff([]time.Duration{3 * time.Second, 0}, lateness(written, heard)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

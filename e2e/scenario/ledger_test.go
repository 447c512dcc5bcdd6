package scenario

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAudit(t *testing.T) {
	two := []entry{{key: "a", value: 2}, {key: "b", value: 1}}
	for _, tc := range []struct {
		name              string
		ledger            ledger
		counter, commands int64
		want              []string
	}{
		{"exactly once", ledger{entries: two}, 2, 2, nil},
		{"lost", ledger{entries: two}, 1, 2, []string{"lost: 2 were acknowledged, and the counter is 1"}},
		{"doubled", ledger{entries: two}, 3, 3, []string{
			"doubled: 2 were acknowledged, and the counter is 3", "command_count is 3, want 2",
		}},
		{"one value for two", ledger{entries: []entry{{key: "a", value: 2}, {key: "b", value: 2}}}, 2, 2, []string{
			"keys a and b were both answered 2",
		}},
		{"a value beyond", ledger{entries: []entry{{key: "a", value: 1}, {key: "b", value: 3}}}, 2, 2, []string{
			"key b was answered 3, want one of 1..2",
		}},
		{"given up", ledger{entries: two, gaveUp: []string{"c"}}, 2, 2, []string{`1 increments were given up, such as "c"`}},
	} {
		if d := cmp.Diff(tc.want, tc.ledger.audit(tc.counter, tc.commands)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
}

package toolstest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

// testAlternation makes the same calls in two sessions, of one engine alone
// and of two in turn. An engine, or a tool, that kept anything would give
// itself away.
func testAlternation(t *testing.T, s Subject, tool tools.Tool) {
	b := newBench(t, s)
	type ending struct {
		Result any
		Code   fault.Code
	}
	calls := func(ref store.Ref, engine func(i int) int) []ending {
		var endings []ending
		for i := range 3 * len(tool.Info().Examples) {
			e := tool.Info().Examples[i%len(tool.Info().Examples)]
			r, err := b.call(t.Context(), engine(i), ref, tool, string(e.Arguments), "")
			end := ending{Code: fault.CodeOf(asError(err))}
			if err == nil {
				end.Result = s.lasting(tool, decode(t, r.Value))
			}
			endings = append(endings, end)
		}
		return endings
	}
	alone := calls(b.ref, func(int) int { return 0 })
	inTurn := calls(b.newSession(t), func(i int) int { return i % 2 })
	if diff := cmp.Diff(alone, inTurn); diff != "" {
		t.Errorf("answers (-of one engine +of two):\n%s", diff)
	}
}

// lasting removes what is volatile from a result.
func (s Subject) lasting(tool tools.Tool, result any) any {
	volatile := s.Volatile[tool.Info().Name]
	if slices.Contains(volatile, "*") {
		return nil
	}
	if object, ok := result.(map[string]any); ok {
		for _, member := range volatile {
			delete(object, member)
		}
	}
	return result
}

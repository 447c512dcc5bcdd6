package storetest

import (
	"fmt"
	"strings"
	"testing"

	"toolpit/internal/store"
	"toolpit/internal/value"
)

func testValues(t *testing.T, open opener) {
	const limit = 256 << 10 // the default
	members := make([]string, 0, 1000)
	for i := range cap(members) {
		members = append(members, fmt.Sprintf(`"m%03d":%d`, i, i%10)) // nine bytes with a comma
	}
	for name, raw := range map[string]string{
		"true":                    "true",
		"false":                   "false",
		"zero":                    "0",
		"the largest integer":     "9223372036854775807",
		"the smallest integer":    "-9223372036854775808",
		"an integer beyond 2^53":  "9007199254740993",
		"a float without digits":  "1.0",
		"negative zero":           "-0.0",
		"a float of 17 digits":    "0.1234567890123456",
		"the largest float":       "1.7976931348623157e+308",
		"the smallest float":      "5e-324",
		"an empty text":           `""`,
		"a text with nul":         `"a\u0000b\u0000"`,
		"a text of quotes":        `"\"\\/'` + "`" + `"`,
		"a text of controls":      `"\u0001\b\t\n\f\r\u001f` + "\u007f\u0080" + `"`,
		"a text of signs":         `"日本語 é e` + "\u0301 💥👩‍👩‍👧 \u2028\u2029\ufeff" + `"`,
		"a text like a number":    `"123"`,
		"a text like a script":    `"redis.call('FLUSHALL') %s {x} $1 ?"`,
		"an empty list":           "[]",
		"an empty map":            "{}",
		"a nested list":           `[[],[[null]],{"a":[1,2.5,"x",true,null]}]`,
		"a map in its order":      `{"z":1,"a":2,"":3,"\u0000":4,"Z":5}`,
		"exact integers in a map": `{"a":9007199254740993,"b":-9223372036854775808,"c":18446744073709551616}`,
		"a text at the limit":     `"` + strings.Repeat("x", limit-2) + `"`,
		"a long text of nuls":     `"` + strings.Repeat(`\u0000`, (limit-2)/6) + `"`,
		"a long text of signs":    `"` + strings.Repeat("💥", (limit-2)/4) + `"`,
		"a map near the limit":    "{" + strings.Join(members, ",") + "}",
		"a list at the limit":     `["` + strings.Repeat("x", limit-4) + `"]`,
		"a deep list":             strings.Repeat("[", value.MaxDepth) + strings.Repeat("]", value.MaxDepth),
	} {
		t.Run("it keeps "+name, func(t *testing.T) {
			t.Parallel()
			s := newSubject(t, open, store.Config{})
			ref := s.create(t, lifetime)
			want := parsed(t, raw)
			for i, op := range []store.Op{store.Create("a", want), store.Put("a", want), store.Ensure("a", text("x")), store.Load("a")} {
				u := store.Unit{Write: keyed(fmt.Sprint(i), "request"), Ops: []store.Op{op}}
				first := s.applyUnit(t, ref, u)
				wantValue(t, fmt.Sprintf("result of %c", op.Kind), first.Results[0].Value, want)
				s.wantReplay(t, ref, u, first)
			}
			wantValue(t, "value as read", s.read(t, ref, "a").Variables["a"].Value, want)
		})
	}
}

// wantValue requires a value of the same type and the same text.
func wantValue(t *testing.T, what string, got, want value.Value) {
	t.Helper()
	if got != want {
		t.Errorf("%s is the %v %.100s, want the %v %.100s", what, got.Type(), got.JSON(), want.Type(), want.JSON())
	}
}

package scenario

import "testing"

func TestJudge(t *testing.T) {
	a, b := newTensorBody(64, 0, 0), newTensorBody(64, 1, 0)
	w := &tensorWork{known: map[string][]byte{a.digest: a.bytes, b.digest: b.bytes}}
	tag := `"` + a.digest + `"`
	mixed := append(append([]byte{}, a.bytes[:32]...), b.bytes[32:]...)
	const span = "bytes 8-39/64"
	part := byteRange{8, 39}
	for _, tc := range []struct {
		name   string
		got    tensorRead
		ranged bool
		fine   bool
	}{
		{"whole", tensorRead{200, tag, "", a.bytes}, false, true},
		{"of another version than it says", tensorRead{200, tag, "", b.bytes}, false, false},
		{"of two versions", tensorRead{200, tag, "", mixed}, false, false},
		{"of nothing that was written", tensorRead{200, `"` + digestOf(mixed) + `"`, "", mixed}, false, false},
		{"short", tensorRead{200, tag, "", a.bytes[:63]}, false, false},
		{"gone", tensorRead{404, "", "", nil}, false, false},
		{"a range", tensorRead{206, tag, span, a.bytes[8:40]}, true, true},
		{"a range of two versions", tensorRead{206, tag, span, mixed[8:40]}, true, false},
		{"another range", tensorRead{206, tag, "bytes 9-40/64", a.bytes[9:41]}, true, false},
		{"a short range", tensorRead{206, tag, span, a.bytes[8:39]}, true, false},
		{"a range that came whole", tensorRead{200, tag, "", a.bytes}, true, false},
	} {
		if err := w.judge(tc.got, part, tc.ranged); (err == nil) != tc.fine {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

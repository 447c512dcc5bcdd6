package value_test

import (
	"testing"

	"toolpit/internal/value"
)

func TestTypesHaveNamesAndLettersOfTheirOwn(t *testing.T) {
	stored := map[value.Type]byte{ // what is in records already
		value.Boolean: 'b', value.Integer: 'i', value.Float: 'f', value.String: 's', value.List: 'l', value.Map: 'm',
	}
	names, letters := map[string]bool{}, map[byte]bool{}
	for _, typ := range value.Types() {
		if got, ok := value.TypeOf(typ.String()); !ok || got != typ || names[typ.String()] {
			t.Errorf("the name %q gives %s", typ, got)
		}
		if got, ok := value.TypeOfLetter(typ.Letter()); !ok || got != typ || letters[typ.Letter()] {
			t.Errorf("the letter %q of %s gives %s", typ.Letter(), typ, got)
		}
		if want := stored[typ]; want != 0 && typ.Letter() != want {
			t.Errorf("the letter of %s is %q, but records have %q", typ, typ.Letter(), want)
		}
		names[typ.String()], letters[typ.Letter()] = true, true
	}
	if len(names) != 12 {
		t.Errorf("there are %d types, want 12", len(names))
	}
	if _, ok := value.TypeOf("unknown"); ok {
		t.Error("an unknown name has a type")
	}
	if _, ok := value.TypeOfLetter('?'); ok {
		t.Error("an unknown letter has a type")
	}
}

func TestDtypesHaveNamesAndSizes(t *testing.T) {
	for name, size := range map[string]int64{"f64": 8, "f32": 4, "i64": 8, "i32": 4, "u8": 1, "bool": 1} {
		d, ok := value.DtypeOf(name)
		if !ok || d.String() != name || d.Size() != size {
			t.Errorf("%s is %v of %d bytes, want %d", name, d, d.Size(), size)
		}
	}
	if d, ok := value.DtypeOf("unknown"); ok || d.Size() != 0 {
		t.Error("an unknown name has a dtype")
	}
}

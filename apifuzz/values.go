package main

import (
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// values draws JSON values for schemas.
type values struct{ rnd *rand.Rand }

func pick[T any](rnd *rand.Rand, from []T) T { return from[rnd.IntN(len(from))] }

// odd are texts that have broken somebody's program. All are valid UTF-8.
var odd = []string{
	"", " ", "\t\n", "\x00", "\u0001\u001f", "\u007f", "null", "true", "0", "-1", "1e999", "NaN", "undefined", "[]", "{}",
	"é", "e\u0301", "ẞß", "İi̇", "𝔘𝔫𝔦", "👩‍👩‍👧‍👦🏴󠁧󠁢󠁳󠁣󠁴󠁿", "\u202eabc", "\ufeffx", "\ufffd", "\uffff", "\U0010ffff", "日本語", "ﷺ",
	"../../etc/passwd", "..%2f", `\\host\share`, "'; DROP TABLE sessions;--", `" OR ""="`, "<script>alert(1)</script>",
	"${jndi:ldap://x}", "{{7*7}}", "%s%n%x", "$(id)", "`id`", "a\r\nSet-Cookie: x=1", "{a}b{c}:m", "*", "tp1:", "__proto__", "constructor",
	strings.Repeat("a", 127), strings.Repeat("ü", 64), strings.Repeat("\u0300", 200),
}

// names are candidates for texts that have to match a pattern.
var names = []string{"demo", "a", "A-b_c.9~", "ses_2", strings.Repeat("x", 128), strings.Repeat("9", 64), "k!~", strings.Repeat("K", 255)}

// fitting draws a value that the schema allows; edge draws it from its bounds
// where it has some.
func (v values) fitting(s *openapi3.Schema, edge bool) node {
	if len(s.Enum) > 0 {
		return treeOf(pick(v.rnd, s.Enum))
	}
	switch {
	case s.Type.Is("boolean"):
		return raw(strconv.FormatBool(v.rnd.IntN(2) == 0))
	case s.Type.Is("integer"):
		return raw(v.integer(s, edge))
	case s.Type.Is("number"):
		return raw(pick(v.rnd, []string{"0", "-0", "1", "-2.5", "3e2", "9007199254740993", "1e-300", "0.1"}))
	case s.Type.Is("string"):
		return text(v.text(s, edge))
	case s.Type.Is("array"):
		l := list{}
		for range v.rnd.IntN(4) {
			item := v.fitting(s.Items.Value, edge)
			if s.UniqueItems && slices.ContainsFunc(l, func(have node) bool { return reflect.DeepEqual(have, item) }) {
				continue
			}
			l = append(l, item)
		}
		return l
	default:
		return v.object(s, edge)
	}
}

func (v values) integer(s *openapi3.Schema, edge bool) string {
	least, most := int64(-1<<53), int64(1<<53)
	if s.Min != nil {
		least = int64(*s.Min)
	}
	if s.Max != nil {
		most = int64(*s.Max)
	}
	if edge {
		bounds := []int64{least, most, min(least+1, most), max(most-1, least)}
		if least <= 0 && most >= 0 {
			bounds = append(bounds, 0)
		}
		if s.Format == "int64" && s.Min == nil {
			bounds = append(bounds, -1<<63)
		}
		if s.Format == "int64" && s.Max == nil {
			bounds = append(bounds, 1<<63-1)
		}
		return strconv.FormatInt(pick(v.rnd, bounds), 10)
	}
	return strconv.FormatInt(least+v.rnd.Int64N(min(most-least, 1000)+1), 10)
}

func (v values) text(s *openapi3.Schema, edge bool) string {
	switch s.Format {
	case "byte":
		return pick(v.rnd, []string{"", "AA==", "AAAA", "+/8="})
	case "date-time":
		return pick(v.rnd, []string{"2026-01-02T03:04:05Z", "1970-01-01T00:00:00.000Z"})
	}
	if s.Pattern != "" {
		return pick(v.rnd, matching(s))
	}
	least, most := int(s.MinLength), 40
	if s.MaxLength != nil {
		most = int(*s.MaxLength)
	}
	switch {
	case edge && v.rnd.IntN(2) == 0:
		return strings.Repeat("é", most)
	case edge:
		return strings.Repeat("z", least)
	default:
		return strings.Repeat(string(rune('a'+v.rnd.IntN(26))), least+v.rnd.IntN(min(most-least, 30)+1))
	}
}

// matching returns the names that the schema allows.
func matching(s *openapi3.Schema) []string {
	pattern := regexp.MustCompile(s.Pattern)
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool {
		return !pattern.MatchString(n) || s.MaxLength != nil && len(n) > int(*s.MaxLength)
	})
}

func (v values) object(s *openapi3.Schema, edge bool) object {
	o := object{}
	for _, name := range propertiesOf(s) {
		if slices.Contains(s.Required, name) || v.rnd.IntN(2) == 0 {
			o = append(o, member{name, v.fitting(plain(s.Properties[name]), edge)})
		}
	}
	if of := s.AdditionalProperties.Schema; of != nil {
		for i := range v.rnd.IntN(4) {
			o = append(o, member{"label-" + strconv.Itoa(i), v.fitting(of.Value, edge)})
		}
	}
	return o
}

// plain returns the schema that a reference with a note of its own stands for.
func plain(ref *openapi3.SchemaRef) *openapi3.Schema {
	if s := ref.Value; s.Type == nil && len(s.AllOf) == 1 {
		return s.AllOf[0].Value
	}
	return ref.Value
}

func propertiesOf(s *openapi3.Schema) []string {
	var all []string
	for name := range s.Properties {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// closed tells whether a schema allows no members but its own.
func closed(s *openapi3.Schema) bool {
	return s.AdditionalProperties.Has != nil && !*s.AdditionalProperties.Has
}

// mistyped draws a value of another type, or none where every type will do.
func (v values) mistyped(s *openapi3.Schema) node {
	all := map[string]node{
		"boolean": raw("true"), "number": raw("1.5"), "string": text("7"), "array": list{}, "object": object{}, "null": raw("null"),
	}
	if s.Type == nil {
		return nil
	}
	delete(all, s.Type.Slice()[0])
	if s.Nullable {
		delete(all, "null")
	}
	if s.Type.Is("array") || len(s.Enum) > 0 {
		delete(all, "null") // read as absent nowhere, but let the others have their turn
	}
	var kinds []string
	for kind := range all {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return all[pick(v.rnd, kinds)]
}

// beyond draws a value of the right type that is out of bounds, or none where
// there are no bounds.
func (v values) beyond(s *openapi3.Schema) node {
	var out []node
	switch {
	case len(s.Enum) > 0:
		out = append(out, text("neither"), text(""))
	case s.Type.Is("integer"):
		if s.Min != nil {
			out = append(out, raw(strconv.FormatInt(int64(*s.Min)-1, 10)))
		}
		if s.Max != nil {
			out = append(out, raw(strconv.FormatInt(int64(*s.Max)+1, 10)))
		}
		out = append(out, raw("9223372036854775808"), raw("-9223372036854775809"), raw("1e400"), raw("1"+strings.Repeat("0", 5000)))
	case s.Type.Is("number"):
		out = append(out, raw("1e400"), raw("-1e99999999"))
	case s.Type.Is("string"):
		if s.MinLength > 0 {
			out = append(out, text(""))
		}
		if s.MaxLength != nil {
			out = append(out, text(strings.Repeat("é", int(*s.MaxLength)+1)))
		}
		if s.Pattern != "" {
			out = append(out, text("a b"), text("ä"), text(""))
		}
	case s.Type.Is("object") && s.MaxProps != nil:
		o := object{}
		for i := range int(*s.MaxProps) + 1 {
			o = append(o, member{"p" + strconv.Itoa(i), text("x")})
		}
		out = append(out, o)
	}
	if len(out) == 0 {
		return nil
	}
	return pick(v.rnd, out)
}

package tools

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	santhosh "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"toolpit/internal/fault"
	"toolpit/internal/near"
)

// translator turns what the schema library found into violations that speak
// of parameters, not of schemas.
type translator struct {
	root    *santhosh.Schema
	refused map[string]bool // pointers about which everything has been said
	found   []fault.Violation
}

// sorted returns what was found. The library walks objects in random order.
func (t *translator) sorted() []fault.Violation {
	slices.SortStableFunc(t.found, func(a, b fault.Violation) int {
		return cmp.Or(cmp.Compare(a.Pointer, b.Pointer), cmp.Compare(a.Code, b.Code))
	})
	return t.found
}

func (t *translator) translate(e *santhosh.ValidationError) {
	switch k := e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference:
		for _, cause := range e.Causes {
			t.translate(cause)
		}
	case *kind.Required:
		for _, name := range k.Missing {
			t.add(append(slices.Clone(e.InstanceLocation), name), fault.MissingParameter, t.missing(e.InstanceLocation, name))
		}
	case *kind.AdditionalProperties:
		t.unknown(e.InstanceLocation, k.Properties)
	case *kind.Type:
		if !t.refused[pointer(e.InstanceLocation)] {
			t.add(e.InstanceLocation, fault.TypeMismatch, wrongType(k))
		}
	case *kind.PropertyNames:
		t.add(append(slices.Clone(e.InstanceLocation), k.Property), fault.ConstraintViolation, wrongName(e, k))
	case *kind.OneOf:
		t.add(e.InstanceLocation, fault.ConstraintViolation, t.alternatives(e.InstanceLocation))
	default:
		if !t.refused[pointer(e.InstanceLocation)] {
			t.add(e.InstanceLocation, fault.ConstraintViolation, constraint(k))
		}
	}
}

func (t *translator) add(location []string, code fault.Code, detail string) {
	t.found = append(t.found, fault.Violation{Pointer: pointer(location), Code: code, Detail: detail})
}

func pointer(location []string) string {
	var b strings.Builder
	b.WriteString(argumentsPointer)
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	for _, token := range location {
		b.WriteByte('/')
		_, _ = escape.WriteString(&b, token) // a Builder takes everything
	}
	return b.String()
}

func (t *translator) missing(object []string, name string) string {
	detail := fmt.Sprintf("The parameter %q is missing", name)
	if s := t.schemaAt(append(slices.Clone(object), name)); s != nil && s.Types != nil {
		detail += "; expected " + typeNames(s.Types.ToStrings())
	}
	return detail + "."
}

// unknown reports members the object does not have. Only as many as are shown
// get a text of their own, or a call could make us write many times its size.
func (t *translator) unknown(object, names []string) {
	var known []string
	if s := t.schemaAt(object); s != nil {
		known = slices.Sorted(maps.Keys(s.Properties))
	}
	slices.Sort(names)
	for _, name := range names[:min(len(names), MaxViolations+1)] {
		hint := didYouMean(near.Names(name, known, maxNear))
		if hint == "" {
			hint = allowed(known)
		}
		t.add(append(slices.Clone(object), name), fault.UnknownParameter, fmt.Sprintf("There is no parameter %s%s", shown(name), hint))
	}
}

func allowed(known []string) string {
	const most = 12
	switch n := len(known); {
	case n == 0:
		return "; there are none at all."
	case n > most:
		return "."
	}
	return "; there is " + listed(known, "and") + "."
}

// alternatives explains an object that must have exactly one of several sets
// of members.
func (t *translator) alternatives(object []string) string {
	var forms []string
	if s := t.schemaAt(object); s != nil {
		for _, form := range s.OneOf {
			if len(form.Required) > 0 {
				forms = append(forms, listed(form.Required, "and"))
			}
		}
	}
	if len(forms) == 0 {
		return "Expected exactly one of the forms the schema allows."
	}
	return "Expected exactly one of these: " + strings.Join(forms, "; or ") + "."
}

// schemaAt returns the schema of what is at a location, nil when there is
// none.
func (t *translator) schemaAt(location []string) *santhosh.Schema {
	s := t.root
	for _, token := range location {
		switch {
		case s == nil:
			return nil
		case s.Properties[token] != nil:
			s = s.Properties[token]
		case s.Items2020 != nil:
			s = s.Items2020
		default:
			s, _ = s.AdditionalProperties.(*santhosh.Schema)
		}
	}
	return s
}

// wrongName explains a member whose name is not one of those the schema
// allows.
func wrongName(e *santhosh.ValidationError, k *kind.PropertyNames) string {
	for _, cause := range e.Causes {
		return "As a name: " + constraint(cause.ErrorKind)
	}
	return "Expected another name, got " + shown(k.Property) + "."
}

func wrongType(k *kind.Type) string {
	if k.Got == "number" && slices.Equal(k.Want, []string{"integer"}) {
		return "Expected an integer, got a number with a fraction."
	}
	return "Expected " + typeNames(k.Want) + ", got " + typeNames([]string{k.Got}) + "."
}

func typeNames(types []string) string {
	names := make([]string, len(types))
	for i, name := range types {
		switch name {
		case "null":
			names[i] = name
		case "integer", "array", "object":
			names[i] = "an " + name
		default:
			names[i] = "a " + name
		}
	}
	return listed(names, "or")
}

// constraint explains every other keyword.
func constraint(k santhosh.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Enum:
		return wrongChoice(k)
	case *kind.Const:
		return "Expected " + shown(k.Want) + "."
	case *kind.Minimum:
		return "Expected at least " + decimal(k.Want) + ", got " + decimal(k.Got) + "."
	case *kind.Maximum:
		return "Expected at most " + decimal(k.Want) + ", got " + decimal(k.Got) + "."
	case *kind.ExclusiveMinimum:
		return "Expected more than " + decimal(k.Want) + ", got " + decimal(k.Got) + "."
	case *kind.ExclusiveMaximum:
		return "Expected less than " + decimal(k.Want) + ", got " + decimal(k.Got) + "."
	case *kind.MultipleOf:
		return "Expected a multiple of " + decimal(k.Want) + ", got " + decimal(k.Got) + "."
	case *kind.MinLength:
		return fmt.Sprintf("Expected at least %d characters, got %d.", k.Want, k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("Expected at most %d characters, got %d.", k.Want, k.Got)
	case *kind.MinItems:
		return fmt.Sprintf("Expected at least %d items, got %d.", k.Want, k.Got)
	case *kind.MaxItems:
		return fmt.Sprintf("Expected at most %d items, got %d.", k.Want, k.Got)
	case *kind.MinProperties:
		return fmt.Sprintf("Expected at least %d members, got %d.", k.Want, k.Got)
	case *kind.MaxProperties:
		return fmt.Sprintf("Expected at most %d members, got %d.", k.Want, k.Got)
	case *kind.UniqueItems:
		return fmt.Sprintf("Expected no two equal items, but the items %d and %d are.", k.Duplicates[0], k.Duplicates[1])
	case *kind.Pattern:
		return "Expected text that matches " + k.Want + ", got " + shown(k.Got) + "."
	case *kind.Format:
		if k.Want == int64Format {
			return "Expected an integer of at most 64 bits."
		}
		return "Expected a valid " + k.Want + ", got " + shown(k.Got) + "."
	}
	return fmt.Sprintf("The value does not meet the schema's %s.", strings.Join(k.KeywordPath(), "/"))
}

func wrongChoice(k *kind.Enum) string {
	choices := make([]string, len(k.Want))
	var known []string
	for i, c := range k.Want {
		choices[i] = shown(c)
		if s, ok := c.(string); ok {
			known = append(known, s)
		}
	}
	detail := "Expected " + listed(choices, "or") + ", got " + shown(k.Got)
	if s, ok := k.Got.(string); ok {
		if hint := didYouMean(near.Names(s, known, maxNear)); hint != "" {
			return detail + hint
		}
	}
	return detail + "."
}

// shown writes a value of the caller's into a sentence, cut to a readable
// length.
func shown(v any) string {
	const most = 40
	switch v := v.(type) {
	case string:
		end := 0
		for range most {
			_, size := utf8.DecodeRuneInString(v[end:])
			end += size
		}
		if end < len(v) {
			return strconv.Quote(v[:end]) + "…"
		}
		return strconv.Quote(v)
	case json.Number:
		if len(v) > most {
			return string(v[:most]) + "…"
		}
		return string(v)
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	default:
		return fmt.Sprint(v)
	}
}

// decimal writes an exact number in the shortest form that tells it.
func decimal(r *big.Rat) string {
	if r.IsInt() && r.Num().IsInt64() {
		return r.Num().String()
	}
	f, _ := r.Float64() // rounding is welcome here
	return strconv.FormatFloat(f, 'g', -1, 64)
}

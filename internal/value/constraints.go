package value

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/near"
)

// MaxConstraints is how many bytes of JSON a set of constraints may have.
const MaxConstraints = 4 << 10

// Constraints say which values of a type a variable may have. They are
// immutable and safe for concurrent use; the zero Constraints are of no type.
//
// By type, as members of a JSON object:
//
//	boolean       strict: take JSON's booleans only
//	integer       min, max: exact integers
//	float         min, max; allow_special: take NaN and the infinities as well, which keep
//	              the bounds too, so that NaN is refused where there is one
//	string        min_length, max_length: in characters; pattern: RE2, anywhere in the text; enum
//	choice        choices: must be there
//	list          max_items, max_depth; item_type: one of boolean, integer, float, string,
//	              map and list
//	map           the same as list, and required: names of members
//	integer_list  min_length, max_length: in items; unique; items: constraints of each item
//	float_list
//	string_list
//	embedding     dimensions; min, max; dtype: f64 or f32; normalized: the norm must be 1;
//	              normalize: it is made 1
//	tensor        dtype; shape: -1 stands for any length; max_elements; min, max
type Constraints struct {
	typ    Type
	text   string  // canonical JSON, "" for none
	limits *limits // nil for none
}

// limits are constraints as they are applied. What is not set limits nothing.
type limits struct {
	strict, allowSpecial, unique, normalized, normalize bool

	minInt, maxInt       *int64
	minFloat, maxFloat   *float64
	minLength, maxLength *int
	maxItems, maxDepth   *int
	dimensions           *int
	maxElements          *int64

	pattern  *pattern
	options  []string // enum, choices
	required []string
	itemType Type
	items    *limits
	dtype    Dtype
	shape    []int64 // nil for any
}

// holds tells whether x keeps the bounds.
func (l *limits) holds(x float64) bool {
	return (l.minFloat == nil || x >= *l.minFloat) && (l.maxFloat == nil || x <= *l.maxFloat)
}

// Type returns the type that the constraints are for.
func (c Constraints) Type() Type { return c.typ }

// JSON returns the constraints as one compact object in canonical form: names
// sorted, numbers and texts in one way of writing. It is "{}" when there are
// none, and at most MaxConstraints bytes.
func (c Constraints) JSON() string {
	if c.text == "" {
		return "{}"
	}
	return c.text
}

// MarshalJSON returns what [Constraints.JSON] does.
func (c Constraints) MarshalJSON() ([]byte, error) { return []byte(c.JSON()), nil }

// Integers returns the least and the greatest value that an integer may have;
// nil where there is no bound.
func (c Constraints) Integers() (least, most *int64) {
	if c.limits == nil {
		return nil, nil
	}
	return c.limits.minInt, c.limits.maxInt
}

// ParseConstraints reads the constraints of a variable of type t; no text at
// all stands for {}. It returns all that is wrong with them, contradictions
// included, with pointers from their root.
func ParseConstraints(t Type, raw []byte) (Constraints, []fault.Violation) {
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	p := &parser{}
	if t == 0 || t > lastType {
		p.unreadable("There is no such type.")
		return Constraints{}, p.found
	}
	if len(raw) > MaxConstraints {
		p.violates("", "Expected constraints of at most %d bytes, got %d.", MaxConstraints, len(raw))
		return Constraints{}, p.found
	}
	l := p.object(t, raw)
	if p.found == nil && len(p.out) > MaxConstraints { // 1e18 has become longer
		p.violates("", "Expected constraints of at most %d bytes, got %d.", MaxConstraints, len(p.out))
	}
	if p.found != nil {
		return Constraints{}, p.found
	}
	c := Constraints{typ: t}
	if len(p.out) > len("{}") {
		c.text, c.limits = string(p.out), l
	}
	return c, nil
}

// Patch returns the constraints that a merge patch (RFC 7396) makes of c: null
// takes a constraint away, anything else sets it. The patched variable's value
// has to be checked again.
func (c Constraints) Patch(patch []byte) (Constraints, []fault.Violation) {
	if len(patch) > MaxConstraints {
		return ParseConstraints(c.typ, patch) // says so
	}
	if !jsontext.Value(patch).IsValid() || jsontext.Value(patch).Kind() != jsontext.KindBeginObject {
		return ParseConstraints(c.typ, append([]byte{' '}, patch...)) // never empty
	}
	return ParseConstraints(c.typ, merge(c.typ, []byte(c.JSON()), patch))
}

// merge applies a merge patch that is an object. A null for something that is
// no constraint stays, so that it is refused like any other misspelling.
func merge(t Type, target, patch []byte) []byte {
	have, _ := members(target) // both have been read before
	changes, _ := members(patch)
	for _, change := range changes {
		i := slices.IndexFunc(have, func(m member) bool { return m.name == change.name })
		null := change.text.Kind() == jsontext.KindNull && slices.Contains(constraintNames(t), change.name)
		if change.text.Kind() == jsontext.KindBeginObject && change.name == "items" {
			old := []byte("{}")
			if i >= 0 {
				old = have[i].text
			}
			change.text = merge(t.item(), old, change.text)
		}
		switch {
		case i >= 0 && null:
			have = slices.Delete(have, i, i+1)
		case i >= 0:
			have[i] = change
		case !null:
			have = append(have, change)
		}
	}
	out := []byte{'{'}
	for i, m := range have {
		if i > 0 {
			out = append(out, ',')
		}
		out, _ = jsontext.AppendQuote(out, m.name)
		out = append(append(out, ':'), m.text...)
	}
	return append(out, '}')
}

// constraintNames returns the constraints that a type has, sorted.
func constraintNames(t Type) []string {
	switch t {
	case Boolean:
		return []string{"strict"}
	case Integer:
		return []string{"max", "min"}
	case Float:
		return []string{"allow_special", "max", "min"}
	case String:
		return []string{"enum", "max_length", "min_length", "pattern"}
	case Choice:
		return []string{"choices"}
	case List:
		return []string{"item_type", "max_depth", "max_items"}
	case Map:
		return []string{"item_type", "max_depth", "max_items", "required"}
	case IntegerList, FloatList, StringList:
		return []string{"items", "max_length", "min_length", "unique"}
	case Embedding:
		return []string{"dimensions", "dtype", "max", "min", "normalize", "normalized"}
	case Tensor:
		return []string{"dtype", "max", "max_elements", "min", "shape"}
	default:
		return nil
	}
}

// member is one member of an object. Its text is a part of the object's.
type member struct {
	name string
	text jsontext.Value
}

var (
	errNoObject = errors.New("not an object")
	errMore     = errors.New("something after the object")
)

// members reads an object one level deep. It copies names only.
func members(raw []byte) ([]member, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw))
	if kind := dec.PeekKind(); kind != jsontext.KindBeginObject && kind != jsontext.KindInvalid {
		return nil, errNoObject
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	var all []member
	for dec.PeekKind() != jsontext.KindEndObject {
		token, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		text, err := dec.ReadValue()
		if err != nil {
			return nil, err
		}
		end := int(dec.InputOffset())
		all = append(all, member{name, raw[end-len(text) : end]})
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errMore
	}
	return all, nil
}

// parser reads constraints and writes them in canonical form.
type parser struct {
	findings
	out  []byte
	path string // to the object that is read
}

// object reads the constraints of a type. What it returns is good only if
// nothing was found.
func (p *parser) object(t Type, raw []byte) *limits {
	l := &limits{}
	all, err := members(raw)
	switch {
	case errors.Is(err, errNoObject):
		p.mismatch(p.path, "an object of constraints", KindName(jsontext.Value(bytes.TrimLeft(raw, " \t\r\n")).Kind()))
		return l
	case errors.Is(err, jsontext.ErrDuplicateName):
		p.unreadable("An object in the constraints has the same name twice.")
		return l
	case err != nil:
		p.unreadable("The constraints are not valid JSON.")
		return l
	}
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.name, b.name) })
	names := constraintNames(t)
	before := len(p.found)
	p.out = append(p.out, '{')
	for i, m := range all {
		if !slices.Contains(names, m.name) {
			p.unknown(t, m.name, names)
			continue
		}
		if i > 0 {
			p.out = append(p.out, ',')
		}
		p.out = append(append(append(p.out, '"'), m.name...), `":`...)
		p.constraint(t, l, m)
	}
	p.out = append(p.out, '}')
	if t == Choice && !slices.ContainsFunc(all, func(m member) bool { return m.name == "choices" }) {
		p.add(p.path+"/choices", fault.MissingParameter, `The constraint "choices" is missing; a choice is one of them.`)
	}
	if len(p.found) == before {
		p.contradictions(t, l)
	}
	return l
}

func (p *parser) unknown(t Type, name string, names []string) {
	hint := didYouMean(near.Names(name, names, maxNear))
	if hint == "." {
		hint = "; there is " + listed(names, "and") + "."
	}
	p.add(p.path+"/"+escaped(name), fault.UnknownParameter,
		"There is no constraint "+shown(name)+" of the type "+t.String()+hint)
}

// constraint reads one constraint that the type has.
func (p *parser) constraint(t Type, l *limits, m member) {
	switch m.name {
	case "min":
		p.bound(t, m, &l.minInt, &l.minFloat)
	case "max":
		p.bound(t, m, &l.maxInt, &l.maxFloat)
	case "strict":
		p.flag(m, &l.strict)
	case "allow_special":
		p.flag(m, &l.allowSpecial)
	case "unique":
		p.flag(m, &l.unique)
	case "normalize":
		p.flag(m, &l.normalize)
	case "normalized":
		p.flag(m, &l.normalized)
	case "min_length":
		p.count(m, &l.minLength)
	case "max_length":
		p.count(m, &l.maxLength)
	case "max_items":
		p.count(m, &l.maxItems)
	case "max_depth":
		p.depth(m, &l.maxDepth)
	case "dimensions":
		p.count(m, &l.dimensions)
	case "max_elements":
		p.integerIn(m, 0, &l.maxElements)
	case "pattern":
		p.pattern(m, l)
	case "enum", "choices":
		l.options = p.texts(m, 1)
	case "required":
		l.required = p.texts(m, 0)
	case "item_type":
		p.itemType(m, l)
	case "items":
		outer := p.path
		p.path += "/items"
		l.items = p.object(t.item(), m.text)
		p.path = outer
	case "dtype":
		p.dtype(t, m, l)
	case "shape":
		p.shape(m, l)
	}
}

// contradictions refuses constraints that no value, or not every value they
// name, could keep.
func (p *parser) contradictions(t Type, l *limits) {
	clash := func(name, detail string) { p.add(p.path+"/"+name, fault.ConstraintViolation, detail) }
	switch {
	case l.minInt != nil && l.maxInt != nil && *l.minInt > *l.maxInt:
		clash("min", "Expected at most max, "+strconv.FormatInt(*l.maxInt, 10)+", got "+strconv.FormatInt(*l.minInt, 10)+".")
	case l.minFloat != nil && l.maxFloat != nil && *l.minFloat > *l.maxFloat:
		clash("min", "Expected at most max, "+decimal(*l.maxFloat)+", got "+decimal(*l.minFloat)+".")
	}
	if l.minLength != nil && l.maxLength != nil && *l.minLength > *l.maxLength {
		clash("min_length", "Expected at most max_length, "+strconv.Itoa(*l.maxLength)+", got "+strconv.Itoa(*l.minLength)+".")
	}
	if l.maxItems != nil && len(l.required) > *l.maxItems {
		clash("required", "Expected at most max_items, "+strconv.Itoa(*l.maxItems)+", names, got "+strconv.Itoa(len(l.required))+".")
	}
	if (l.normalize || l.normalized) && l.dimensions != nil && *l.dimensions == 0 {
		clash("dimensions", "Expected at least 1 where the norm must be 1, got 0.")
	}
	p.fixedSize(l, clash)
	if t == String {
		others := *l
		others.options = nil
		for i, s := range l.options {
			p.text(p.path+"/enum/"+strconv.Itoa(i), s, &others)
		}
	}
}

// fixedSize refuses a shape of which every tensor has too many elements.
func (p *parser) fixedSize(l *limits, clash func(name, detail string)) {
	if l.shape == nil || slices.Contains(l.shape, -1) {
		return
	}
	n, ok := Elements(l.shape)
	switch {
	case !ok:
		clash("shape", "Expected fewer elements than 64 bits can count.")
	case l.maxElements != nil && n > *l.maxElements:
		clash("shape", "Expected at most max_elements, "+strconv.FormatInt(*l.maxElements, 10)+", elements, got "+strconv.FormatInt(n, 10)+".")
	}
}

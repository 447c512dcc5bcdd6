package value

import (
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
)

// Narrowed returns which of min and max ask more of a tensor's elements than
// other constraints do. Elements that keep those keep c as well where there is
// none.
func (c Constraints) Narrowed(than Constraints) []string {
	if c.Elements() == nil {
		return nil
	}
	had := &limits{}
	if than.Elements() != nil {
		had = than.limits
	}
	var names []string
	if least := c.limits.minFloat; least != nil && (had.minFloat == nil || *least > *had.minFloat) {
		names = append(names, "min")
	}
	if most := c.limits.maxFloat; most != nil && (had.maxFloat == nil || *most < *had.maxFloat) {
		names = append(names, "max")
	}
	return names
}

// Blame returns which members of a merge patch of c are to blame when a value
// that keeps c does not keep the patched constraints; the pointers lead to
// them. It takes one member after the other.
func (c Constraints) Blame(patch []byte, v Value) []fault.Violation {
	changes, err := members(patch)
	if err != nil {
		return nil
	}
	var f findings
	for _, change := range changes {
		alone, _ := jsontext.AppendQuote([]byte{'{'}, change.name)
		alone = append(append(append(alone, ':'), change.text...), '}')
		patched, found := c.Patch(alone)
		if found != nil { // it contradicts what another member replaces
			patched, found = ParseConstraints(c.typ, alone)
		}
		if found != nil {
			continue
		}
		at := "/" + escaped(change.name)
		for _, broken := range patched.Check(v) {
			detail := broken.Detail
			if broken.Pointer != "" && broken.Pointer != at {
				detail = fmt.Sprintf("%s of the value: %s", broken.Pointer, detail)
			}
			f.add(at, broken.Code, detail)
		}
	}
	return f.found
}

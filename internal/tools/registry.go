package tools

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"

	"toolpit/internal/fault"
	"toolpit/internal/near"
)

// Group puts tools under the name of their group.
func Group(name string, members ...Tool) []Tool {
	grouped := slices.Clone(members)
	for i := range grouped {
		grouped[i].info.Group = name
	}
	return grouped
}

// Registry is a fixed set of tools. It may be used from any number of
// goroutines.
type Registry struct {
	byName map[string]Tool
	infos  []Info   // ordered by name
	names  []string // likewise
}

// NewRegistry makes a registry of the tools of all groups. Names that are
// ill-formed or used twice are errors.
func NewRegistry(groups ...[]Tool) (*Registry, error) {
	wellFormed := regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	r := &Registry{byName: map[string]Tool{}}
	for _, t := range slices.Concat(groups...) {
		name := t.info.Name
		if !wellFormed.MatchString(name) {
			return nil, fmt.Errorf("tools: %q is no name for a tool; it must match %s", name, wellFormed)
		}
		if _, taken := r.byName[name]; taken {
			return nil, fmt.Errorf("tools: two tools are called %q", name)
		}
		r.byName[name] = t
		r.infos = append(r.infos, t.info)
		r.names = append(r.names, name)
	}
	slices.SortFunc(r.infos, func(a, b Info) int { return cmp.Compare(a.Name, b.Name) })
	slices.Sort(r.names)
	return r, nil
}

// Lookup returns the tool of that name.
func (r *Registry) Lookup(name string) (Tool, bool) {
	t, ok := r.byName[name]
	return t, ok
}

// Find is Lookup with an error that suggests near names. Errors:
// ToolNotFound.
func (r *Registry) Find(name string) (Tool, error) {
	if t, ok := r.byName[name]; ok {
		return t, nil
	}
	names := near.Names(name, r.names, maxNear)
	detail := fmt.Sprintf("There is no tool %s.", shown(name))
	if len(names) > 0 {
		detail = fmt.Sprintf("There is no tool %s%s", shown(name), didYouMean(names))
	}
	return Tool{}, &fault.Error{Code: fault.ToolNotFound, Detail: detail, Facts: fault.Facts{Suggestions: names}}
}

// All describes every tool, ordered by name. Nobody writes to the result.
func (r *Registry) All() []Info { return r.infos }

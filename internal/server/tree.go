package server

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"
)

// tree is a JSON value that keeps the order of its members, so that the served
// document reads in the order in which openapi.yaml was written.
type tree struct {
	kind  jsontext.Kind  // KindBeginObject, KindBeginArray, or that of a scalar
	text  jsontext.Value // of a scalar
	names []string       // of an object's members
	items []*tree        // an object's members or an array's elements
}

func scalar(text string) *tree {
	v := jsontext.Value(text)
	return &tree{kind: v.Kind(), text: v}
}

func textTree(text string) *tree { return scalar(string(appendText(nil, text))) }

func objectTree() *tree { return &tree{kind: jsontext.KindBeginObject} }

func arrayTree(items ...*tree) *tree { return &tree{kind: jsontext.KindBeginArray, items: items} }

// get returns a member, nil when there is none.
func (t *tree) get(name string) *tree {
	if i := slices.Index(t.names, name); i >= 0 {
		return t.items[i]
	}
	return nil
}

// at follows a path of names, nil where it ends.
func (t *tree) at(path ...string) *tree {
	for _, name := range path {
		if t = t.get(name); t == nil {
			return nil
		}
	}
	return t
}

// set puts a member in the place of the one of that name, or at the end.
func (t *tree) set(name string, value *tree) {
	if i := slices.Index(t.names, name); i >= 0 {
		t.items[i] = value
		return
	}
	t.names = append(t.names, name)
	t.items = append(t.items, value)
}

// is tells whether t is that scalar.
func (t *tree) is(text string) bool { return t != nil && string(t.text) == text }

// append writes the tree.
func (t *tree) append(b []byte) []byte {
	switch t.kind {
	case jsontext.KindBeginObject:
		b = append(b, '{')
		for i, item := range t.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendText(b, t.names[i]), ':')
			b = item.append(b)
		}
		return append(b, '}')
	case jsontext.KindBeginArray:
		b = append(b, '[')
		for i, item := range t.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = item.append(b)
		}
		return append(b, ']')
	default:
		return append(b, t.text...)
	}
}

// parseJSON reads JSON.
func parseJSON(text []byte) (*tree, error) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(text))
	return readTree(dec)
}

func readTree(dec *jsontext.Decoder) (*tree, error) {
	switch kind := dec.PeekKind(); kind {
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		t := &tree{kind: kind}
		if _, err := dec.ReadToken(); err != nil {
			return nil, err
		}
		for k := dec.PeekKind(); k != jsontext.KindEndObject && k != jsontext.KindEndArray; k = dec.PeekKind() {
			if kind == jsontext.KindBeginObject {
				name, err := dec.ReadToken()
				if err != nil {
					return nil, err
				}
				t.names = append(t.names, name.String())
			}
			item, err := readTree(dec)
			if err != nil {
				return nil, err
			}
			t.items = append(t.items, item)
		}
		_, err := dec.ReadToken()
		return t, err
	default:
		value, err := dec.ReadValue()
		return &tree{kind: kind, text: slices.Clone(value)}, err
	}
}

// parseYAML reads the part of YAML that has a counterpart in JSON.
func parseYAML(text []byte) (*tree, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	if root.Kind != yaml.DocumentNode || len(root.Content) != 1 {
		return nil, fmt.Errorf("not one YAML document")
	}
	return yamlTree(root.Content[0])
}

func yamlTree(n *yaml.Node) (*tree, error) {
	switch n.Kind {
	case yaml.MappingNode:
		t := objectTree()
		for i := 0; i < len(n.Content); i += 2 {
			item, err := yamlTree(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			t.set(n.Content[i].Value, item)
		}
		return t, nil
	case yaml.SequenceNode:
		t := arrayTree()
		for _, c := range n.Content {
			item, err := yamlTree(c)
			if err != nil {
				return nil, err
			}
			t.items = append(t.items, item)
		}
		return t, nil
	case yaml.ScalarNode:
		switch n.ShortTag() {
		case "!!null":
			return scalar("null"), nil
		case "!!bool", "!!int", "!!float":
			if !jsontext.Value(n.Value).IsValid() {
				return nil, fmt.Errorf("line %d: %q is not written as in JSON", n.Line, n.Value)
			}
			return scalar(n.Value), nil
		default:
			return textTree(n.Value), nil
		}
	default:
		return nil, fmt.Errorf("line %d: an alias has no counterpart in JSON", n.Line)
	}
}

package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"
)

// configFile resolves flags from a JSON object whose keys are the flags' names
// with _ for -. Unlike kong's own resolver it refuses a key that no flag has:
// a misspelt limit must not be a limit that is silently not there.
type configFile map[string]any

var _ kong.Resolver = configFile{}

func readConfigFile(r io.Reader) (kong.Resolver, error) {
	c := configFile{}
	if err := json.UnmarshalRead(r, &c); err != nil {
		return nil, fmt.Errorf("the config file is not a JSON object: %w", err)
	}
	return c, nil
}

func keyOf(flag string) string { return strings.ReplaceAll(flag, "-", "_") }

// Validate refuses keys that are no flag of any command.
func (c configFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[keyOf(flag.Name)] = true
		}
		return next(nil)
	})
	for key := range c {
		if !known[key] {
			return fmt.Errorf("the config file has the key %q, which is no flag's name", key)
		}
	}
	return nil
}

// Resolve returns the value of a flag. A duration is written with its unit:
// kong would take a bare number for nanoseconds.
func (c configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	v := c[keyOf(flag.Name)]
	if _, number := v.(float64); number && flag.Target.Type() == reflect.TypeFor[time.Duration]() {
		return nil, fmt.Errorf("the config file's %q needs a unit, such as %q", keyOf(flag.Name), "90s")
	}
	return v, nil
}

package arch_test

import (
	"fmt"
	"strings"
	"testing"
)

// levels orders the packages. The tens are the layers of ARCHITECTURE.md, the
// ones order packages inside a layer. An import may only point to a lower
// number, so packages of one number do not know each other: the groups of
// tools, the back ends, app and cli.
//
// A new package needs a line here; think twice before you raise a number.
var levels = map[string]int{
	"internal/deadline": 0,
	"internal/fault":    0,
	"internal/near":     0,
	"internal/slicing":  0,

	"api":                    1,
	"internal/expr":          1,
	"internal/npy":           1,
	"internal/npy/numpytest": 1,
	"internal/telemetry":     1,
	"internal/value":         1,

	"internal/store":                      10,
	"internal/store/storetest/lateness":   11,
	"internal/store/storetest/redistest":  11,
	"internal/store/storetest/faultproxy": 12,
	"internal/store/storetest":            13,
	"internal/store/redisstore":           14,
	"internal/store/sqlitestore":          14,
	"internal/store/observed":             14,

	"internal/ml":      20,
	"internal/ml/plot": 21,
	"internal/watch":   20,

	"internal/tools":            30,
	"internal/tools/toolstest":  31,
	"internal/tools/basic":      32,
	"internal/tools/session":    32,
	"internal/tools/variable":   32,
	"internal/tools/binary":     32,
	"internal/tools/streaming":  32,
	"internal/tools/concurrent": 32,
	"internal/tools/mlworkflow": 32,

	"internal/execution": 40,

	"internal/server":  50,
	"internal/migrate": 50,

	"internal/app": 60,
	"internal/cli": 60,

	"internal/demo": 70,

	"cmd/toolpit": 80,

	"bench/load":  80,
	"bench/floor": 80,
	"bench":       81,
	"apifuzz":     81,

	"internal/arch": 90,
}

// testSupport lists the packages that only tests import. Tests may do so
// whatever their level.
var testSupport = []string{"internal/npy/numpytest", "internal/store/storetest", "internal/tools/toolstest"}

// above lists what external tests of a package import from above it, and why.
var above = map[string]map[string]string{
	"internal/tools": {
		"internal/tools/basic":   "the engine is tested with the tools there are",
		"internal/tools/session": "the engine is tested with the tools there are",
	},
}

// never forbids imports that would point downward all the same.
var never = []struct{ from, to, why string }{
	{"internal/cli", "internal/store", "the client speaks HTTP"},
	{"internal/cli", "internal/tools", "the client speaks HTTP"},
	{"internal/cli", "internal/execution", "the client speaks HTTP"},
	{"internal/cli", "internal/server", "the client speaks HTTP"},
	{"internal/ml", "internal/store", "numerics know no store"},
	{"internal/execution", "api", "generated types stop at the door"},
}

func checkLayers(sources []*source) []string {
	var complaints []string
	unknown := map[string]bool{}
	for _, s := range sources {
		from := s.pkg()
		level, ok := levels[from]
		if !ok {
			if !unknown[from] {
				complaints = append(complaints, fmt.Sprintf("%s: the package has no level; give it one in internal/arch", from))
			}
			unknown[from] = true
			continue
		}
		for _, spec := range s.tree.Imports {
			to, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, "`\""), modulePath+"/")
			if !ok || to == from { // an external test imports its own package
				continue
			}
			if s.test() && (isTestSupport(to) || above[from][to] != "") {
				continue
			}
			below, known := levels[to]
			switch {
			case !known:
				complaints = append(complaints, s.at(spec, "imports %s, which has no level", to))
			case isTestSupport(to) && !isTestSupport(from):
				complaints = append(complaints, s.at(spec, "imports %s, which is for tests", to))
			case below >= level:
				complaints = append(complaints, s.at(spec, "%s (level %d) imports %s (level %d); imports point downward", from, level, to, below))
			}
			for _, n := range never {
				if within(from, n.from) && within(to, n.to) && !s.test() {
					complaints = append(complaints, s.at(spec, "%s must not import %s: %s", from, to, n.why))
				}
			}
		}
	}
	return complaints
}

func isTestSupport(pkg string) bool {
	for _, dir := range testSupport {
		if within(pkg, dir) {
			return true
		}
	}
	return false
}

func TestImportsPointDownward(t *testing.T) { hold(t, checkLayers) }

func TestCheckLayers(t *testing.T) {
	try(t, checkLayers, []trial{
		{"downward", map[string]string{
			"internal/store/store.go":      `package store; import _ "toolpit/internal/fault"`,
			"internal/store/store_test.go": `package store_test; import (_ "toolpit/internal/store"; _ "toolpit/internal/store/storetest")`,
			"internal/value/value.go":      `package value; import (_ "fmt"; _ "toolpit/internal/fault")`,
		}, nil},
		{"upward", map[string]string{
			"internal/store/store.go": "package store\nimport _ \"toolpit/internal/tools\"",
		}, []string{"internal/store/store.go:2: internal/store (level 10) imports internal/tools (level 30); imports point downward"}},
		{"upward in a test", map[string]string{
			"internal/value/value_test.go": `package value_test; import _ "toolpit/internal/store"`,
		}, []string{"internal/value/value_test.go:1: internal/value (level 1) imports internal/store (level 10); imports point downward"}},
		{"upward in a test that may", map[string]string{
			"internal/tools/a_test.go": `package tools_test; import _ "toolpit/internal/tools/basic"`,
			"internal/tools/a.go":      `package tools; import _ "toolpit/internal/tools/basic"`,
		}, []string{"internal/tools/a.go:1: internal/tools (level 30) imports internal/tools/basic (level 32); imports point downward"}},
		{"sideways", map[string]string{
			"internal/tools/basic/ping.go": `package basic; import _ "toolpit/internal/tools/session"`,
		}, []string{"internal/tools/basic/ping.go:1: internal/tools/basic (level 32) imports internal/tools/session (level 32); imports point downward"}},
		{"sideways at the bottom", map[string]string{
			"internal/value/value.go": `package value; import _ "toolpit/internal/expr"`,
		}, []string{"internal/value/value.go:1: internal/value (level 1) imports internal/expr (level 1); imports point downward"}},
		{"test support in production", map[string]string{
			"internal/app/app.go": `package app; import _ "toolpit/internal/store/storetest/redistest"`,
		}, []string{"internal/app/app.go:1: imports internal/store/storetest/redistest, which is for tests"}},
		{"unknown package", map[string]string{
			"internal/stuff/a.go": `package stuff`,
			"internal/stuff/b.go": `package stuff`,
		}, []string{"internal/stuff: the package has no level; give it one in internal/arch"}},
		{"unknown import", map[string]string{
			"cmd/toolpit/main.go": `package main; import _ "toolpit/internal/stuff"`,
		}, []string{"cmd/toolpit/main.go:1: imports internal/stuff, which has no level"}},
		{"never", map[string]string{
			"internal/cli/cli.go": `package cli; import _ "toolpit/internal/store"`,
		}, []string{"internal/cli/cli.go:1: internal/cli must not import internal/store: the client speaks HTTP"}},
	})
}

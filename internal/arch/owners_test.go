package arch_test

import (
	"slices"
	"strings"
	"testing"
)

// owners says who may import what. Below a path, everything is meant.
var owners = []struct {
	path  string
	pkgs  []string // these packages, tests included, and what is below them
	tests []string // tests of these packages, and of what is below them
}{
	{
		"github.com/redis/go-redis",
		// The floor is what redisstore's speed is compared with: the same client
		// without anything around it.
		[]string{"internal/store/redisstore", "bench/floor"},
		// The suite's own tools are tested with a client that is not ours.
		[]string{"internal/store/storetest/faultproxy", "internal/store/storetest/redistest"},
	},
	{"modernc.org/sqlite", []string{"internal/store/sqlitestore"}, nil},
	{"database/sql", []string{"internal/store/sqlitestore"}, nil},
	{"gonum.org", []string{"internal/ml", "internal/tools/mlworkflow", "internal/tools/binary"}, nil},
	// It checks what is served; what serves has no use for it.
	{"github.com/getkin/kin-openapi", []string{"apifuzz"}, []string{"api", "internal/server", "cmd/toolpit"}},
	{"github.com/alecthomas/kong", []string{"cmd/toolpit", "internal/cli", "internal/demo"}, nil},
	{
		"toolpit/api",
		[]string{"api", "internal/server", "internal/cli", "internal/demo"},
		// End to end, a client is the generated one.
		[]string{"internal/app", "cmd/toolpit"},
	},
	{
		"toolpit/internal/store/redisstore",
		[]string{"internal/store/redisstore", "internal/app", "internal/migrate", "bench"},
		[]string{"internal"},
	},
	{
		"toolpit/internal/store/sqlitestore",
		// Tests of tools, which are all that may import toolstest, share a store there.
		[]string{"internal/store/sqlitestore", "internal/app", "internal/migrate", "bench", "internal/tools/toolstest"},
		[]string{"internal"},
	},
}

func checkOwners(sources []*source) []string {
	var complaints []string
	for _, s := range sources {
		for _, spec := range s.tree.Imports {
			imported := strings.Trim(spec.Path.Value, "`\"")
			for _, o := range owners {
				if !within(imported, o.path) {
					continue
				}
				holds := func(dir string) bool { return within(s.pkg(), dir) }
				if slices.ContainsFunc(o.pkgs, holds) || s.test() && slices.ContainsFunc(o.tests, holds) {
					continue
				}
				complaints = append(complaints, s.at(spec, "imports %s, which only %s may", imported, strings.Join(o.pkgs, ", ")))
			}
		}
	}
	return complaints
}

func TestOwners(t *testing.T) { hold(t, checkOwners) }

func TestCheckOwners(t *testing.T) {
	try(t, checkOwners, []trial{
		{"owners", map[string]string{
			"internal/store/redisstore/open.go":                `package redisstore; import _ "github.com/redis/go-redis/v9"`,
			"internal/store/storetest/redistest/redis_test.go": `package redistest; import _ "github.com/redis/go-redis/v9"`,
			"internal/tools/engine_test.go":                    `package tools; import _ "toolpit/internal/store/sqlitestore"`,
			"internal/ml/plot/plot.go":                         `package plot; import _ "gonum.org/v1/plot"`,
		}, nil},
		{"the floor", map[string]string{
			"bench/floor/main.go": `package main; import (_ "github.com/redis/go-redis/v9"; _ "toolpit/internal/store/redisstore")`,
			"bench/context.go":    `package main; import _ "toolpit/internal/store/sqlitestore"`,
		}, nil},
		{"a driver beside the floor", map[string]string{
			"bench/redis.go": `package main; import _ "github.com/redis/go-redis/v9"`,
		}, []string{"bench/redis.go:1: imports github.com/redis/go-redis/v9, which only internal/store/redisstore, bench/floor may"}},
		{"a driver elsewhere", map[string]string{
			"internal/server/health.go": `package server; import _ "github.com/redis/go-redis/v9"`,
		}, []string{"internal/server/health.go:1: imports github.com/redis/go-redis/v9, which only internal/store/redisstore, bench/floor may"}},
		{"a driver in a test elsewhere", map[string]string{
			"internal/server/health_test.go": `package server; import _ "modernc.org/sqlite"`,
		}, []string{"internal/server/health_test.go:1: imports modernc.org/sqlite, which only internal/store/sqlitestore may"}},
		{"the helper itself", map[string]string{
			"internal/store/storetest/redistest/redis.go": `package redistest; import _ "github.com/redis/go-redis/v9"`,
		}, []string{"internal/store/storetest/redistest/redis.go:1: imports github.com/redis/go-redis/v9, which only internal/store/redisstore, bench/floor may"}},
		{"generated types inside", map[string]string{
			"internal/tools/tool.go": `package tools; import _ "toolpit/api"`,
		}, []string{"internal/tools/tool.go:1: imports toolpit/api, which only api, internal/server, internal/cli, internal/demo may"}},
		{"a back end in a layer", map[string]string{
			"internal/server/server.go": `package server; import _ "toolpit/internal/store/sqlitestore"`,
		}, []string{"internal/server/server.go:1: imports toolpit/internal/store/sqlitestore, which only internal/store/sqlitestore, internal/app, internal/migrate, bench, internal/tools/toolstest may"}},
	})
}

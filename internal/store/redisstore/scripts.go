package redisstore

import (
	"embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// scripts holds the compiled-in Lua scripts. The shebang makes Redis refuse a
// script as a whole when memory is full, before its first command, and refuse
// keys that were not declared. Those that read or remove run all the same:
// nobody could make room otherwise.
type scripts struct {
	apply, end, create, update, remove, read, changes, bury *script // on a session's keys; end is apply for a unit that ends the session
	past, list, usage, stage, adopt, release, fork, holds   *script // likewise
	recall, index, hold                                     *script
}

type script struct {
	*redis.Script
	text string
}

func newScript(text string) *script { return &script{redis.NewScript(text), text} }

func loadScripts() scripts {
	text := func(name string) string {
		b, err := luaFiles.ReadFile("lua/" + name + ".lua")
		if err != nil {
			panic(fmt.Sprintf("redisstore: script %s is not embedded: %v", name, err))
		}
		return string(b)
	}
	const whole, always = "#!lua\n", "#!lua flags=allow-oom\n"
	session := func(shebang string, parts ...string) *script {
		all := []string{shebang, text("prelude"), text("cold")}
		for _, part := range parts {
			all = append(all, text(part))
		}
		return newScript(strings.Join(all, ""))
	}
	return scripts{
		apply: session(whole, "answers", "history", "apply"), end: session(always, "answers", "history", "apply"),
		create: session(whole, "answers", "reborn", "create"), update: session(whole, "answers", "update"),
		remove: session(always, "answers", "remove"), read: session(always, "read"), changes: session(always, "changes"),
		bury: session(always, "bury"), past: session(always, "past"), list: session(always, "list"), usage: session(always, "usage"),
		holds: session(always, "holds"), stage: session(whole, "stage"), adopt: session(whole, "adopt"), release: session(always, "release"),
		fork: session(whole, "answers", "reborn", "fork"), hold: newScript(whole + text("hold")),
		recall: newScript(whole + text("recall")), index: newScript(always + text("index")),
	}
}

func (s scripts) all() []*script {
	return []*script{
		s.apply, s.end, s.create, s.update, s.remove, s.read, s.changes, s.bury, s.past, s.list, s.usage,
		s.stage, s.adopt, s.release, s.fork, s.holds, s.hold, s.recall, s.index,
	}
}

package redisstore

import (
	"embed"
	"fmt"

	"github.com/redis/go-redis/v9"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// scripts holds the compiled-in Lua scripts. The shebang makes Redis refuse a
// script as a whole when memory is full, before its first command, and refuse
// keys that were not declared. Those that read or remove run all the same:
// nobody could make room otherwise.
type scripts struct {
	apply, end, create, update, remove, bury, read, changes *script // on a session's keys; end is apply for a unit that ends the session
	recall, index                                           *script
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
	prelude := text("prelude")
	const whole, always = "#!lua\n", "#!lua flags=allow-oom\n"
	session := func(shebang, name string) *script {
		return newScript(shebang + prelude + "\n" + text(name))
	}
	return scripts{
		apply: session(whole, "apply"), end: session(always, "apply"), create: session(whole, "create"),
		update: session(whole, "update"), remove: session(always, "remove"), bury: session(always, "bury"), read: session(always, "read"),
		changes: session(always, "changes"),
		recall:  newScript(whole + text("recall")), index: newScript(always + text("index")),
	}
}

func (s scripts) all() []*script {
	return []*script{s.apply, s.end, s.create, s.update, s.remove, s.bury, s.read, s.changes, s.recall, s.index}
}

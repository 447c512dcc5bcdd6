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
// keys that were not declared.
type scripts struct {
	apply, create, update, remove, read, changes *script // on a session's keys
	recall, index                                *script
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
	session := func(name string) *script { return newScript("#!lua\n" + prelude + "\n" + text(name)) }
	plain := func(name string) *script { return newScript("#!lua\n" + text(name)) }
	return scripts{
		apply: session("apply"), create: session("create"), update: session("update"),
		remove: session("remove"), read: session("read"), changes: session("changes"),
		recall: plain("recall"), index: plain("index"),
	}
}

func (s scripts) all() []*script {
	return []*script{s.apply, s.create, s.update, s.remove, s.read, s.changes, s.recall, s.index}
}

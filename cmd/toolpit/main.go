// Command toolpit is the Toolpit service: sessions and tools over HTTP.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"

	"toolpit/internal/app"
)

// version is set by the linker.
var version = ""

// exitConfig is sysexits.h's EX_CONFIG: trying again without a change is
// useless, so a supervisor should not.
const exitConfig = 78

type cli struct {
	Config  kong.ConfigFlag `help:"Read flags from this JSON file; its keys are the flags' names with _ for -." placeholder:"FILE"`
	Serve   serveCmd        `cmd:"" help:"Serve sessions and tools over HTTP."`
	Version versionCmd      `cmd:"" help:"Print the version."`
}

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	var c cli
	parser, err := kong.New(
		&c, kong.Name("toolpit"),
		kong.Description("Sessions and tools over HTTP. Every flag can also be given as TOOLPIT_<FLAG> or in a --config file."),
		kong.Configuration(readConfigFile), kong.DefaultEnvars("TOOLPIT"), kong.UsageOnError(),
		kong.Vars{"cpus": cpus()},
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, "toolpit:", err)
		return 1
	}
	kctx, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "toolpit:", err)
		return exitConfig
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	kctx.BindTo(ctx, (*context.Context)(nil))
	if err := kctx.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "toolpit:", err)
		if _, ok := errors.AsType[*app.ConfigError](err); ok {
			return exitConfig
		}
		return 1
	}
	return 0
}

type versionCmd struct{}

// Run prints what was built.
func (versionCmd) Run() error {
	fmt.Println("toolpit", buildVersion())
	return nil
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

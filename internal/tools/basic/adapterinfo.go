package basic

import (
	"context"
	"runtime"
	"runtime/debug"
	"slices"

	"toolpit/internal/tools"
)

type adapterInfoOut struct {
	Name         string              `json:"name"`
	Version      string              `json:"version"`
	Revision     string              `json:"revision,omitzero" jsonschema_description:"The commit it was built from, when the build knows."`
	GoVersion    string              `json:"go_version"`
	Capabilities []string            `json:"capabilities" jsonschema_description:"What the tools make use of."`
	Groups       map[string][]string `json:"groups" jsonschema_description:"The tools of each group."`
}

var adapterInfo = tools.New("adapter_info", "Tells what this service is and which tools it has.",
	func(_ context.Context, c *tools.Call, _ struct{}) (adapterInfoOut, error) {
		out := adapterInfoOut{
			Name: "toolpit", Version: c.Replica().Version, GoVersion: runtime.Version(),
			Capabilities: capabilities(c.Catalog()), Groups: map[string][]string{},
		}
		for _, t := range c.Catalog() {
			out.Groups[t.Group] = append(out.Groups[t.Group], t.Name)
		}
		if build, ok := debug.ReadBuildInfo(); ok {
			for _, s := range build.Settings {
				if s.Key == "vcs.revision" {
					out.Revision = s.Value
				}
			}
		}
		return out, nil
	},
	tools.ReadOnly(), tools.Idempotent(),
	tools.Example("everything", `{}`),
)

// capabilities derives from the tools what they can do together.
func capabilities(catalog []tools.Info) []string {
	list := []string{"idempotency_keys"}
	for name, has := range map[string]func(tools.Info) bool{
		"sessions":             func(t tools.Info) bool { return t.RequiresSession },
		"sessionless_tools":    func(t tools.Info) bool { return !t.RequiresSession },
		"streaming":            func(t tools.Info) bool { return t.Streaming },
		"cpu_bound_executions": func(t tools.Info) bool { return t.Cost == tools.CPU },
	} {
		if slices.ContainsFunc(catalog, has) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

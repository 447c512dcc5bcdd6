package server_test

import (
	"context"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/store"
	"toolpit/internal/tools"
	"toolpit/internal/value"
)

// hold is how a test keeps a tool running: the tool says that it has started,
// and goes on when the test says so.
type hold struct {
	started chan struct{}
	release chan struct{}
}

func newHold() *hold {
	return &hold{started: make(chan struct{}, 16), release: make(chan struct{})}
}

type nameIn struct {
	Name string `json:"name"`
}

// testTools are tools that do what no real one does yet.
func testTools(h *hold) []tools.Tool {
	return tools.Group("test",
		tools.New("wait", "Waits until the test lets it go.",
			func(ctx context.Context, _ *tools.Call, _ struct{}) (struct{}, error) {
				h.started <- struct{}{}
				select {
				case <-h.release:
					return struct{}{}, nil
				case <-ctx.Done():
					return struct{}{}, ctx.Err()
				}
			}, tools.Example("a while", `{}`)),
		tools.New("create_variable", "Creates a variable.",
			func(ctx context.Context, c *tools.Call, in nameIn) (struct{}, error) {
				_, err := c.Apply(ctx, store.Create(in.Name, value.Int(1)))
				return struct{}{}, err
			}, tools.InSession(), tools.Example("x", `{"name":"x"}`)),
		tools.New("add_variable", "Adds to a variable that must be there.",
			func(ctx context.Context, c *tools.Call, in nameIn) (struct{}, error) {
				_, err := c.Apply(ctx, store.Add(in.Name, 1))
				return struct{}{}, err
			}, tools.InSession(), tools.Example("x", `{"name":"x"}`)),
		tools.New("leak", "Fails with a private cause.",
			func(context.Context, *tools.Call, struct{}) (jsontext.Value, error) {
				return nil, errors.New("dial tcp 10.0.0.7:6379: secret")
			}, tools.Example("a leak", `{}`)),
	)
}

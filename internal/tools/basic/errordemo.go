package basic

import (
	"context"
	"errors"
	"fmt"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

type errorDemoIn struct {
	ErrorType string `json:"error_type" jsonschema:"default=generic,enum=value,enum=runtime,enum=generic,enum=validation,enum=not_found,enum=timeout,enum=panic,enum=unavailable,enum=internal" jsonschema_description:"Which way to fail."`
}

var errorDemo = tools.New("error_demo", "Fails, in the way you choose.",
	func(_ context.Context, _ *tools.Call, in errorDemoIn) (struct{}, error) {
		return struct{}{}, demonstrate(in.ErrorType)
	},
	tools.ReadOnly(), tools.Idempotent(),
	tools.Example("a failure", `{}`, tools.Fails(fault.ToolFailed)),
	tools.Example("a value it cannot use", `{"error_type":"value"}`, tools.Fails(fault.ToolFailed)),
	tools.Example("something that is not there", `{"error_type":"not_found"}`, tools.Fails(fault.VariableNotFound)),
	tools.Example("a panic, which the service survives", `{"error_type":"panic"}`, tools.Fails(fault.ToolPanic)),
)

func demonstrate(kind string) error {
	switch kind {
	case "value":
		return toolFailed(tools.ValueError, "This is a demonstration of a value the tool cannot use.")
	case "runtime":
		return toolFailed("RuntimeError", "This is a demonstration of a failure at run time.")
	case "generic":
		return toolFailed("ToolError", "This is a demonstration of a failure.")
	case "validation":
		return tools.Refuse("/error_type", fault.ConstraintViolation, "This is a demonstration of an argument that is refused.")
	case "not_found":
		return fault.New(fault.VariableNotFound, "This is a demonstration of a variable that is not there.")
	case "timeout":
		return &fault.Error{
			Code: fault.DeadlineExceeded, Detail: "This is a demonstration of a deadline that has passed.",
			Facts: fault.Facts{Phase: "tool"},
		}
	case "panic":
		panic("a demonstration of a panic")
	case "unavailable":
		return fault.New(fault.StoreUnavailable, "This is a demonstration of a store that does not answer.").Retry(time.Second)
	case "internal":
		return fault.New(fault.Internal, "This is a demonstration of an internal error.").
			Because(errors.New("a private cause, which is for the log only"))
	}
	return fmt.Errorf("there is no demonstration of %q", kind)
}

func toolFailed(errorType, detail string) error {
	return &fault.Error{Code: fault.ToolFailed, Detail: detail, Facts: fault.Facts{ErrorType: errorType}}
}

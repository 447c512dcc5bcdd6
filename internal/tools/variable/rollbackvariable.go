package variable

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

type rollbackIn struct {
	Name            tools.VariableName `json:"name"`
	Version         int64              `json:"version" jsonschema:"minimum=1" jsonschema_description:"The version whose value is wanted again."`
	ExpectedVersion *int64             `json:"expected_version" jsonschema:"minimum=1" jsonschema_description:"Write only if this is the current version."`
}

type rollbackOut struct {
	Name         string         `json:"name"`
	Value        jsontext.Value `json:"value"`
	Version      int64          `json:"version" jsonschema_description:"Of the new version that has the old value."`
	RollbackFrom int64          `json:"rollback_from" jsonschema_description:"The version whose value it is."`
	Metadata     jsontext.Value `json:"metadata" jsonschema:"type=object"`
}

var rollbackVariable = tools.New("rollback_variable", "Writes an earlier version's value again, as a new version that must keep today's constraints.",
	func(ctx context.Context, c *tools.Call, in rollbackIn) (rollbackOut, error) {
		op := store.Rollback(string(in.Name), in.Version)
		op.Version = in.ExpectedVersion
		applied, err := c.Apply(ctx, op)
		switch fault.CodeOf(err) {
		case "":
		case fault.VersionConflict:
			return rollbackOut{}, tools.Blame(either(given(in.ExpectedVersion != nil, "/expected_version"), "/name"), err)
		case fault.VersionNotFound, fault.TypeMismatch, fault.ConstraintViolation:
			// The value that today's constraints refuse is not the caller's: what
			// they can change is the version.
			return rollbackOut{}, tools.Blame("/version", err)
		default:
			return rollbackOut{}, places{name: "/name"}.blame(err)
		}
		r := applied.Results[0]
		return rollbackOut{
			Name: r.Name, Value: valueOf(r.Variable), Version: r.Version, RollbackFrom: in.Version, Metadata: object(r.Metadata),
		}, nil
	},
	tools.InSession(),
	tools.Example("nobody registered it", `{"name":"temperature","version":1}`, tools.Fails(fault.VariableNotFound)),
)

package variable

import "toolpit/internal/tools"

// Tools lists the group's tools.
func Tools() []tools.Tool {
	return tools.Group("variable",
		registerVariable,
		getVariable,
		setVariable,
		setVariableWithHistory,
		getVariables,
		setVariables,
		listVariables,
		deleteVariable,
		getVariableHistory,
		rollbackVariable,
		variableDemo,
	)
}

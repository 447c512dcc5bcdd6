package basic

import "toolpit/internal/tools"

// Tools lists the group's tools.
func Tools() []tools.Tool {
	return tools.Group("basic",
		ping,
		echo,
		add,
		compute,
		processText,
		errorDemo,
		adapterInfo,
		getStats,
	)
}

package session

import "toolpit/internal/tools"

// Tools lists the group's tools.
func Tools() []tools.Tool {
	return tools.Group("session",
		initSession,
		cleanup,
		setCounter,
		getCounter,
		incrementCounter,
		getWorkerInfo,
	)
}

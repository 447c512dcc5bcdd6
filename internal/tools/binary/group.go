package binary

import "toolpit/internal/tools"

// Tools lists the group's tools.
func Tools() []tools.Tool {
	return tools.Group("binary",
		createTensor,
		createEmbedding,
		similarity,
		benchmarkEncoding,
		processBinary,
	)
}

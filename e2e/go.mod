module toolpit/e2e

go 1.26.0

require (
	github.com/google/go-cmp v0.7.0
	go.uber.org/goleak v1.3.0
	toolpit v0.0.0
)

replace toolpit => ../

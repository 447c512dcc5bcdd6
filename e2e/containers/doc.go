// Package containers runs the end-to-end scenarios on containers: those that
// the tests start one by one, and those of deployments/compose.yaml.
package containers

package containers

import (
	"testing"
	"time"

	"toolpit/e2e/scenario"
)

func TestKills(t *testing.T) {
	scenario.Kills{
		Fleet: newFleet(t, 3), Clients: 64, Each: 1000, For: 3 * time.Minute, Every: time.Second, Least: 3,
	}.Run(t)
}

// TestCompose restarts the replicas of deployments/compose.yaml, behind its
// HAProxy.
func TestCompose(t *testing.T) {
	fleet, front := up(t)
	scenario.Rolling{
		Fleet: fleet, Front: front, Rounds: 3, KeepAlive: 8, Fresh: 8, Pace: 10 * time.Millisecond,
	}.Run(t)
}

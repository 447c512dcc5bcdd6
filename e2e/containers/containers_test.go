package containers

import (
	"os"
	"testing"
	"time"

	"toolpit/e2e/scenario"
)

// TestMain settles how testcontainers works, unless that is set. Its Ryuk, a
// container that cleans up behind tests, is one more image to pull, and these
// tests clean up themselves. And inside a container it takes the bridge's
// gateway for Docker's address, where ports of the loopback are not open.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"TESTCONTAINERS_RYUK_DISABLED": "true",
		"TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1",
	} {
		if os.Getenv(name) == "" {
			_ = os.Setenv(name, value) // fails only for names that are none
		}
	}
	os.Exit(m.Run())
}

// TestKills kills one of three replicas a second.
func TestKills(t *testing.T) {
	scenario.Kills{
		Fleet: newFleet(t, 3), Clients: 64, Each: 1000, For: 3 * time.Minute, Every: time.Second, Least: 3,
	}.Run(t)
}

// TestTensors overwrites and reads one tensor of 8 MiB while one of three
// replicas is killed a second.
func TestTensors(t *testing.T) {
	scenario.Tensors{
		Fleet: newFleet(t, 3), Writers: 2, Readers: 6, Bytes: 8 << 20, For: 10 * time.Second, Every: time.Second, Least: 3,
	}.Run(t)
}

// TestWatchers has 20 watchers follow 2,000 changes while one of three replicas
// is killed a second.
func TestWatchers(t *testing.T) {
	scenario.Watchers{
		Fleet: newFleet(t, 3), Watchers: 20, Changes: 2000, Pace: 5 * time.Millisecond, Within: 2 * time.Minute,
		Every: time.Second, Least: 3, Resumed: 20,
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

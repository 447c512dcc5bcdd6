package local

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"toolpit/e2e/scenario"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestKillsOfThree is what TestKills does with containers.
func TestKillsOfThree(t *testing.T) {
	scenario.Kills{
		Fleet: newFleet(t, 3), Clients: 64, Each: 1000, For: 3 * time.Minute, Every: time.Second, Least: 3,
	}.Run(t)
}

// TestKillsOfTwo kills one of two replicas again and again, as fast as they
// come back, for a minute or TOOLPIT_E2E_TIME.
func TestKillsOfTwo(t *testing.T) {
	duration := time.Minute
	if text := os.Getenv("TOOLPIT_E2E_TIME"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("TOOLPIT_E2E_TIME: %v", err)
		}
	}
	const every = 850 * time.Millisecond
	worst := scenario.Kills{
		Fleet: newFleet(t, 2), Clients: 64, For: duration, Every: every, Least: int(duration/every) / 2,
	}.Run(t)
	t.Logf("worst latency of a caller: %s; the aim, on a machine with nothing else to do, is 250ms", worst.Round(time.Millisecond))
}

// TestTensorsOfThree is what TestTensors does with containers.
func TestTensorsOfThree(t *testing.T) {
	scenario.Tensors{
		Fleet: newFleet(t, 3), Writers: 2, Readers: 6, Bytes: 8 << 20, For: 10 * time.Second, Every: time.Second, Least: 3,
	}.Run(t)
}

// TestWatchersOfThree is what TestWatchers does with containers.
func TestWatchersOfThree(t *testing.T) {
	scenario.Watchers{
		Fleet: newFleet(t, 3), Watchers: 20, Changes: 2000, Pace: 5 * time.Millisecond, Within: 2 * time.Minute,
		Every: time.Second, Least: 3, Resumed: 20,
	}.Run(t)
}

// TestRolling is what TestCompose does with containers, with the same
// configuration of HAProxy.
func TestRolling(t *testing.T) {
	haproxy := scenario.Program(t, "haproxy")
	f := newFleet(t, 3, "--drain-delay", "2s")
	for i := range f.Size() {
		if err := f.Start(t.Context(), i); err != nil {
			t.Fatalf("starting replica %d: %v", i, err)
		}
	}
	front := address(t)
	env := []string{"TOOLPIT_FRONT=" + front}
	for i, a := range f.addresses {
		env = append(env, fmt.Sprintf("TOOLPIT_REPLICA_%d=%s", i+1, a))
	}
	log := filepath.Join(t.TempDir(), "haproxy.log")
	balancer, err := launch(log, haproxy, []string{"-db", "-f", filepath.Join("..", "..", "deployments", "haproxy.cfg")}, env)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		balancer.kill()
		if t.Failed() {
			tail(t, log)
		}
	})
	if err := balancer.answers(t.Context(), "http://"+front+"/livez"); err != nil {
		t.Fatal(err)
	}
	scenario.Rolling{
		Fleet: f, Front: "http://" + front, Rounds: 3, KeepAlive: 8, Fresh: 8, Pace: 10 * time.Millisecond,
	}.Run(t)
}

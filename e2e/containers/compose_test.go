package containers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"toolpit/e2e/scenario"
	"toolpit/internal/store/storetest/redistest"
)

// composed is the fleet of deployments/compose.yaml. Only HAProxy can be
// reached from outside.
type composed struct {
	engine engine
	ids    []string // of the replicas
}

var _ scenario.Fleet = (*composed)(nil)

func (c *composed) Size() int      { return len(c.ids) }
func (c *composed) URL(int) string { return "" }

func (c *composed) Start(ctx context.Context, i int) error {
	_, err := c.engine.ContainerStart(ctx, c.ids[i], client.ContainerStartOptions{})
	return err
}

func (c *composed) Kill(ctx context.Context, i int) error { return c.engine.kill(ctx, c.ids[i]) }

func (c *composed) Stop(ctx context.Context, i int) (int, error) { return c.engine.stop(ctx, c.ids[i]) }

// project is a set of containers that Compose has started from the file.
type project struct {
	command []string
	env     []string
}

// run runs one command of Compose and returns what it printed on stdout.
func (p project) run(ctx context.Context, args ...string) (string, error) {
	args = append(append([]string{}, p.command[1:]...), args...)
	cmd := exec.CommandContext(ctx, p.command[0], args...)
	cmd.Env = append(os.Environ(), p.env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// compose finds the older program or the plugin.
func compose(t *testing.T) []string {
	t.Helper()
	if path, err := exec.LookPath("docker-compose"); err == nil {
		return []string{path}
	}
	if err := exec.CommandContext(t.Context(), "docker", "compose", "version").Run(); err != nil {
		scenario.Missing(t, "compose", "there is no docker-compose, and docker has no such command")
	}
	return []string{"docker", "compose"}
}

// up starts deployments/compose.yaml as it is, under a name of the test's own,
// and returns its replicas and the URL of its HAProxy.
func up(t *testing.T) (fleet *composed, front string) {
	t.Helper()
	fleet = &composed{engine: docker(t)}
	port := redistest.ReservePort(t)
	name := "toolpit-e2e-" + strconv.Itoa(os.Getpid())
	p := project{
		command: append(compose(t), "-p", name, "-f", filepath.Join("..", "..", "deployments", "compose.yaml")),
		env: []string{
			"TOOLPIT_PORT=" + strconv.Itoa(port), "TOOLPIT_IMAGE=" + toolpitImage(),
			"TOOLPIT_REDIS_IMAGE=" + redisImage(), "TOOLPIT_HAPROXY_IMAGE=" + haproxyImage(),
		},
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
		defer cancel()
		if t.Failed() {
			logs, err := p.run(ctx, "logs", "--no-color", "--tail", "20")
			t.Logf("what the containers printed: %v\n%s", err, logs)
		}
		if _, err := p.run(ctx, "down", "-v", "-t", "3"); err != nil {
			t.Errorf("removing the containers: %v", err)
		}
	})
	if _, err := p.run(t.Context(), "up", "-d"); err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{"toolpit-1", "toolpit-2", "toolpit-3"} {
		id, err := p.run(t.Context(), "ps", "-q", service)
		if err != nil || id == "" {
			t.Fatalf("%s has no container: %v", service, err)
		}
		fleet.ids = append(fleet.ids, id)
	}
	return fleet, "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

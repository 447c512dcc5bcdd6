package containers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"toolpit/e2e/scenario"
)

// engine is the Docker that runs the containers.
type engine struct{ *testcontainers.DockerClient }

// docker connects to Docker, or ends the test where none answers.
func docker(t *testing.T) engine {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err == nil {
		_, err = c.Ping(ctx, client.PingOptions{})
	}
	if err != nil {
		scenario.Missing(t, "docker", err.Error())
	}
	t.Cleanup(func() { _ = c.Close() })
	return engine{c}
}

// image returns the image that the variable names, or else the public one.
func image(variable, public string) string {
	if name := os.Getenv(variable); name != "" {
		return name
	}
	return public
}

func toolpitImage() string { return image("TOOLPIT_IMAGE", "toolpit:dev") }
func redisImage() string   { return image("TOOLPIT_TEST_REDIS_IMAGE", "redis:7") }
func haproxyImage() string { return image("TOOLPIT_TEST_HAPROXY_IMAGE", "haproxy:2.6") }

// kill ends a container as a power cut would.
func (e engine) kill(ctx context.Context, id string) error {
	_, err := e.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "SIGKILL"})
	return err
}

// stop sends SIGTERM, waits and returns the exit code.
func (e engine) stop(ctx context.Context, id string) (int, error) {
	// Docker kills what does not end by itself, and the code then says so.
	seconds := 15
	if _, err := e.ContainerStop(ctx, id, client.ContainerStopOptions{Signal: "SIGTERM", Timeout: &seconds}); err != nil {
		return 0, err
	}
	got, err := e.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return 0, err
	}
	if got.Container.State.Status != container.StateExited {
		return 0, fmt.Errorf("the container is %s", got.Container.State.Status)
	}
	return got.Container.State.ExitCode, nil
}

// remove removes a container with its anonymous volumes.
func (e engine) remove(ctx context.Context, id string) error {
	_, err := e.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	return err
}

// tail logs the end of what a container printed.
func (e engine) tail(t *testing.T, name, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
	defer cancel()
	logs, err := e.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "20"})
	if err != nil {
		t.Logf("%s has no log: %v", name, err)
		return
	}
	defer func() { _ = logs.Close() }() // it was only read
	var text bytes.Buffer
	if _, err := stdcopy.StdCopy(&text, &text, logs); err != nil && !errors.Is(err, io.EOF) {
		t.Log(err)
	}
	t.Logf("%s ends:\n%s", name, text.String())
}

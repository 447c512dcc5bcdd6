// Command floor is what Toolpit's speed is compared with: the least that a
// server in Go with its state in Redis can do. It adds one to a counter with
// one EVALSHA a request and answers with the sum, and it moves bytes between a
// body and keys of a mebibyte. The listener, the settings of
// http.Server and those of the Redis client are Toolpit's own; there are no
// routes, checks, tokens, keys, limits or logs.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/server"
	"toolpit/internal/store/redisstore"
)

// script's digest is printed, so that redis-benchmark can call the same.
const script = "return redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: floor redis://host:port/db")
		os.Exit(2) //nolint:gocritic // nothing to stop yet
	}
	if err := serve(ctx, os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

// serve answers on a port that the kernel chooses, which the first line to out
// names, until ctx is done.
func serve(ctx context.Context, url string, out io.Writer) error {
	options, err := redisstore.ClientOptions(url)
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	patient := *options
	patient.ReadTimeout, patient.WriteTimeout = 3*time.Second, 3*time.Second
	bulk := redis.NewClient(&patient)
	defer func() { _ = bulk.Close() }()
	sha, err := client.ScriptLoad(ctx, script).Result()
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	bytes := http.NewServeMux()
	bytes.Handle("/raw/{from}/{pieces}", transfers(bulk))
	counter := increment(client, sha)
	srv := server.HTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // without a mux, which would raise the floor
			counter.ServeHTTP(w, r)
			return
		}
		bytes.ServeHTTP(w, r)
	}), slog.New(slog.NewTextHandler(os.Stderr, nil)))
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	fmt.Fprintf(out, "floor serves on http://%s with script %s\n", listener.Addr(), sha)
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err := srv.Shutdown(ctx)
		<-served
		return err
	}
}

// increment adds one to the counter of the session that the path stands for.
func increment(client *redis.Client, sha string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := client.EvalSha(r.Context(), sha, []string{"floor:" + r.URL.Path}, "counter", 1).Int64()
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"value":`+strconv.FormatInt(n, 10)+"}\n")
	})
}

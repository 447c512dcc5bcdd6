package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"toolpit/internal/app"
)

func cpus() string { return strconv.Itoa(runtime.GOMAXPROCS(0)) }

type serveCmd struct {
	Listen string `help:"Address to listen on. One that other hosts can reach needs --api-keys or --insecure." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	Store  string `help:"Where all state lives: sqlite:PATH, redis://[user:password@]host:port[/db], rediss://…, redis+sentinel://[user:password@]host:port[,host:port…]/MASTER[/db] or redis+cluster://[user:password@]host:port[,host:port…]" default:"sqlite:data/toolpit.db" placeholder:"URL"`

	APIKeys  string `name:"api-keys" help:"File of lines owner:sha256-hex-of-the-key; with it every request needs Authorization: Bearer KEY." placeholder:"FILE"`
	Insecure bool   `help:"Allow an address that other hosts can reach without API keys."`

	AllowEviction bool `help:"Accept a Redis that may evict keys, and thereby lose state."`

	Durability string `help:"What a write survives once it is answered: memory (nothing is asked of the store), everysec or fsync (a power cut, with or without the loss of the last second), replicated (a failover). A store that cannot honour it is refused." enum:"memory,everysec,fsync,replicated" default:"memory"`
	Replicas   int    `help:"With --durability replicated: Redis replicas that confirm a write before it is answered." default:"1"`

	DefaultTTL     time.Duration `name:"default-ttl" help:"TTL of a session that asks for none." default:"1h"`
	MaxTTL         time.Duration `name:"max-ttl" help:"Longest TTL a session may ask for." default:"720h"`
	TombstoneTTL   time.Duration `name:"tombstone-ttl" help:"How long an expired session answers 410 rather than 404." default:"1h"`
	IdempotencyTTL time.Duration `name:"idempotency-ttl" help:"How long an Idempotency-Key is remembered." default:"24h"`

	MaxBodyBytes       int64 `help:"Largest JSON body." default:"1048576"`
	MaxEnvelopeBytes   int64 `help:"Largest session that is exported, and body that imports one. Up to eight are handled at the same time, each in twice as much memory." default:"33554432"`
	MaxVariables       int64 `help:"Variables in a session." default:"10000"`
	MaxValueBytes      int64 `help:"Encoded size of one variable's value, unless it is a tensor." default:"262144"`
	MaxTensorBytes     int64 `help:"Largest tensor." default:"1073741824"`
	MaxSessionBytes    int64 `help:"Everything in one session." default:"4294967296"`
	MaxHistoryVersions int64 `help:"Versions of a variable that are kept, with the current one." default:"50"`
	MaxHistoryBytes    int64 `help:"Of a variable's versions but the current one, tensors included; the oldest go first." default:"67108864"`
	ChangeLog          int64 `help:"Entries of a session's change log." default:"10000"`
	TensorMemory       int64 `help:"Memory that tensors on their way through this replica may take together; those for which none is left wait." default:"67108864"`
	MaxWatchers        int   `help:"Streams of changes that this replica sends at the same time." default:"10000"`

	DefaultTimeout time.Duration `help:"Time a call gets when it asks for none." default:"60s"`
	MaxTimeout     time.Duration `help:"Longest time a call may ask for." default:"300s"`
	LightSlots     int           `help:"Light calls that run at the same time." default:"512"`
	CPUSlots       int           `name:"cpu-slots" help:"Calculating calls that run at the same time." default:"${cpus}"`
	Queue          int           `help:"Calls of each kind that may wait." default:"1024"`
	OwnerRate      float64       `help:"Requests a second that one owner may make of this replica; 0 means any number." default:"0"`

	ReplicaID     string        `name:"replica-id" help:"Name of this replica in answers and logs; minted when empty."`
	DrainDelay    time.Duration `help:"On SIGTERM: how long /readyz says 503 before the listener closes." default:"1s"`
	DrainTimeout  time.Duration `help:"On SIGTERM: how long requests under way may take." default:"10s"`
	SweepInterval time.Duration `help:"Pause between two passes of housekeeping." default:"10s"`

	LogFormat    string  `help:"Format of the log on stderr: ${enum}." enum:"text,json" default:"text"`
	OTLPEndpoint string  `name:"otlp-endpoint" help:"Send traces to this OpenTelemetry collector, over OTLP/HTTP; nothing is traced without one." placeholder:"URL"`
	TraceSample  float64 `help:"Share of requests that are traced when their traceparent does not say." default:"0.01"`

	LogLevel string `help:"Least level that is logged: ${enum}." enum:"debug,info,warn,error" default:"info"`
}

// Run serves until ctx is cancelled by a signal, then drains.
func (c *serveCmd) Run(ctx context.Context) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(app.GCPercent)
	}
	a, err := app.New(ctx, app.Config{
		Listen: c.Listen, Store: c.Store, APIKeys: c.APIKeys, Insecure: c.Insecure, AllowEviction: c.AllowEviction,
		Durability: c.Durability, Replicas: c.Replicas,
		DefaultTTL: c.DefaultTTL, MaxTTL: c.MaxTTL, TombstoneTTL: c.TombstoneTTL, IdempotencyTTL: c.IdempotencyTTL,
		MaxBodyBytes: c.MaxBodyBytes, MaxVariables: c.MaxVariables, MaxValueBytes: c.MaxValueBytes,
		MaxSessionBytes: c.MaxSessionBytes, ChangeLog: c.ChangeLog, MaxEnvelopeBytes: c.MaxEnvelopeBytes,
		MaxTensorBytes: c.MaxTensorBytes, MaxHistoryVersions: c.MaxHistoryVersions, MaxHistoryBytes: c.MaxHistoryBytes,
		TensorMemory: c.TensorMemory, MaxWatchers: c.MaxWatchers,
		DefaultTimeout: c.DefaultTimeout, MaxTimeout: c.MaxTimeout,
		LightSlots: c.LightSlots, CPUSlots: c.CPUSlots, Queue: c.Queue, OwnerRate: c.OwnerRate,
		ReplicaID: c.ReplicaID, Version: buildVersion(),
		DrainDelay: c.DrainDelay, DrainTimeout: c.DrainTimeout, SweepInterval: c.SweepInterval,
		LogFormat: c.LogFormat, LogLevel: c.LogLevel, OTLPEndpoint: c.OTLPEndpoint, TraceSample: c.TraceSample,
		Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

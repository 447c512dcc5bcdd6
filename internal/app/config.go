package app

import (
	"fmt"
	"io"
	"net"
	"regexp"
	"time"

	"toolpit/internal/server"
	"toolpit/internal/store"
)

// Config is everything the process can be told.
type Config struct {
	Listen        string // host:port; port 0 lets the kernel choose
	Store         string // URL of the back end
	APIKeys       string // path of the key file; "" asks nobody for a key
	Insecure      bool   // allow Listen to be reachable without keys
	AllowEviction bool
	Durability    string // what a write survives once it is answered: a store.Durability
	Replicas      int    // that confirm a write, where it is to be replicated

	DefaultTTL, MaxTTL, TombstoneTTL, IdempotencyTTL time.Duration

	MaxBodyBytes, MaxEnvelopeBytes                                          int64 // of a request
	MaxVariables, MaxValueBytes, MaxTensorBytes, MaxSessionBytes, ChangeLog int64 // of a session
	MaxHistoryVersions, MaxHistoryBytes                                     int64 // of a variable
	TensorMemory                                                            int64 // that tensors on their way take together
	MaxWatchers                                                             int   // streams at the same time

	DefaultTimeout, MaxTimeout time.Duration
	LightSlots, CPUSlots       int
	Queue                      int
	OwnerRate                  float64 // requests a second and owner; 0 is unlimited

	ReplicaID string
	Version   string

	DrainDelay, DrainTimeout, SweepInterval time.Duration

	LogFormat, LogLevel string

	OTLPEndpoint string  // URL of a collector for traces; "" traces nothing
	TraceSample  float64 // share of requests that are traced when their caller did not decide

	Stdout, Stderr io.Writer
}

// ConfigError says that the process was told something it cannot do; starting
// again without a change is useless.
type ConfigError struct{ Reason string }

// Error returns the reason.
func (e *ConfigError) Error() string { return e.Reason }

func configErrorf(format string, args ...any) error {
	return &ConfigError{Reason: fmt.Sprintf(format, args...)}
}

// replicaName is what a replica may be called in headers, answers and logs.
var replicaName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// check refuses what cannot work before anything is opened.
func (c Config) check() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return configErrorf("--listen %q is not of the form HOST:PORT", c.Listen)
	}
	if c.APIKeys == "" && !c.Insecure && !loopback(host) {
		return configErrorf("--listen %s can be reached by other hosts: give --api-keys FILE, or --insecure to let anybody in", c.Listen)
	}
	for flag, d := range map[string]time.Duration{
		"default-ttl": c.DefaultTTL, "max-ttl": c.MaxTTL, "tombstone-ttl": c.TombstoneTTL, "idempotency-ttl": c.IdempotencyTTL,
	} {
		if d < time.Second || d%time.Second != 0 {
			return configErrorf("--%s must be a number of whole seconds", flag)
		}
	}
	for flag, d := range map[string]time.Duration{
		"default-timeout": c.DefaultTimeout, "max-timeout": c.MaxTimeout,
		"drain-timeout": c.DrainTimeout, "sweep-interval": c.SweepInterval,
	} {
		if d < time.Millisecond {
			return configErrorf("--%s must be at least a millisecond", flag)
		}
	}
	if c.ReplicaID != "" && !replicaName.MatchString(c.ReplicaID) {
		return configErrorf("--replica-id must be of the form %s", replicaName)
	}
	if !store.Durability(c.Durability).Known() {
		return configErrorf("--durability must be one of %v", store.Durabilities())
	}
	if c.Replicas < 1 {
		return configErrorf("--replicas must be at least 1")
	}
	if c.DefaultTTL > c.MaxTTL {
		return configErrorf("--default-ttl %s is longer than --max-ttl %s", c.DefaultTTL, c.MaxTTL)
	}
	if c.DefaultTimeout > c.MaxTimeout {
		return configErrorf("--default-timeout %s is longer than --max-timeout %s", c.DefaultTimeout, c.MaxTimeout)
	}
	for flag, n := range map[string]int64{
		"max-body-bytes": c.MaxBodyBytes, "max-envelope-bytes": c.MaxEnvelopeBytes,
		"max-variables": c.MaxVariables, "max-value-bytes": c.MaxValueBytes, "max-tensor-bytes": c.MaxTensorBytes,
		"max-session-bytes": c.MaxSessionBytes, "change-log": c.ChangeLog,
		"max-history-versions": c.MaxHistoryVersions, "max-history-bytes": c.MaxHistoryBytes, "max-watchers": int64(c.MaxWatchers),
		"light-slots": int64(c.LightSlots), "cpu-slots": int64(c.CPUSlots),
	} {
		if n < 1 {
			return configErrorf("--%s must be at least 1", flag)
		}
	}
	if c.TensorMemory < server.LeastTensorMemory {
		return configErrorf("--tensor-memory must be at least %d", server.LeastTensorMemory)
	}
	if !(c.TraceSample >= 0 && c.TraceSample <= 1) { // a NaN is neither
		return configErrorf("--trace-sample must be a number from 0 to 1")
	}
	if c.Queue < 0 || !(c.OwnerRate >= 0) || c.DrainDelay < 0 { // a NaN is not >= 0
		return configErrorf("--queue, --owner-rate and --drain-delay must be numbers and not negative")
	}
	return nil
}

// loopback tells whether only this host can reach an address. A name counts
// when all it resolves to is known without asking anybody: "localhost".
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

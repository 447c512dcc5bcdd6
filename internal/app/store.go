package app

import (
	"context"
	"errors"
	"strings"

	"toolpit/internal/store"
	"toolpit/internal/store/redisstore"
	"toolpit/internal/store/sqlitestore"
)

// openStore opens the back end that cfg names. A server that does not answer
// is no error here: the watcher waits for it.
func openStore(ctx context.Context, cfg Config, watch redisstore.Observer) (store.Store, error) {
	common := store.Config{
		Limits:       cfg.sessionLimits(),
		TombstoneTTL: cfg.TombstoneTTL,
		KeyTTL:       cfg.IdempotencyTTL,
		Durability:   store.Durability(cfg.Durability),
		Replicas:     cfg.Replicas,
	}
	var s store.Store
	var err error
	scheme, rest, _ := strings.Cut(cfg.Store, ":")
	switch scheme {
	case "sqlite":
		if rest == "" {
			return nil, configErrorf("--store sqlite: needs a path, such as sqlite:data/toolpit.db")
		}
		s, err = sqlitestore.Open(ctx, rest, common)
	case "redis", "rediss", "redis+sentinel", "redis+cluster":
		s, err = redisstore.Open(cfg.Store, common, redisstore.Options{AllowEviction: cfg.AllowEviction, Observer: watch})
	default:
		// The URL is not repeated: it may hold a password.
		return nil, configErrorf("--store must begin with sqlite:, redis://, rediss://, redis+sentinel:// or redis+cluster://")
	}
	if unfit, ok := errors.AsType[*store.Unfit](err); ok {
		return nil, &ConfigError{Reason: unfit.Reason}
	}
	return s, err
}

// sessionLimits is what a session may hold.
func (c Config) sessionLimits() store.Limits {
	return store.Limits{
		Variables: c.MaxVariables, ValueBytes: c.MaxValueBytes, TensorBytes: c.MaxTensorBytes, SessionBytes: c.MaxSessionBytes,
		Changes: c.ChangeLog, History: c.MaxHistoryVersions, HistoryBytes: c.MaxHistoryBytes,
	}
}

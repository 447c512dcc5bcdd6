package redisstore

import (
	"context"
	"errors"
	"strconv"

	"toolpit/internal/store"
)

// Usage implements store.Sessions.
func (s *Store) Usage(ctx context.Context, ref store.Ref) (store.Usage, error) {
	reply, err := s.query(ctx, s.scripts.usage, sessionKeys(ref, 0), []string{s.settings()})
	if err != nil {
		return store.Usage{}, err
	}
	if len(reply) >= 2 && reply[0] == "E" {
		return store.Usage{}, sessionRefusal(reply[1], 0, nil)
	}
	const numbers = 6 // after the status
	if len(reply) != 1+numbers {
		return store.Usage{}, damaged(errors.New("a usage that does not say all"))
	}
	var n [numbers]int64
	for i := range n {
		if n[i], err = strconv.ParseInt(reply[1+i], 10, 64); err != nil {
			return store.Usage{}, damaged(err)
		}
	}
	return store.Usage{
		Bytes: n[0], Variables: n[1], Changes: n[2], Blobs: n[3], BlobBytes: n[4], Locks: n[5], Limits: s.cfg.Limits,
	}, nil
}

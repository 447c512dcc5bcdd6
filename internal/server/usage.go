package server

import (
	"context"
	"time"

	"toolpit/api"
	"toolpit/internal/store"
)

// GetSessionUsage tells what a session holds.
func (s *service) GetSessionUsage(ctx context.Context, req api.GetSessionUsageRequestObject) (api.GetSessionUsageResponseObject, error) {
	x := exchangeOf(ctx)
	ref, err := refOf(x, req.ID)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	u, err := s.store.Usage(ctx, ref)
	timing := x.stored(start)
	if err != nil {
		return nil, err
	}
	return api.GetSessionUsage200JSONResponse{
		Body: api.SessionUsage{
			Bytes:     api.Used{Used: u.Bytes, Limit: u.Limits.SessionBytes},
			Variables: api.Used{Used: u.Variables, Limit: u.Limits.Variables},
			Events:    api.Used{Used: u.Changes, Limit: u.Limits.Changes},
			Locks:     api.Used{Used: u.Locks, Limit: store.MaxLocks},
			Blobs:     api.BlobUsage{Used: u.Blobs, Bytes: u.BlobBytes},
		},
		Headers: api.GetSessionUsage200ResponseHeaders{ServerTiming: timing},
	}, nil
}

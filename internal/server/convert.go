package server

import (
	"time"

	"toolpit/api"
	"toolpit/internal/store"
)

// toSession is a session as clients see it.
func toSession(s store.Session) api.Session {
	labels := s.Labels
	if labels == nil {
		labels = map[string]string{} // null would not be an object
	}
	return api.Session{
		ID:            s.ID,
		CreatedAt:     s.Created.UTC(),
		ExpiresAt:     s.Expires.UTC(),
		TTLSeconds:    int64(s.TTL / time.Second),
		Labels:        labels,
		Version:       s.Version,
		CommandCount:  s.Commands,
		VariableCount: s.Variables,
	}
}

// tagOf is the ETag of a session.
func tagOf(s store.Session) *string { return new(quoted(s.Tag())) }

// lifetime is a TTL in a body as a duration, otherwise when there is none.
func lifetime(seconds *int64, otherwise time.Duration) time.Duration {
	if seconds == nil {
		return otherwise
	}
	return time.Duration(*seconds) * time.Second
}

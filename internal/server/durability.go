package server

import (
	"context"
	"slices"
	"strings"

	"toolpit/internal/store"
)

// write is x.write with the durability that the request prefers. Errors:
// InvalidRequest, StoreUnavailable.
func (s *service) write(ctx context.Context, x *exchange, key *string) (store.Write, error) {
	w, err := x.write(key)
	if err == nil {
		w.Durability, err = s.preferred(ctx, x)
	}
	return w, err
}

// preferred returns the durability that a request asks for beyond what every
// write has, "" when it asks for none, and has the answer say that it was
// reached: one that reports anything else takes that back. The store is asked
// each time, since only a promise that holds now is one. Errors: InvalidRequest,
// StoreUnavailable.
func (s *service) preferred(ctx context.Context, x *exchange) (store.Durability, error) {
	headers := x.request.Header["Prefer"]
	if len(headers) == 0 {
		return "", nil
	}
	level, err := preferredDurability(headers)
	if err != nil || level == "" {
		return "", err
	}
	honoured, err := s.store.Honours(ctx)
	if err != nil {
		return "", err
	}
	if !slices.Contains(honoured, level) {
		return "", refuseParameter("Prefer", "asks for a durability that the store cannot honour at present; /readyz lists what it can")
	}
	h := x.Header()
	h.Set("Preference-Applied", "durability="+string(level))
	h.Set("Durability-Achieved", string(level))
	return level, nil
}

// preferredDurability finds durability=LEVEL among preferences (RFC 7240). Of
// several the first counts; other preferences are not ours to refuse.
func preferredDurability(headers []string) (store.Durability, error) {
	for _, header := range headers {
		for preference := range strings.SplitSeq(header, ",") {
			preference, _, _ = strings.Cut(preference, ";")
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.TrimSpace(name), "durability") {
				continue
			}
			level := store.Durability(strings.Trim(strings.TrimSpace(value), `"`))
			if !level.Known() {
				return "", refuseParameter("Prefer", "asks for a durability that is none of memory, everysec, fsync and replicated")
			}
			return level, nil
		}
	}
	return "", nil
}

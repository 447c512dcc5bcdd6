package server

import (
	"math"
	"time"

	"golang.org/x/time/rate"

	"toolpit/internal/fault"
)

// rates is how fast each owner may send requests to this replica. There is one
// bucket for each owner in the file of keys, so it cannot grow. nil limits
// nobody.
type rates map[string]*rate.Limiter

func newRates(keys *Keys, perSecond float64, burst int) rates {
	if perSecond <= 0 {
		return nil
	}
	if burst < 1 {
		burst = max(1, int(math.Ceil(perSecond))) // a second's worth
	}
	owners := []string{anybody}
	if keys != nil {
		owners = keys.Owners()
	}
	r := rates{}
	for _, owner := range owners {
		r[owner] = rate.NewLimiter(rate.Limit(perSecond), burst)
	}
	return r
}

// allow takes one request from the owner's bucket. Errors: RateLimited, with
// the time after which there is one again.
func (r rates) allow(owner string, now time.Time) error {
	bucket := r[owner]
	if bucket == nil {
		return nil
	}
	reservation := bucket.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait <= 0 {
		return nil
	}
	reservation.CancelAt(now)
	return fault.New(fault.RateLimited, "The rate allowed to this owner is used up.").Retry(wait)
}

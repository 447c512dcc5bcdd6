package server

import (
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"time"

	"toolpit/api"
	"toolpit/internal/store"
)

// LockVariable takes or renews the lock of a variable. Under a key, a token
// that is made here is kept with the unit, so that a repetition gets it, too.
func (s *service) LockVariable(ctx context.Context, req api.LockVariableRequestObject) (api.LockVariableResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	lease := store.Lease{Holder: writer, Keep: true, TTL: time.Duration(req.Body.TTLSeconds) * time.Second}
	if req.Body.Holder != nil {
		lease.Holder, lease.Keep = *req.Body.Holder, false
	}
	if lease.Token, err = lockToken(x); err != nil {
		return nil, err
	}
	switch {
	case req.Body.Token != nil:
		lease.Token = *req.Body.Token
	case lease.Token == "":
		lease.Token = rand.Text()
	}
	applied, err := s.change(ctx, x, at, req.Params.IdempotencyKey, store.AcquireLock(at.name, lease), condition{})
	if err != nil {
		return nil, err
	}
	lock := applied.Results[0].Lock
	b := appendText([]byte(`{"token":`), lock.Token)
	b = strconv.AppendInt(append(b, `,"fence":`...), lock.Fence, 10)
	b = appendTime(append(b, `,"expires_at":`...), lock.Expires)
	return rendered{exchange: x, status: http.StatusOK, body: append(b, '}')}, nil
}

// UnlockVariable gives a lock up.
func (s *service) UnlockVariable(ctx context.Context, req api.UnlockVariableRequestObject) (api.UnlockVariableResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	if _, err := s.change(ctx, x, at, req.Params.IdempotencyKey, store.ReleaseLock(at.name), condition{}); err != nil {
		return nil, err
	}
	return rendered{exchange: x, status: http.StatusNoContent}, nil
}

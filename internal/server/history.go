package server

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"toolpit/api"
	"toolpit/internal/store"
)

// GetVariableHistory lists the versions of a variable.
func (s *service) GetVariableHistory(ctx context.Context, req api.GetVariableHistoryRequestObject) (api.GetVariableHistoryResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	p, err := page(req.Params.Limit, nil)
	if err != nil {
		return nil, err
	}
	before := int64(0)
	if req.Params.Before != nil {
		if before = *req.Params.Before; before < 1 {
			return nil, refuseParameter("before", versionRule)
		}
	}
	start := time.Now()
	found, err := s.store.History(ctx, at.Ref, at.name, before, p.Limit)
	x.stored(start)
	if err != nil {
		return nil, err
	}
	b := []byte(`{"items":[`)
	for i, v := range found.Items {
		href := ""
		if i > 0 {
			b = append(b, ',')
		} else if before == 0 {
			href = tensorPath(at.Ref, at.name) // leads to the current version only
		}
		b = appendVersion(b, v, href)
	}
	b = append(b, ']')
	if found.Next != 0 {
		b = strconv.AppendInt(append(b, `,"next_before":`...), found.Next, 10)
	}
	return rendered{exchange: x, status: http.StatusOK, body: append(b, '}')}, nil
}

// appendVersion appends an api.VariableVersion as JSON.
func appendVersion(b []byte, v store.Variable, href string) []byte {
	b = strconv.AppendInt(append(b, `{"version":`...), v.Version, 10)
	b = appendValue(append(b, ','), v.Value, href)
	b = appendTime(append(b, `,"updated_at":`...), v.Updated)
	b = appendText(append(b, `,"updated_by":`...), v.By)
	b = appendStored(append(b, `,"metadata":`...), v.Metadata)
	return append(b, '}')
}

// RollbackVariable returns to an earlier version of a variable.
func (s *service) RollbackVariable(ctx context.Context, req api.RollbackVariableRequestObject) (api.RollbackVariableResponseObject, error) {
	x := exchangeOf(ctx)
	at, err := variableOf(x, req.ID, req.Name)
	if err != nil {
		return nil, err
	}
	op := store.Rollback(at.name, req.Body.Version)
	applied, err := s.change(ctx, x, at, req.Params.IdempotencyKey, op, condition{ifMatch: req.Params.IfMatch})
	if err != nil {
		return nil, err
	}
	return written(x, at, applied, http.StatusOK), nil
}

package server

import (
	"context"
	"net/http"
	"time"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// ForkSession reads the body strictly, or none, and copies a session.
func (e *edge) ForkSession(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.ForkSessionParams) {
	if body, ok := read(e, w, r, forkBody, optional, e.service.limits.fork); ok {
		response, err := e.service.ForkSession(r.Context(), api.ForkSessionRequestObject{ID: id, Params: params, Body: body})
		finish(w, r, response, err, api.ForkSessionResponseObject.VisitForkSessionResponse)
	}
}

// forkBody is known to an envelope. Nobody writes to it.
var forkBody = envelopeOf[api.ForkSessionRequest]()

// fork checks what the body of a fork says of the new session.
func (l Limits) fork(b *api.ForkSessionRequest) []fault.Violation {
	return l.create(&api.CreateSessionRequest{TTLSeconds: b.TTLSeconds, Labels: b.Labels})
}

// ForkSession copies a session. Under a key the child's id is decided before it
// is made, as for a session that is created.
func (s *service) ForkSession(ctx context.Context, req api.ForkSessionRequestObject) (api.ForkSessionResponseObject, error) {
	x := exchangeOf(ctx)
	ref, err := refOf(x, req.ID)
	if err != nil {
		return nil, err
	}
	w, err := s.write(ctx, x, req.Params.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	child := ref.MintFork()
	if w.Token.Keyed() {
		// Answers outside sessions are the owner's, this key is the session's.
		kept := w
		kept.Token = store.KeyedToken("fork of " + ref.ID + " " + *req.Params.IdempotencyKey)
		child.ID, err = s.settleID(ctx, x.owner, kept, &child.ID)
	}
	if err != nil {
		return nil, err
	}
	created, err := s.store.Fork(ctx, ref, child, store.NewSession{
		Write: creation(w, req.Params.IdempotencyKey), TTL: lifetime(req.Body.TTLSeconds, 0), Labels: req.Body.Labels,
	})
	timing := x.stored(start)
	if err != nil {
		return nil, err
	}
	return api.ForkSession201JSONResponse{Body: toSession(created.Session), Headers: api.ForkSession201ResponseHeaders{
		ETag: tagOf(created.Session), Location: new("/sessions/" + created.ID), IdempotencyReplayed: x.replay(created.Replayed), ServerTiming: timing,
	}}, nil
}

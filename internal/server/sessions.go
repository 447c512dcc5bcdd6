package server

import (
	"context"
	"errors"
	"time"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// CreateSession creates a session.
func (s *service) CreateSession(ctx context.Context, req api.CreateSessionRequestObject) (api.CreateSessionResponseObject, error) {
	x := exchangeOf(ctx)
	w, err := s.write(ctx, x, req.Params.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	id, err := s.settleID(ctx, x.owner, w, req.Body.ID)
	if err != nil {
		return nil, err
	}
	created, err := s.store.Create(ctx, store.Ref{Owner: x.owner, ID: id}, store.NewSession{
		Write:          creation(w, req.Params.IdempotencyKey),
		TTL:            lifetime(req.Body.TTLSeconds, s.limits.DefaultTTL),
		Labels:         req.Body.Labels,
		ReturnExisting: req.Body.IfExists != nil && *req.Body.IfExists == api.IfExistsReturn,
	})
	timing := x.stored(start)
	if err != nil {
		return nil, err
	}
	body, location := toSession(created.Session), "/sessions/"+created.ID
	if created.Existing {
		return api.CreateSession200JSONResponse{Body: body, Headers: api.CreateSession200ResponseHeaders{
			ETag: tagOf(created.Session), Location: &location, IdempotencyReplayed: x.replay(created.Replayed), ServerTiming: timing,
		}}, nil
	}
	return api.CreateSession201JSONResponse{Body: body, Headers: api.CreateSession201ResponseHeaders{
		ETag: tagOf(created.Session), Location: &location, IdempotencyReplayed: x.replay(created.Replayed), ServerTiming: timing,
	}}, nil
}

// settleID decides which id a new session gets. Under a key the decision is
// stored before anything is created: whoever repeats the request after a crash
// in between creates the same session.
func (s *service) settleID(ctx context.Context, owner string, w store.Write, wanted *string) (string, error) {
	var id string
	if wanted != nil {
		id = *wanted
	} else {
		id = store.MintID()
	}
	if !w.Token.Keyed() {
		return id, nil
	}
	kept, err := s.store.Remember(ctx, owner, w, []byte(id))
	if err != nil {
		return "", err
	}
	return string(kept.Memo), nil
}

// creation is what the creation itself carries. A key of POST /sessions belongs
// to the owner, whereas the creation is recorded in the session: there the same
// key may come again for something else, so it goes by a name that no key has.
func creation(w store.Write, key *string) store.Write {
	if w.Token.Keyed() {
		w.Token = store.KeyedToken("creation " + *key)
	}
	return w
}

// ListSessions lists the owner's sessions.
func (s *service) ListSessions(ctx context.Context, req api.ListSessionsRequestObject) (api.ListSessionsResponseObject, error) {
	x := exchangeOf(ctx)
	p, err := page(req.Params.Limit, req.Params.Cursor)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	found, err := s.store.List(ctx, x.owner, p)
	timing := x.stored(start)
	if errors.Is(err, fault.InvalidRequest) {
		return nil, refuseCursor() // the only thing in the page that the store can judge
	}
	if err != nil {
		return nil, err
	}
	list := api.SessionList{Items: make([]api.Session, 0, len(found.Items)), NextCursor: found.Next}
	for _, one := range found.Items {
		list.Items = append(list.Items, toSession(one))
	}
	return api.ListSessions200JSONResponse{Body: list, Headers: api.ListSessions200ResponseHeaders{
		Link: nextLink("/sessions", p.Limit, found.Next, nil), ServerTiming: timing,
	}}, nil
}

// GetSession reads a session.
func (s *service) GetSession(ctx context.Context, req api.GetSessionRequestObject) (api.GetSessionResponseObject, error) {
	x := exchangeOf(ctx)
	ref, err := refOf(x, req.ID)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	session, err := s.store.Get(ctx, ref)
	timing := x.stored(start)
	if err != nil {
		return nil, err
	}
	return api.GetSession200JSONResponse{Body: toSession(session), Headers: api.GetSession200ResponseHeaders{
		ETag: tagOf(session), ServerTiming: timing,
	}}, nil
}

// UpdateSession changes a session.
func (s *service) UpdateSession(ctx context.Context, req api.UpdateSessionRequestObject) (api.UpdateSessionResponseObject, error) {
	x := exchangeOf(ctx)
	ref, err := refOf(x, req.ID)
	if err != nil {
		return nil, err
	}
	update := store.SessionUpdate{TTL: lifetime(req.Body.TTLSeconds, 0), Labels: req.Body.Labels}
	if update.Match, err = precondition(req.Params.IfMatch); err != nil {
		return nil, err
	}
	if update.Write, err = s.write(ctx, x, req.Params.IdempotencyKey); err != nil {
		return nil, err
	}
	start := time.Now()
	changed, err := s.store.Update(ctx, ref, update)
	timing := x.stored(start)
	if err != nil {
		return nil, err
	}
	return api.UpdateSession200JSONResponse{Body: toSession(changed.Session), Headers: api.UpdateSession200ResponseHeaders{
		ETag: tagOf(changed.Session), IdempotencyReplayed: x.replay(changed.Replayed), ServerTiming: timing,
	}}, nil
}

// DeleteSession deletes a session, whether it is there or not.
func (s *service) DeleteSession(ctx context.Context, req api.DeleteSessionRequestObject) (api.DeleteSessionResponseObject, error) {
	x := exchangeOf(ctx)
	ref, err := refOf(x, req.ID)
	if err != nil {
		return nil, err
	}
	var removal store.SessionRemoval
	if removal.Match, err = precondition(req.Params.IfMatch); err != nil {
		return nil, err
	}
	if removal.Write, err = s.write(ctx, x, req.Params.IdempotencyKey); err != nil {
		return nil, err
	}
	if removal.LockToken, err = lockToken(x); err != nil {
		return nil, err
	}
	start := time.Now()
	removed, err := s.store.Remove(ctx, ref, removal)
	timing := x.stored(start)
	if err != nil {
		return nil, err
	}
	return api.DeleteSession204Response{Headers: api.DeleteSession204ResponseHeaders{
		IdempotencyReplayed: x.replay(removed.Replayed), ServerTiming: timing,
	}}, nil
}

// TouchSession re-arms a session's expiry.
func (s *service) TouchSession(ctx context.Context, req api.TouchSessionRequestObject) (api.TouchSessionResponseObject, error) {
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
	touched, err := s.store.Touch(ctx, ref, w)
	timing := x.stored(start)
	if err != nil {
		return nil, err
	}
	return api.TouchSession200JSONResponse{Body: toSession(touched.Session), Headers: api.TouchSession200ResponseHeaders{
		ETag: tagOf(touched.Session), IdempotencyReplayed: x.replay(touched.Replayed), ServerTiming: timing,
	}}, nil
}

// refOf names a session of the caller's. Errors: InvalidRequest.
func refOf(x *exchange, id string) (store.Ref, error) {
	if err := checkSessionID(id); err != nil {
		return store.Ref{}, err
	}
	return store.Ref{Owner: x.owner, ID: id}, nil
}

package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"time"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// A tensor is too large to be kept until the store has said whether it is a
// repetition. So the key alone is asked about first. If it was used, the body is
// read for nothing but the fingerprint, and nothing is judged or staged: what was
// answered then is answered again, whatever the session is now.

// used tells whether something was done under the request's key.
func (p *tensorPut) used(ctx context.Context) (bool, error) {
	w, err := p.exchange.write(p.key)
	if err != nil || !w.Token.Keyed() {
		return false, err
	}
	w.Fingerprint = [32]byte{} // of no request
	_, err = p.recall(ctx, w)
	switch {
	case errors.Is(err, fault.IdempotencyKeyReused):
		return true, nil
	case errors.Is(err, fault.VersionConflict), errors.Is(err, fault.SessionNotFound),
		errors.Is(err, fault.SessionExpired), errors.Is(err, fault.SessionReadOnly):
		return false, nil
	default:
		return false, err
	}
}

// recall returns what was applied under a token. A unit that asks for it is
// refused if there is nothing: no variable has that version.
func (p *tensorPut) recall(ctx context.Context, w store.Write) (store.Applied, error) {
	start := time.Now()
	defer func() { p.exchange.stored(start) }()
	return p.service.store.Apply(ctx, p.at.Ref, store.Unit{Write: w, Ops: []store.Op{store.Load(p.at.name).IfVersion(-1)}})
}

// repeat answers a request under a key that was used. Errors:
// IdempotencyKeyReused for another request.
func (p *tensorPut) repeat(ctx context.Context, form tensorForm) (api.PutTensorResponseObject, error) {
	if err := p.digestBody(form); err != nil {
		return nil, err
	}
	write, err := p.exchange.write(p.key)
	if err != nil {
		return nil, err
	}
	write.Durability = p.durability
	applied, err := p.recall(ctx, write)
	if errors.Is(err, fault.VersionConflict) {
		return nil, fault.New(fault.StoreUnavailable, "The Idempotency-Key has just been forgotten; try again.").Retry(time.Second).Because(err)
	}
	if err != nil {
		return nil, err
	}
	p.exchange.replay(applied.Replayed)
	return p.written(applied), nil
}

// digestBody reads a body to its end and leaves what stands for it in the
// exchange.
func (p *tensorPut) digestBody(form tensorForm) error {
	s, x := p.service, p.exchange
	if form == jsonText {
		if err := noTensorHead(x.request.Header); err != nil {
			return err
		}
		_, err := readBody(x, s.limits.BodyBytes, required)
		x.body = fingerprinted(x, nil)
		return err
	}
	body, err := s.openTensor(x, form, p.limits, p.digest != nil)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, body.elements); err != nil {
		return p.broken(err)
	}
	digest := hex.EncodeToString(sum.Sum(nil))
	if err := p.verify(body, digest); err != nil {
		return err
	}
	v, err := body.head.describe(digest)
	x.body = fingerprinted(x, &v)
	return err
}

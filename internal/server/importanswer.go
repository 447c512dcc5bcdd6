package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// importAnswer is what an import was answered, but for the names: those are in
// the request.
type importAnswer struct {
	Session api.Session
	Tag     string
	Fresh   bool
	Fates   []byte
}

// answered returns what this import was answered before, nil if it was not.
func (j *importJob) answered(ctx context.Context) (*importAnswer, error) {
	if j.key == "" {
		return nil, nil
	}
	memo, found, err := j.service.store.Recall(ctx, j.ref.Owner, j.step("answer"))
	if err != nil || !found {
		return nil, err
	}
	return j.read(ctx, memo)
}

// answer keeps what the import is answered, and returns it; first, if another
// was quicker, what that one was answered.
func (j *importJob) answer(ctx context.Context, a *importAnswer) (first *importAnswer, replayed bool, err error) {
	if j.key == "" {
		return a, false, nil
	}
	memo, err := json.Marshal(a)
	if err != nil {
		return nil, false, err
	}
	list, err := j.keepParts(ctx, memo)
	if err != nil {
		return nil, false, err
	}
	kept, err := j.service.store.Remember(ctx, j.ref.Owner, j.step("answer"), list)
	if err != nil || !kept.Replayed {
		return a, false, err
	}
	if first, err = j.read(ctx, kept.Memo); err != nil || first == nil {
		return a, false, err
	}
	return first, true, nil
}

// keepParts stores an answer, which with its labels may be larger than what can
// be kept at once, in parts that go by their digests: so those of two who answer
// at the same time are not mixed. It returns the list of them.
func (j *importJob) keepParts(ctx context.Context, memo []byte) ([]byte, error) {
	var list []byte
	for part := range slices.Chunk(memo, store.MaxAnswer) {
		sum := sha256.Sum256(part)
		if _, err := j.service.store.Remember(ctx, j.ref.Owner, j.part(sum[:]), part); err != nil {
			return nil, err
		}
		list = append(list, sum[:]...)
	}
	return list, nil
}

// part is the write of a part of the answer.
func (j *importJob) part(sum []byte) store.Write { return j.step("part " + hex.EncodeToString(sum)) }

// read puts an answer together; nil when its parts have just been forgotten, as
// the rest of it is about to be.
func (j *importJob) read(ctx context.Context, list []byte) (*importAnswer, error) {
	var memo []byte
	for sum := range slices.Chunk(list, sha256.Size) {
		part, found, err := j.service.store.Recall(ctx, j.ref.Owner, j.part(sum))
		if err != nil || !found {
			return nil, err
		}
		memo = append(memo, part...)
	}
	a := &importAnswer{}
	if err := json.Unmarshal(memo, a); err != nil {
		return nil, fault.New(fault.Internal, "").Because(err)
	}
	if len(a.Fates) != len(j.variables) {
		return nil, fault.New(fault.Internal, "").Because(fmt.Errorf("an answer about %d variables, not %d", len(a.Fates), len(j.variables)))
	}
	return a, nil
}

// respond makes the response of an answer.
func (j *importJob) respond(x *exchange, a *importAnswer, replayed bool) api.ImportSessionResponseObject {
	report := api.ImportReport{Session: &a.Session}
	j.fates = fatesOf(a.Fates)
	j.fill(&report)
	etag, location, replay, timing := new(quoted(a.Tag)), new("/sessions/"+a.Session.ID), x.replay(replayed), x.stored(j.start)
	if a.Fresh {
		return api.ImportSession201JSONResponse{Body: report, Headers: api.ImportSession201ResponseHeaders{
			ETag: etag, Location: location, IdempotencyReplayed: replay, ServerTiming: timing,
		}}
	}
	return api.ImportSession200JSONResponse{Body: report, Headers: api.ImportSession200ResponseHeaders{
		ETag: etag, Location: location, IdempotencyReplayed: replay, ServerTiming: timing,
	}}
}

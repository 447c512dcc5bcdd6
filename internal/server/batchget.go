package server

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"time"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// readTries is how often variables are read in parts while the session changes.
const readTries = 3

// batchGet reads. Nothing changes, so there is nothing to remember under a key.
func (s *service) batchGet(ctx context.Context, x *exchange, ref store.Ref, key *string, names []string) (api.BatchVariablesResponseObject, error) {
	if _, err := s.write(ctx, x, key); err != nil {
		return nil, err
	}
	if _, err := lockToken(x); err != nil {
		return nil, err
	}
	start := time.Now()
	found, release, err := s.readAtOnce(ctx, ref, names)
	x.stored(start)
	if err != nil {
		return nil, err
	}
	return batchFound{exchange: x, ref: ref, names: names, found: found, release: release}, nil
}

// readAtOnce reads variables of one instant. As many as a page has are one call
// of the store; for more, memory is taken until release, and they are read in
// parts, which are of one instant when nothing changed from the first to the
// last. Errors: those of store.Variables.Read and of room, ValueTooLarge.
func (s *service) readAtOnce(ctx context.Context, ref store.Ref, names []string) (found map[string]store.Variable, release func(), err error) {
	first, err := s.store.ReadPart(ctx, ref, store.PageBytes, names...)
	if err != nil || first.Left == 0 {
		return first.Variables, func() {}, err
	}
	for try := range readTries + 1 {
		bytes := first.LeftBytes
		for _, v := range first.Variables {
			bytes += v.Size()
		}
		if bytes > s.limits.TensorMemory {
			return nil, nil, tooLargeTogether(bytes, s.limits.TensorMemory)
		}
		if release, err = s.room(ctx, bytes); err != nil {
			return nil, nil, err
		}
		if try < readTries {
			found, first, err = s.readOn(ctx, ref, names, first)
		} else { // at one go, which a slow store may not manage in time
			first, err = s.store.ReadPart(ctx, ref, bytes, names...)
			if found = first.Variables; first.Left > 0 {
				found = nil
			}
		}
		if err == nil && found != nil {
			return found, release, nil
		}
		release()
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fault.New(fault.StoreUnavailable, "The variables change faster than they can be read. Nothing is wrong with them; try again.").Retry(time.Second)
}

// readOn reads what a first part left. found is nil when the session changed
// meanwhile; first is another first part then.
func (s *service) readOn(ctx context.Context, ref store.Ref, names []string, part store.Snapshot) (found map[string]store.Variable, first store.Snapshot, err error) {
	found, first = part.Variables, part
	for part.Left > 0 {
		part, err = s.store.ReadPart(ctx, ref, store.PageBytes, names[len(names)-part.Left:]...)
		if err != nil {
			return nil, first, err
		}
		if part.Epoch != first.Epoch || part.Seq != first.Seq {
			first, err = s.store.ReadPart(ctx, ref, store.PageBytes, names...)
			return nil, first, err
		}
		maps.Copy(found, part.Variables)
	}
	return found, first, nil
}

func tooLargeTogether(bytes, limit int64) error {
	e := &fault.Error{
		Code:   fault.ValueTooLarge,
		Detail: fmt.Sprintf("These variables are larger than what can be read together, %d bytes. Ask for fewer.", limit),
		Facts:  fault.Facts{LimitBytes: limit, Current: bytes},
	}
	e.Violations = []fault.Violation{{Pointer: "/get", Code: e.Code, Detail: e.Detail}}
	return e
}

// batchFound is the answer to a batch that reads. It is written from where the
// variables are, and gives their memory back.
type batchFound struct {
	exchange *exchange
	ref      store.Ref
	names    []string
	found    map[string]store.Variable
	release  func()
}

// foundPiece is how much of the answer is gathered before it is written.
const foundPiece = 64 << 10

// VisitBatchVariablesResponse sends the answer.
func (a batchFound) VisitBatchVariablesResponse(w http.ResponseWriter) error {
	defer a.release()
	h := w.Header()
	h["Server-Timing"] = a.exchange.timing[:]
	h["Content-Type"] = typeJSON[:]
	w.WriteHeader(http.StatusOK)
	b, missing := []byte(`{"found":{`), []byte(`},"missing":[`)
	follows := false
	for _, name := range a.names {
		v, ok := a.found[name]
		if !ok {
			missing = appendText(separated(missing), name)
			continue
		}
		if follows {
			b = append(b, ',')
		}
		follows = true
		b = append(appendText(b, name), ':')
		b = appendVariable(b, a.ref, v)
		if len(b) < foundPiece {
			continue
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		a.exchange.writeWithin(pieceTime)
		b = b[:0]
	}
	_, err := w.Write(append(append(b, missing...), "]}\n"...))
	return err
}

package server

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// The format of envelopes.
const (
	envelopeFormat  = "toolpit-session"
	envelopeVersion = 1
)

// exportTries is how often a session is read that changes meanwhile.
const exportTries = 5

// ExportSession takes no body, as TouchSession. It holds its place until the
// answer has been taken: that is how long the envelope is in memory.
func (e *edge) ExportSession(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.ExportSessionParams) {
	err := ignoredBody(exchangeOf(r.Context()), e.service.limits.BodyBytes)
	if err == nil {
		err = e.service.large.take()
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	defer e.service.large.leave()
	e.ServerInterface.ExportSession(w, r, id, params)
}

// ExportSession answers with all that makes a session's state.
func (s *service) ExportSession(ctx context.Context, req api.ExportSessionRequestObject) (api.ExportSessionResponseObject, error) {
	x := exchangeOf(ctx)
	ref, err := refOf(x, req.ID)
	if err != nil {
		return nil, err
	}
	if _, err := idempotencyKey(req.Params.IdempotencyKey); err != nil {
		return nil, err
	}
	start := time.Now()
	defer func() { x.stored(start) }()
	for range exportTries {
		out, changed, err := s.export(ctx, x, ref)
		if err != nil {
			return nil, err
		}
		if !changed {
			return out, nil
		}
	}
	return nil, fault.New(fault.StoreUnavailable, "The session changes faster than it can be read. Nothing is wrong with it; try again.").Retry(time.Second)
}

// exported is an envelope, ready to be sent. Large values are written from where
// they are.
type exported struct {
	exchange *exchange
	head     []byte // up to the blobs
	digests  []string
	blobs    map[string][]byte
}

// export reads a session. changed tells that it was not of one instant.
func (s *service) export(ctx context.Context, x *exchange, ref store.Ref) (out *exported, changed bool, err error) {
	session, err := s.store.Get(ctx, ref)
	if err != nil {
		return nil, false, err
	}
	out = &exported{exchange: x, blobs: map[string][]byte{}}
	if out.head, err = envelopeHead(session, x.start); err != nil {
		return nil, false, err
	}
	e := exporter{limit: s.limits.EnvelopeBytes, out: out}
	for q := (store.VariableQuery{Limit: maxSnapshot}); ; {
		page, err := s.store.ListVariables(ctx, ref, q)
		if err != nil {
			return nil, false, err
		}
		for _, v := range page.Items {
			if err := e.variable(v); err != nil {
				return nil, false, err
			}
		}
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	if err := s.exportBlobs(ctx, ref, &e); errors.Is(err, fault.VersionNotFound) {
		return nil, true, nil // its variable has just been overwritten
	} else if err != nil {
		return nil, false, err
	}
	again, err := s.store.Get(ctx, ref)
	if err != nil {
		return nil, false, err
	}
	return out, again.Tag() != session.Tag() || again.Seq != session.Seq, nil
}

// envelopeHead writes an envelope up to its first variable.
func envelopeHead(session store.Session, at time.Time) ([]byte, error) {
	own, err := json.Marshal(api.ExportedSession{TTLSeconds: int64(session.TTL / time.Second), Labels: session.Labels}, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	b := appendText([]byte(`{"format":`), envelopeFormat)
	b = strconv.AppendInt(append(b, `,"version":`...), envelopeVersion, 10)
	b = appendTime(append(b, `,"exported_at":`...), at)
	b = append(append(b, `,"session":`...), own...)
	return append(b, `,"variables":[`...), nil
}

// exporter adds to an envelope what it has room for.
type exporter struct {
	limit int64
	out   *exported
	sizes map[string]int64 // of blobs that have to be read
	bytes int64            // of the blobs, in base64
}

// variable adds a variable. Errors: ValueTooLarge.
func (e *exporter) variable(v store.Variable) error {
	b := appendText(append(separated(e.out.head), `{"name":`...), v.Name)
	b = appendText(append(b, `,"type":`...), v.Value.Type().String())
	b = appendValue(append(b, ','), v.Value, "")
	if v.Constraints != "" {
		b = append(append(b, `,"constraints":`...), v.Constraints...)
	}
	if v.Metadata != "" {
		b = append(append(b, `,"metadata":`...), v.Metadata...)
	}
	e.out.head = append(b, '}')
	if v.Value.Type() == value.Tensor {
		d, ok := v.Value.Descriptor()
		if !ok {
			return fault.New(fault.Internal, "").Because(fmt.Errorf("the descriptor of %q cannot be read", v.Name))
		}
		if _, known := e.sizes[d.Digest]; !known {
			if e.sizes == nil {
				e.sizes = map[string]int64{}
			}
			e.sizes[d.Digest] = d.Bytes
			e.out.digests = append(e.out.digests, d.Digest)
			e.bytes += (d.Bytes+2)/3*4 + int64(len(d.Digest)+len(`"":"",`))
		}
	}
	if n := int64(len(e.out.head)) + e.bytes + int64(len(`],"blobs":{}}`)); n > e.limit {
		return &fault.Error{
			Code:   fault.ValueTooLarge,
			Detail: fmt.Sprintf("The session is larger than an export may be, %d bytes. Fetch large tensors from /sessions/{id}/tensors/{name} one by one.", e.limit),
			Facts:  fault.Facts{LimitBytes: e.limit, Current: n},
		}
	}
	return nil
}

// exportBlobs reads the bytes of the tensors. Errors: VersionNotFound.
func (s *service) exportBlobs(ctx context.Context, ref store.Ref, e *exporter) error {
	for _, digest := range e.out.digests {
		b := make([]byte, e.sizes[digest])
		r := store.NewBlobReader(ctx, s.store, ref, digest, int64(len(b)))
		r.Buffers = &s.buffers
		_, err := io.ReadFull(r, b)
		if err := errors.Join(err, r.Close()); err != nil {
			return err
		}
		e.out.blobs[digest] = b
	}
	return nil
}

// VisitExportSessionResponse sends the envelope.
func (a *exported) VisitExportSessionResponse(w http.ResponseWriter) error {
	h := w.Header()
	h["Content-Type"] = typeJSON[:]
	h["Server-Timing"] = a.exchange.timing[:]
	w.WriteHeader(http.StatusOK)
	b := append(a.head, `],"blobs":{`...)
	for _, digest := range a.digests {
		b = append(appendText(separated(b), digest), `:"`...)
		for part := range slices.Chunk(a.blobs[digest], exportPiece) {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = base64.StdEncoding.AppendEncode(b[:0], part)
		}
		b = append(b, '"')
	}
	_, err := w.Write(append(b, "}}\n"...))
	return err
}

// exportPiece is how much of a blob is written at once: a multiple of 3, after
// which base64 has no rest.
const exportPiece = 48 << 10

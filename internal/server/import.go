package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// ImportSession reads the body strictly and imports a session. A body that is
// larger than others may be needs a place.
func (e *edge) ImportSession(w http.ResponseWriter, r *http.Request, params api.ImportSessionParams) {
	x, limits := exchangeOf(r.Context()), e.service.limits
	if r.ContentLength < 0 || r.ContentLength > limits.BodyBytes {
		if err := e.service.large.take(); err != nil {
			fail(w, r, err)
			return
		}
		defer e.service.large.leave()
	}
	body, err := decodeBody(x, limits.EnvelopeBytes, importBody, required, importing)
	if err != nil {
		fail(w, r, err)
		return
	}
	response, err := e.service.ImportSession(r.Context(), api.ImportSessionRequestObject{Params: params, Body: body})
	finish(w, r, response, err, api.ImportSessionResponseObject.VisitImportSessionResponse)
}

// importBody is known to an envelope. Nobody writes to it.
var importBody = envelopeOf[api.ImportSessionRequest]()

// importing checks what is beside the envelope.
func importing(b *api.ImportSessionRequest) []fault.Violation {
	var v refusals
	if b.ID != nil && !isSessionID(*b.ID) {
		v.add("/id", "Expected 1 to 128 letters, digits, dots, underscores, tildes and hyphens, a letter or digit first.")
	}
	if b.OnConflict != nil && !b.OnConflict.Valid() {
		v.add("/on_conflict", "Expected %q, %q or %q.", api.OnConflictFail, api.OnConflictSkip, api.OnConflictOverwrite)
	}
	return v
}

// ImportSession makes a session of an envelope, or adds it to one.
func (s *service) ImportSession(ctx context.Context, req api.ImportSessionRequestObject) (api.ImportSessionResponseObject, error) {
	x := exchangeOf(ctx)
	w, err := s.write(ctx, x, req.Params.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	lock, err := lockToken(x)
	if err != nil {
		return nil, err
	}
	envelope, err := s.limits.readEnvelope(jsontext.Value(req.Body.Envelope))
	if err != nil {
		return nil, err
	}
	j := &importJob{service: s, imported: envelope, write: w, lock: lock, ref: store.Ref{Owner: x.owner}, policy: api.OnConflictFail}
	if req.Params.IdempotencyKey != nil {
		j.key = *req.Params.IdempotencyKey
	}
	if req.Body.OnConflict != nil {
		j.policy = *req.Body.OnConflict
	}
	j.start = time.Now()
	defer func() { x.stored(j.start) }()
	if req.Body.DryRun {
		return j.rehearse(ctx, x, req.Body.ID)
	}
	answered, err := j.answered(ctx)
	if err != nil {
		return nil, err
	}
	if answered != nil {
		return j.respond(x, answered, true), nil
	}
	if j.ref.ID, err = s.settleID(ctx, x.owner, w, req.Body.ID); err != nil {
		return nil, err
	}
	return j.run(ctx, x)
}

// importJob is one import. All its steps follow from the request, and what does
// not is remembered under the request's key; so whoever repeats it after a crash
// finishes it.
type importJob struct {
	*imported

	service *service
	start   time.Time
	write   store.Write
	key     string // "" without a key
	lock    string
	ref     store.Ref
	policy  api.OnConflict
	fates   []fate // of the variables
	fresh   bool   // the session is made by this import
	again   bool   // and was, by an earlier attempt
}

// fate is what becomes of a variable.
type fate byte

const (
	creates    fate = 'c'
	overwrites fate = 'o'
	skips      fate = 's'
)

// step is a write of the job under a name.
func (j *importJob) step(name string) store.Write {
	w := j.write
	if w.Token.Keyed() {
		w.Token = store.KeyedToken("import " + name + " " + j.key)
	} else {
		w.Token = store.MintToken(time.Now())
	}
	return w
}

// run does it.
func (j *importJob) run(ctx context.Context, x *exchange) (api.ImportSessionResponseObject, error) {
	s := j.service
	made, err := s.store.Create(ctx, j.ref, store.NewSession{
		Write: j.step("session"), TTL: j.ttl, Labels: j.labels, ReturnExisting: true,
	})
	if err != nil {
		return nil, err
	}
	j.fresh, j.again = !made.Existing, made.Replayed
	if err = j.settle(ctx); err == nil {
		err = j.apply(ctx)
	}
	if err != nil {
		return nil, j.undo(ctx, err)
	}
	session, err := s.store.Get(ctx, j.ref)
	if err != nil {
		return nil, err
	}
	first, replayed, err := j.answer(ctx, &importAnswer{
		Session: toSession(session), Tag: session.Tag(), Fresh: j.fresh, Fates: fateMemo(j.fates),
	})
	if err != nil {
		return nil, err
	}
	return j.respond(x, first, replayed), nil
}

// undo removes a session that this import made and that cannot be filled. One
// that may still be, by a repetition, stays.
func (j *importJob) undo(ctx context.Context, err error) error {
	if !j.fresh || j.again || kindOf(fault.CodeOf(err)).retryable || ctx.Err() != nil {
		return err
	}
	removal := store.SessionRemoval{Write: store.Write{Token: store.MintToken(time.Now()), By: writer}}
	if _, failed := j.service.store.Remove(ctx, j.ref, removal); failed != nil {
		return fault.From(err).Because(failed) // it will expire
	}
	return err
}

// settle decides what becomes of each variable. Under a key the decision is kept:
// after a crash, what this import wrote itself must not look like a conflict.
func (j *importJob) settle(ctx context.Context) error {
	if j.fresh || j.key == "" {
		return j.decide(ctx)
	}
	w := j.step("decision")
	memo, found, err := j.service.store.Recall(ctx, j.ref.Owner, w)
	if err == nil && !found {
		if err = j.decide(ctx); err != nil {
			return err
		}
		var kept store.Remembered
		kept, err = j.service.store.Remember(ctx, j.ref.Owner, w, fateMemo(j.fates))
		memo = kept.Memo
	}
	if err != nil {
		return err
	}
	j.fates = fatesOf(memo)
	if len(j.fates) != len(j.variables) {
		return fault.New(fault.Internal, "").Because(fmt.Errorf("a decision about %d variables, not %d", len(j.fates), len(j.variables)))
	}
	return nil
}

func fateMemo(fates []fate) []byte {
	memo := make([]byte, len(fates))
	for i, f := range fates {
		memo[i] = byte(f)
	}
	return memo
}

func fatesOf(memo []byte) []fate {
	fates := make([]fate, len(memo))
	for i, f := range memo {
		fates[i] = fate(f)
	}
	return fates
}

// decide looks at what is there. Errors: VariableExists with all violations,
// VariableQuotaExceeded, SessionQuotaExceeded.
func (j *importJob) decide(ctx context.Context) error {
	j.fates = slices.Repeat([]fate{creates}, len(j.variables))
	if j.fresh {
		return j.room(store.Usage{Limits: j.service.limits.Session})
	}
	c, taken := &complaints{}, 0
	for first := 0; first < len(j.variables); first += store.MaxOps {
		part := j.variables[first:min(first+store.MaxOps, len(j.variables))]
		names := make([]string, len(part))
		for i, v := range part {
			names[i] = v.name
		}
		there, err := j.service.store.Read(ctx, j.ref, names...)
		if err != nil {
			return err
		}
		for i, v := range part {
			if _, ok := there.Variables[v.name]; ok {
				taken++
				j.fates[first+i] = j.meet(c, v)
			}
		}
	}
	if c.count > 0 {
		return fault.Invalid(fault.VariableExists, fmt.Sprintf("%d of the variables are there already.", taken), c.violations)
	}
	usage, err := j.service.store.Usage(ctx, j.ref)
	if err != nil {
		return err
	}
	return j.room(usage)
}

// meet decides about a variable that is there.
func (j *importJob) meet(c *complaints, v importedVariable) fate {
	switch j.policy {
	case api.OnConflictSkip:
		return skips
	case api.OnConflictOverwrite:
		return overwrites
	default:
		c.add(v.at, fault.VariableExists, fmt.Sprintf("There is a variable %q already.", v.name))
		return creates
	}
}

// apply writes, at most store.MaxOps variables at once.
func (j *importJob) apply(ctx context.Context) error {
	first, later := j.order()
	n := 0
	for indexes := range slices.Chunk(first, store.MaxOps) {
		if err := j.applyUnit(ctx, n, indexes, true); err != nil {
			return err
		}
		n++
	}
	for indexes := range slices.Chunk(later, store.MaxOps) {
		if err := j.applyUnit(ctx, n, indexes, false); err != nil {
			return err
		}
		n++
	}
	return nil
}

// order lists the variables that are written, by their index: first those that
// bring their bytes along or have none, and later, in other units, those whose
// bytes are there by then.
func (j *importJob) order() (first, later []int) {
	brought := map[string]bool{}
	for i, v := range j.variables {
		switch {
		case j.fates[i] == skips:
		case brought[v.digest]:
			later = append(later, i)
		default:
			brought[v.digest] = v.digest != ""
			first = append(first, i)
		}
	}
	return first, later
}

// applyUnit writes some variables at one instant.
func (j *importJob) applyUnit(ctx context.Context, n int, indexes []int, bring bool) (err error) {
	u := store.Unit{Write: j.step("unit " + strconv.Itoa(n)), LockToken: j.lock}
	var staged []*store.BlobWriter
	keep := false
	defer func() {
		for _, w := range staged {
			if keep {
				w.Keep()
			}
			if closed := w.Close(); err == nil && closed != nil {
				j.service.log.WarnContext(ctx, "Staged bytes could not be dropped; they will be.", "error", closed)
			}
		}
	}()
	for _, i := range indexes {
		v := j.variables[i]
		content := v.content
		if bring && v.digest != "" {
			w, upload, err := j.stage(ctx, v.digest)
			staged = append(staged, w)
			if err != nil {
				return err
			}
			content.Upload = &upload
		}
		op := store.CreateContent(v.name, content)
		if j.fates[i] == overwrites {
			op = store.Replace(v.name, content)
		}
		u.Ops = append(u.Ops, op)
	}
	applied, err := j.service.store.Apply(ctx, j.ref, u)
	if refused, ok := errors.AsType[*store.OpError](err); ok && refused.Index < len(indexes) {
		return within(string(j.variables[indexes[refused.Index]].at), refused.Err)
	}
	keep = err == nil && !applied.Replayed || errors.Is(err, fault.OutcomeUnknown)
	return err
}

// stage brings the bytes of a tensor.
func (j *importJob) stage(ctx context.Context, digest string) (*store.BlobWriter, store.Upload, error) {
	blob := j.blobs[digest]
	w := store.NewBlobWriter(ctx, j.service.store, j.ref, blob.bytes)
	if _, err := w.ReadFrom(blob.reader()); err != nil {
		return w, store.Upload{}, err
	}
	upload, _, err := w.Finish()
	return w, upload, err
}

// fill reports what became of the variables.
func (j *importJob) fill(r *api.ImportReport) {
	r.Created, r.Overwritten, r.Skipped = []string{}, []string{}, []string{}
	for i, v := range j.variables {
		switch j.fates[i] {
		case overwrites:
			r.Overwritten = append(r.Overwritten, v.name)
		case skips:
			r.Skipped = append(r.Skipped, v.name)
		default:
			r.Created = append(r.Created, v.name)
		}
	}
}

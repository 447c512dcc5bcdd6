package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// envelopeBody is an api.SessionEnvelope, taken apart only so far.
type envelopeBody struct {
	Format     string          `json:"format"`
	Version    int64           `json:"version"`
	ExportedAt string          `json:"exported_at,omitempty"`
	Session    json.RawMessage `json:"session"`
	Variables  json.RawMessage `json:"variables"`
	Blobs      json.RawMessage `json:"blobs,omitempty"`
}

// What envelopes consist of. Nobody writes to them.
var (
	envelopeMembers = envelopeOf[envelopeBody]()
	sessionMembers  = envelopeOf[api.ExportedSession]()
	variableMembers = envelopeOf[api.ExportedVariable]()
)

// envelopeAt is where an envelope is in a body.
const envelopeAt = jsontext.Pointer("/envelope")

// imported is an envelope with which nothing is wrong. Its texts are parts of the
// body.
type imported struct {
	ttl       time.Duration
	labels    map[string]string
	variables []importedVariable
	blobs     map[string]importedBlob // by digest
}

// importedVariable is a variable of an envelope.
type importedVariable struct {
	at      jsontext.Pointer
	name    string
	content store.Content
	digest  string // of a tensor's bytes; "" for anything else
	size    int64  // of what is kept of it, those aside
}

// importedBlob is the bytes of a tensor.
type importedBlob struct {
	text  []byte // base64
	bytes int64
}

func (b importedBlob) reader() io.Reader {
	return base64.NewDecoder(base64.StdEncoding.Strict(), bytes.NewReader(b.text))
}

// envelopeReader reads an envelope and gathers what is wrong with it.
type envelopeReader struct {
	complaints

	limits Limits
	out    imported
	names  map[string]bool
	judged int64 // bytes of tensors whose elements were looked at
}

// readEnvelope reads an envelope out of a body that has been scanned as a whole.
// Errors: ConstraintViolation, TypeMismatch, UnknownType and InvalidConstraints,
// with all violations; VariableQuotaExceeded.
func (l Limits) readEnvelope(raw jsontext.Value) (*imported, error) {
	r := &envelopeReader{limits: l, names: map[string]bool{}, out: imported{blobs: map[string]importedBlob{}}}
	body := envelopeMembers.nested(&r.complaints, envelopeAt, raw, knownFormat)
	if r.about(string(envelopeAt+"/format")) || r.about(string(envelopeAt+"/version")) {
		r.onlyFormat() // of another format nothing else can be said
	}
	if err := r.refusal(); err != nil {
		return nil, err
	}
	r.session(body.Session)
	if body.Blobs != nil {
		eachMember(&r.complaints, envelopeAt+"/blobs", jsontext.Value(body.Blobs), r.blob)
	}
	r.variables(jsontext.Value(body.Variables))
	if err := r.refusal(); err != nil {
		return nil, err
	}
	if n := int64(len(r.out.variables)); n > l.Session.Variables {
		return nil, store.TooManyVariables(n, l.Session.Variables)
	}
	return &r.out, nil
}

// knownFormat refuses what is not written as [service.ExportSession] does.
func knownFormat(b *envelopeBody) []fault.Violation {
	var v refusals
	if b.Format != envelopeFormat {
		v.add("/format", "Expected %q.", envelopeFormat)
	}
	if b.Version != envelopeVersion {
		v.add("/version", "This service reads version %d, got %d.", envelopeVersion, b.Version)
	}
	if _, err := time.Parse(time.RFC3339, b.ExportedAt); err != nil && b.ExportedAt != "" {
		v.add("/exported_at", "Expected a point in time as RFC 3339 writes it.")
	}
	return v
}

// onlyFormat drops the complaints about anything but format and version.
func (r *envelopeReader) onlyFormat() {
	r.violations = slices.DeleteFunc(r.violations, func(v fault.Violation) bool {
		return v.Pointer != string(envelopeAt+"/format") && v.Pointer != string(envelopeAt+"/version")
	})
	r.count = len(r.violations)
}

// refusal makes one error of all complaints; nil when there are none.
func (c *complaints) refusal() error {
	if c.count == 0 {
		return nil
	}
	detail := c.violations[0].Detail
	switch {
	case c.count > len(c.violations):
		detail = fmt.Sprintf("%d things are wrong with the envelope; the first %d are listed.", c.count, len(c.violations))
	case c.count > 1:
		detail = fmt.Sprintf("%d things are wrong with the envelope.", c.count)
	}
	return fault.Invalid(fault.ConstraintViolation, detail, c.violations, fault.TypeMismatch, fault.UnknownType, fault.InvalidConstraints)
}

// take adds a fault of something inside the envelope.
func (c *complaints) take(at jsontext.Pointer, err error) {
	e := within(string(at), fault.From(err))
	for _, v := range e.Violations {
		if e.Code == fault.InvalidConstraints { // which says more than what is wrong with one of them
			v.Code = e.Code
		}
		c.add(jsontext.Pointer(v.Pointer), v.Code, v.Detail)
	}
}

// found adds violations.
func (c *complaints) found(at jsontext.Pointer, found []fault.Violation) {
	for _, v := range found {
		c.add(at+jsontext.Pointer(v.Pointer), v.Code, v.Detail)
	}
}

// session reads what the envelope says of the session itself.
func (r *envelopeReader) session(raw json.RawMessage) {
	s := sessionMembers.nested(&r.complaints, envelopeAt+"/session", jsontext.Value(raw), func(s *api.ExportedSession) []fault.Violation {
		return r.limits.create(&api.CreateSessionRequest{TTLSeconds: &s.TTLSeconds, Labels: s.Labels})
	})
	r.out.ttl, r.out.labels = time.Duration(s.TTLSeconds)*time.Second, s.Labels
}

// blob reads the bytes of a tensor, and holds only their text.
func (r *envelopeReader) blob(name []byte, raw jsontext.Value) {
	digest := string(name[:min(len(name), maxPointer)])
	at := (envelopeAt + "/blobs").AppendToken(digest)
	if !r.expect(raw, jsontext.KindString, "a string", at) {
		return
	}
	b := importedBlob{text: raw[1 : len(raw)-1]}
	if bytes.IndexByte(b.text, '\\') >= 0 { // a slash may be written so
		b.text, _ = jsontext.AppendUnquote(nil, raw)
	}
	sum := sha256.New()
	var err error
	if b.bytes, err = io.Copy(sum, b.reader()); err != nil {
		r.add(at, fault.ConstraintViolation, "Expected bytes in base64.")
		return
	}
	if hex.EncodeToString(sum.Sum(nil)) != digest {
		r.add(at, fault.ConstraintViolation, "The bytes do not have this SHA-256.")
		return
	}
	r.out.blobs[digest] = b
}

// variables reads the list of variables.
func (r *envelopeReader) variables(raw jsontext.Value) {
	at := envelopeAt + "/variables"
	if !r.expect(raw, jsontext.KindBeginArray, "an array", at) {
		return
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true)) // all has been checked
	_, err := dec.ReadToken()
	for n := 0; err == nil && dec.PeekKind() != jsontext.KindEndArray; n++ {
		var item jsontext.Value
		if item, err = dec.ReadValue(); err == nil {
			end := dec.InputOffset()
			r.variable(at.AppendToken(strconv.Itoa(n)), raw[end-int64(len(item)):end]) // the decoder's own is overwritten
		}
	}
}

// variable reads one variable.
func (r *envelopeReader) variable(at jsontext.Pointer, raw jsontext.Value) {
	before := r.count
	m := variableMembers.nested(&r.complaints, at, raw, func(m *api.ExportedVariable) []fault.Violation {
		var v refusals
		if !isVariableName(m.Name) {
			v.add("/name", "A variable's name "+variableNameRule+".")
		} else if r.names[m.Name] {
			v.add("/name", "There are two variables %q.", m.Name)
		}
		return v
	})
	if r.count > before {
		return
	}
	r.names[m.Name] = true
	v := importedVariable{at: at, name: m.Name, content: store.Content{Constraints: m.Constraints, Metadata: m.Metadata}}
	if v.content.Constraints == nil {
		v.content.Constraints = []byte("{}")
	}
	var known bool
	if v.content.Type, known = value.TypeOf(m.Type); !known {
		r.take(at, unknownType(m.Type))
		return
	}
	if len(m.Metadata) > store.MaxMetadata {
		r.add(at+"/metadata", fault.ValueTooLarge, fmt.Sprintf("Expected at most %d bytes.", store.MaxMetadata))
		return
	}
	if tensor := v.content.Type == value.Tensor; tensor != (m.Tensor != nil) || tensor == (m.Value != nil) {
		r.add(at, fault.MissingParameter, "A tensor has the member tensor, every other variable the member value.")
		return
	}
	if v.content.JSON = m.Value; m.Tensor != nil && !r.tensor(&v, m.Tensor) {
		return
	}
	made, err := store.CreateContent(v.name, v.content).Resolve(store.Variable{}, nil, r.limits.Session)
	if err != nil {
		r.take(at, err)
		return
	}
	v.size = int64(len(made.Value.JSON()) + len(made.Constraints) + len(made.Metadata))
	r.out.variables = append(r.out.variables, v)
}

// tensor reads the descriptor of a tensor and compares it with its bytes.
func (r *envelopeReader) tensor(v *importedVariable, raw json.RawMessage) bool {
	before := r.count
	at := v.at + "/tensor"
	c, found := value.ParseConstraints(value.Tensor, v.content.Constraints)
	for _, f := range found {
		r.add(v.at+"/constraints"+jsontext.Pointer(f.Pointer), fault.InvalidConstraints, f.Detail)
	}
	d, found := value.ReadDescriptor(raw)
	r.found(at, found)
	if r.count > before {
		return false
	}
	blob, ok := r.out.blobs[d.Digest]
	switch {
	case !ok && !r.about(clipped((envelopeAt + "/blobs").AppendToken(d.Digest))):
		r.add(at+"/digest", fault.ConstraintViolation, "There is no such member of blobs.")
	case ok && blob.bytes != d.Bytes:
		r.add(at+"/bytes", fault.ConstraintViolation, fmt.Sprintf("The blob has %d bytes.", blob.bytes))
	}
	r.found(at, c.CheckTensor(d.Dtype, d.Shape))
	if r.count > before || !ok {
		return false
	}
	if !r.elements(at, newElementCheck(d.Dtype, c), blob) {
		return false
	}
	var err error
	if v.content.Value, err = d.Value(); err != nil { // ReadDescriptor has judged it
		r.take(at, err)
		return false
	}
	v.digest = d.Digest
	if c.JSON() != "{}" {
		v.content.Judged = c.JSON()
	}
	return true
}

// elements judges the elements of a tensor. Many tensors may share bytes, so
// there is a limit to how often these are looked at.
func (r *envelopeReader) elements(at jsontext.Pointer, check *elementCheck, blob importedBlob) bool {
	if check == nil {
		return true
	}
	if r.judged += blob.bytes; r.judged > 8*r.limits.EnvelopeBytes {
		r.add(at, fault.ConstraintViolation, "Too many tensors with bounds share their bytes.")
		return false
	}
	text := blob.reader()
	chunk := make([]byte, min(blob.bytes, streamBuffer)) // whole elements, of up to 8 bytes
	for {
		n, err := io.ReadFull(text, chunk)
		if n == 0 || err != nil && !errors.Is(err, io.ErrUnexpectedEOF) { // it has been read before
			return true
		}
		if err := check.chunk(chunk[:n]); err != nil {
			r.take(at, err)
			return false
		}
	}
}

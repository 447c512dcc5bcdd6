package server

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net/http"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/npy"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// tensorBody is a tensor on its way in.
type tensorBody struct {
	head tensorHead
	// elements gives exactly head.bytes and then io.EOF, or an error that is a
	// fault. Nobody has looked at them unless judged is true.
	elements io.Reader
	judged   bool
	// sum returns the SHA-256 of the body once it was read to its end; nil when
	// that is the digest of the elements.
	sum func() []byte
}

// sentForm returns the form of a request's body. Errors: UnsupportedMediaType.
func sentForm(h http.Header) (tensorForm, error) {
	if err := identityEncoding(h); err != nil {
		return "", err
	}
	if isJSON(h) {
		return jsonText, nil
	}
	media, _, err := onlyValue(h, "Content-Type")
	if form := tensorForm(media); err == nil && (form == octetStream || form == npyFile) {
		return form, nil
	}
	return "", unsupported("Send a tensor as application/octet-stream, application/x-npy or application/json.")
}

// openTensor reads the body of a request up to the elements. What it says of
// itself is checked before more is read: nothing is allocated on its word.
// digested asks for its sum. Errors: those of the headers, of the file and of
// value.Constraints.ConvertTensor.
func (s *service) openTensor(x *exchange, form tensorForm, c value.Constraints, digested bool) (*tensorBody, error) {
	switch form {
	case octetStream:
		return s.openOctets(x)
	case npyFile:
		return s.openFile(x, digested)
	default:
		return s.openJSON(x, c)
	}
}

func (s *service) openOctets(x *exchange) (*tensorBody, error) {
	head, err := readTensorHead(x.request.Header)
	if err != nil {
		return nil, err
	}
	if err := s.fits(x, head, x.request.ContentLength); err != nil {
		return nil, err
	}
	stream := &bodyStream{exchange: x, limit: head.bytes}
	return &tensorBody{head: head, elements: &exactly{src: stream, want: head.bytes, left: head.bytes}}, nil
}

func (s *service) openFile(x *exchange, digested bool) (*tensorBody, error) {
	if err := noTensorHead(x.request.Header); err != nil {
		return nil, err
	}
	stream := &bodyStream{exchange: x, limit: s.limits.Session.TensorBytes}
	body := &tensorBody{}
	if digested {
		stream.sum = sha256.New()
		body.sum = func() []byte { return stream.sum.Sum(nil) }
	}
	file, err := npy.NewReader(stream)
	if err != nil {
		return nil, badFile(err)
	}
	body.head = headOf(file.Header())
	left := x.request.ContentLength
	if left >= 0 {
		left -= stream.total
	}
	if err := s.fits(x, body.head, left); err != nil {
		return nil, err
	}
	body.elements = faulty{file}
	return body, nil
}

func (s *service) openJSON(x *exchange, c value.Constraints) (*tensorBody, error) {
	if err := noTensorHead(x.request.Header); err != nil {
		return nil, err
	}
	text, err := readBody(x, s.limits.BodyBytes, required)
	if err != nil {
		return nil, err
	}
	data, found := c.ConvertTensor(text)
	if found != nil {
		return nil, badTensor(found)
	}
	head := tensorHead{dtype: data.Dtype, shape: data.Shape, order: value.RowMajor, bytes: int64(len(data.Bytes))}
	sum := sha256.Sum256(text)
	return &tensorBody{
		head: head, elements: bytes.NewReader(data.Bytes), judged: true,
		sum: func() []byte { return sum[:] },
	}, nil
}

// badTensor is the fault of a tensor that is not as it must be.
func badTensor(found []fault.Violation) *fault.Error {
	return fault.Invalid(fault.ConstraintViolation, "The tensor is not acceptable.", found, fault.TypeMismatch, fault.InvalidRequest)
}

// fits refuses elements that are too many, or of which the request announces
// another number than the shape has; -1: it announces none.
func (s *service) fits(x *exchange, head tensorHead, announced int64) error {
	if head.bytes > s.limits.Session.TensorBytes {
		x.Header().Set("Connection", "close") // reading the rest is what the limit saves
		return &fault.Error{
			Code:   fault.BodyTooLarge,
			Detail: "The tensor is larger than tensors may be.",
			Facts:  fault.Facts{LimitBytes: s.limits.Session.TensorBytes, Current: head.bytes},
		}
	}
	if announced >= 0 && announced != head.bytes {
		x.Header().Set("Connection", "close")
		return otherSize(head.bytes, announced)
	}
	return nil
}

// bodyStream reads a body that is not kept. Its client has to be as quick as
// any: it gets bodyTime for each window of a chunk's size, and more for what has
// come of it, so that nobody can save time up for a whole gibibyte.
type bodyStream struct {
	exchange *exchange
	limit    int64     // for the message
	sum      hash.Hash // of all that comes; nil for none
	total    int64     // bytes that came

	since  time.Time // the window began
	window int       // bytes of it
	earned int       // of those, which the deadline knows of
}

// Read implements io.Reader. Errors are faults, or io.EOF.
func (b *bodyStream) Read(p []byte) (int, error) {
	if b.window == 0 {
		b.since, b.earned = time.Now(), 0
		b.exchange.guest.wait(b.since)
		b.exchange.readWithin(b.since, 0)
	}
	n, err := b.exchange.request.Body.Read(p)
	b.window += n
	b.total += int64(n)
	if b.sum != nil {
		b.sum.Write(p[:n])
	}
	if b.window-b.earned >= pieceSize {
		b.earned = b.window
		b.exchange.readWithin(b.since, b.earned)
	}
	switch {
	case err == nil && b.window < store.ChunkSize:
		return n, nil
	case err == nil:
		b.window = 0
		b.exchange.guest.rest()
		return n, nil
	}
	b.exchange.guest.rest()
	if errors.Is(err, io.EOF) {
		b.exchange.hasBody()
		return n, err
	}
	return n, unreadable(b.exchange, b.limit, err)
}

// exactly refuses a source of more or fewer bytes. Errors: BodyTooLarge,
// InvalidRequest, and those of the source.
type exactly struct {
	src        io.Reader
	want, left int64
}

// Read implements io.Reader.
func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		var one [1]byte
		n, err := io.ReadFull(e.src, one[:])
		if n > 0 {
			return 0, otherSize(e.want, e.want+1)
		}
		return 0, err
	}
	n, err := e.src.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if errors.Is(err, io.EOF) && e.left > 0 {
		err = otherSize(e.want, e.want-e.left)
	}
	return n, err
}

// faulty makes faults of what the package npy says is wrong with a file.
type faulty struct{ io.Reader }

// Read implements io.Reader.
func (f faulty) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	return n, badFile(err)
}

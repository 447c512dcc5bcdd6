package npy

import (
	"encoding/binary"
	"errors"
	"io"
)

// Reader gives the elements of a file as little-endian bytes, in the order in
// which they came. It holds no more than one element.
type Reader struct {
	src    io.Reader
	header Header
	left   int64 // bytes still to come
	long   error // there are more than that

	turned  int     // bytes of an element that must be turned around; 0: none
	element [8]byte // one that was turned around for a caller with less room
	ready   []byte  // what is left of it
}

// NewReader reads the header of a file, and nothing beyond it. It refuses a
// header of more than [MaxHeader] bytes before it makes room for it. Errors:
// *MalformedError, *UnsupportedError, and those of src.
func NewReader(src io.Reader) (*Reader, error) {
	text, err := headerText(src)
	if err != nil {
		return nil, err
	}
	d, err := describe(text)
	if err != nil {
		return nil, err
	}
	r := &Reader{src: src, header: d.Header, left: d.Bytes()}
	if d.bigEndian {
		r.turned, _ = ItemSize(d.Descr)
	}
	return r, nil
}

// headerText reads up to the end of the header.
func headerText(src io.Reader) (string, error) {
	var prefix [12]byte
	if err := fill(src, prefix[:8]); err != nil {
		return "", err
	}
	if string(prefix[:6]) != magic {
		return "", malformed("the file does not begin like an .npy file")
	}
	major, minor := prefix[6], prefix[7]
	if major < 1 || major > 3 || minor != 0 {
		return "", malformed("version %d.%d of the format is not known", major, minor)
	}
	length := prefix[8:10]
	if major > 1 {
		length = prefix[8:12]
	}
	if err := fill(src, length); err != nil {
		return "", err
	}
	n := uint32(binary.LittleEndian.Uint16(length))
	if major > 1 {
		n = binary.LittleEndian.Uint32(length)
	}
	if n > MaxHeader {
		return "", malformed("the header has %d bytes; %d are read at most", n, MaxHeader)
	}
	text := make([]byte, n)
	if err := fill(src, text); err != nil {
		return "", err
	}
	return string(text), nil
}

// fill reads a part of the header.
func fill(src io.Reader, p []byte) error {
	_, err := io.ReadFull(src, p)
	if ended(err) {
		return malformed("the file ends within its header")
	}
	return err
}

// ended tells whether a source has nothing more, though something was due.
func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// Header returns what the file says of its elements.
func (r *Reader) Header() Header { return r.header }

// Read gives a part of the elements, and io.EOF only when all of them have come
// and nothing follows. Errors: *LengthError, and those of the source.
func (r *Reader) Read(p []byte) (int, error) {
	switch {
	case len(p) == 0:
		return 0, nil
	case len(r.ready) > 0:
		n := copy(p, r.ready)
		r.ready = r.ready[n:]
		return n, nil
	case r.left == 0:
		return 0, r.end()
	}
	p = p[:min(int64(len(p)), r.left)]
	switch {
	case r.turned == 0:
		n, err := r.src.Read(p)
		r.left -= int64(n)
		if ended(err) {
			err = r.short()
		}
		return n, err
	case len(p) < r.turned:
		if _, err := r.turn(r.element[:r.turned]); err != nil {
			return 0, err
		}
		n := copy(p, r.element[:r.turned])
		r.ready = r.element[n:r.turned]
		return n, nil
	default:
		return r.turn(p[:len(p)-len(p)%r.turned])
	}
}

// turn reads whole elements, at least one, and turns them around. p has room
// for whole ones.
func (r *Reader) turn(p []byte) (int, error) {
	n, err := io.ReadAtLeast(r.src, p, r.turned)
	if begun := n % r.turned; begun > 0 && err == nil {
		var m int
		m, err = io.ReadFull(r.src, p[n:n+r.turned-begun])
		n += m
	}
	r.left -= int64(n)
	if ended(err) {
		err = r.short()
	}
	n -= n % r.turned
	for e := p[:n]; len(e) > 0; e = e[r.turned:] {
		if r.turned == 4 {
			binary.LittleEndian.PutUint32(e, binary.BigEndian.Uint32(e))
		} else {
			binary.LittleEndian.PutUint64(e, binary.BigEndian.Uint64(e))
		}
	}
	return n, err
}

// short is what the end of the source means.
func (r *Reader) short() error {
	if r.left == 0 {
		return nil
	}
	want := r.header.Bytes()
	return &LengthError{Want: want, Got: want - r.left}
}

// end looks whether anything follows the elements.
func (r *Reader) end() error {
	if r.long != nil {
		return r.long
	}
	var one [1]byte
	if _, err := io.ReadFull(r.src, one[:]); err != nil {
		return err
	}
	r.long = &LengthError{Want: r.header.Bytes(), Got: r.header.Bytes() + 1}
	return r.long
}

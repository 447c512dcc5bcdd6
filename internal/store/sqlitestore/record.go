package sqlitestore

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/value"
)

// recordVersion is the first byte of everything encoded here. Version 1 had
// neither constraints and metadata in a variable, nor locks and refusals in a
// result, nor the epoch in an answer; all else is the same.
const recordVersion = 2

// errRecord says that stored bytes are not what this package once wrote.
var errRecord = errors.New("a stored record cannot be read")

// packer appends the parts of a record: numbers as varints, texts with their
// length before them.
type packer struct{ b []byte }

func newPacker(size int) *packer { return &packer{append(make([]byte, 0, size), recordVersion)} }

func (p *packer) int(n int64)      { p.b = binary.AppendVarint(p.b, n) }
func (p *packer) byte(c byte)      { p.b = append(p.b, c) }
func (p *packer) time(t time.Time) { p.int(t.UnixMilli()) }

func (p *packer) text(s string) {
	p.b = append(binary.AppendUvarint(p.b, uint64(len(s))), s...)
}

func (p *packer) bool(is bool) {
	if is {
		p.byte(1)
	} else {
		p.byte(0)
	}
}

// unpacker reads what a packer wrote. After the first failure it yields zeros
// only, so that its user asks once, at the end.
type unpacker struct {
	b       []byte
	version byte
	err     error
}

func newUnpacker(b []byte) *unpacker {
	u := &unpacker{b: b}
	if u.version = u.byte(); u.version < 1 || u.version > recordVersion {
		u.err = errRecord
	}
	return u
}

// take returns the next n bytes.
func (u *unpacker) take(n uint64) []byte {
	if u.err != nil || n > uint64(len(u.b)) {
		u.err = errRecord
		return nil
	}
	taken := u.b[:n:n]
	u.b = u.b[n:]
	return taken
}

func (u *unpacker) byte() byte {
	if b := u.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (u *unpacker) int() int64 {
	n, size := binary.Varint(u.b)
	if u.take(uint64(max(size, 0))); size <= 0 {
		u.err = errRecord
		return 0
	}
	return n
}

func (u *unpacker) bytes() []byte {
	n, size := binary.Uvarint(u.b)
	if u.take(uint64(max(size, 0))); size <= 0 {
		u.err = errRecord
		return nil
	}
	return u.take(n)
}

func (u *unpacker) text() string    { return string(u.bytes()) }
func (u *unpacker) bool() bool      { return u.byte() == 1 }
func (u *unpacker) time() time.Time { return moment(u.int()) }

// count returns the length of a list whose elements have at least one byte.
func (u *unpacker) count() int {
	n := u.int()
	if n < 0 || n > int64(len(u.b)) {
		u.err = errRecord
		return 0
	}
	return int(n)
}

// end returns what went wrong, leftovers included.
func (u *unpacker) end() error {
	if u.err == nil && len(u.b) > 0 {
		u.err = errRecord
	}
	return u.err
}

// packApplied encodes a unit's answer. Its kind has a column of its own, as it
// decides how the unit goes on.
func packApplied(a store.Applied) []byte {
	p := newPacker(128 + len(a.Memo) + 64*len(a.Results))
	p.time(a.At)
	p.int(a.Seq)
	p.int(a.Commands)
	p.int(a.Variables)
	p.time(a.Created)
	p.text(a.Epoch)
	p.text(string(a.Memo))
	p.int(int64(len(a.Results)))
	for _, r := range a.Results {
		p.result(r)
	}
	return p.b
}

func unpackApplied(b []byte) (store.Applied, error) {
	u := newUnpacker(b)
	a := store.Applied{At: u.time(), Seq: u.int(), Commands: u.int(), Variables: u.int(), Created: u.time()}
	if u.version > 1 {
		a.Epoch = u.text()
	}
	if memo := u.bytes(); len(memo) > 0 {
		a.Memo = memo
	}
	a.Results = make([]store.Result, u.count())
	for i := range a.Results {
		a.Results[i] = u.result()
	}
	return a, u.end()
}

// variable writes a variable; one that is not there has the type 0 and only a
// name.
func (p *packer) variable(v store.Variable) {
	p.text(v.Name)
	if v.Value.Type() == 0 {
		p.byte(0)
		return
	}
	p.byte(v.Value.Type().Letter())
	p.text(v.Value.JSON())
	p.int(v.Version)
	p.time(v.Created)
	p.time(v.Updated)
	p.text(v.By)
	p.text(v.Constraints)
	p.text(v.Metadata)
}

func (u *unpacker) variable() store.Variable {
	v := store.Variable{Name: u.text()}
	letter := u.byte()
	if letter == 0 {
		return v
	}
	typ, ok := value.TypeOfLetter(letter)
	if !ok {
		u.err = errRecord
		return v
	}
	v.Value = value.Stored(typ, u.text())
	v.Version, v.Created, v.Updated, v.By = u.int(), u.time(), u.time(), u.text()
	if u.version > 1 {
		v.Constraints, v.Metadata = u.text(), u.text()
	}
	return v
}

// packSession encodes the snapshot that answers a creation, a touch or an
// update. The caller knows the Ref.
func packSession(s store.Session, existing bool) []byte {
	p := newPacker(128)
	p.text(s.Epoch)
	p.int(s.Version)
	p.time(s.Created)
	p.time(s.Expires)
	p.int(s.TTL.Milliseconds())
	p.int(s.Seq)
	p.int(s.Commands)
	p.int(s.Variables)
	p.bool(s.ReadOnly)
	p.bool(existing)
	p.labels(s.Labels)
	return p.b
}

func unpackSession(ref store.Ref, b []byte) (s store.Session, existing bool, err error) {
	u := newUnpacker(b)
	s = store.Session{
		Ref: ref, Epoch: u.text(), Version: u.int(), Created: u.time(), Expires: u.time(),
		TTL: time.Duration(u.int()) * time.Millisecond,
		Seq: u.int(), Commands: u.int(), Variables: u.int(), ReadOnly: u.bool(),
	}
	existing = u.bool()
	s.Labels = u.labels()
	return s, existing, u.end()
}

func (p *packer) labels(labels map[string]string) {
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	p.int(int64(len(names)))
	for _, name := range names {
		p.text(name)
		p.text(labels[name])
	}
}

func (u *unpacker) labels() map[string]string {
	n := u.count()
	if n == 0 {
		return nil
	}
	labels := make(map[string]string, n)
	for range n {
		name := u.text()
		labels[name] = u.text()
	}
	return labels
}

func packLabels(labels map[string]string) []byte {
	p := newPacker(64 * len(labels))
	p.labels(labels)
	return p.b
}

// unpackLabels accepts nothing at all for no labels.
func unpackLabels(b []byte) (map[string]string, error) {
	if len(b) == 0 {
		return nil, nil
	}
	u := newUnpacker(b)
	labels := u.labels()
	return labels, u.end()
}

func packItems(items []store.ChangeItem) []byte {
	p := newPacker(16 * len(items))
	p.int(int64(len(items)))
	for _, item := range items {
		p.byte(byte(item.Kind))
		p.text(item.Name)
		p.int(item.Version)
	}
	return p.b
}

func unpackItems(b []byte) ([]store.ChangeItem, error) {
	u := newUnpacker(b)
	items := make([]store.ChangeItem, u.count())
	for i := range items {
		items[i] = store.ChangeItem{Kind: store.ChangeKind(u.byte()), Name: u.text(), Version: u.int()}
	}
	return items, u.end()
}

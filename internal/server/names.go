package server

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// names finds a name that comes twice in one object. Of each name of the
// objects that are open it keeps a hash of eight bytes, which is no more than
// the shortest member has. Equal hashes are a suspicion only: whether it is
// right shows in the text.
type names struct {
	most   int      // as many as the text can have
	hashes []uint64 // the innermost object's last
	open   []opened
	buffer []byte // for names with escapes
}

// opened is an object whose end has not come.
type opened struct {
	first  int   // of its hashes
	offset int64 // in the text
}

// nameSeed keeps a client from constructing names of equal hashes.
var nameSeed = maphash.MakeSeed()

func (n *names) begin(offset int64) {
	n.open = append(n.open, opened{first: len(n.hashes), offset: offset})
}

// add takes the next name of the innermost object and returns it without
// quotes and escapes, in memory that is not its own.
func (n *names) add(raw jsontext.Value) []byte {
	name := n.unquoted(raw)
	if len(n.hashes) >= manyNames && cap(n.hashes) < n.most {
		n.hashes = append(make([]uint64, 0, n.most), n.hashes...) // once: growing step by step costs several times as much
	}
	n.hashes = append(n.hashes, maphash.Bytes(nameSeed, name))
	return name
}

const (
	manyNames   = 1024
	leastMember = 5 // bytes of "":1, which is the shortest there is
)

func (n *names) unquoted(raw jsontext.Value) []byte {
	inside := raw[1 : len(raw)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return inside
	}
	n.buffer, _ = jsontext.AppendUnquote(n.buffer[:0], raw) // the decoder has checked it
	return n.buffer
}

// end closes the innermost object, whose text is the end of text, and returns
// a name that it has twice.
func (n *names) end(text []byte) (name string, twice bool) {
	object := n.open[len(n.open)-1]
	own := n.hashes[object.first:]
	slices.Sort(own)
	for i := 1; i < len(own) && !twice; i++ {
		if own[i] == own[i-1] {
			name, twice = n.confirm(text[object.offset:], own[i])
		}
	}
	n.hashes = n.hashes[:object.first]
	n.open = n.open[:len(n.open)-1]
	return name, twice
}

// confirm looks for two equal names of that hash in an object.
func (n *names) confirm(object []byte, hash uint64) (name string, twice bool) {
	var suspects []string
	dec := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true))
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() == jsontext.KindString {
		var raw jsontext.Value
		if raw, err = dec.ReadValue(); err != nil {
			break // cannot be: the object has been read before
		}
		if one := n.unquoted(raw); maphash.Bytes(nameSeed, one) == hash {
			if slices.Contains(suspects, string(one)) {
				return string(one), true
			}
			suspects = append(suspects, string(one))
		}
		err = dec.SkipValue()
	}
	return "", false
}

package server

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"toolpit/internal/fault"
	"toolpit/internal/value"
)

func tensorHeader(dtype, shape, order string) http.Header {
	return http.Header{dtypeHeader: {dtype}, shapeHeader: {shape}, orderHeader: {order}}
}

// FuzzTensorHead checks what holds for whatever the headers say: no panic, and a
// size that is that of the shape.
func FuzzTensorHead(f *testing.F) {
	for _, seed := range [][3]string{
		{"f64", "2,3", "C"},
		{"bool", "", "F"},
		{"u8", "0,9223372036854775807,2", "C"},
		{"i32", "1, 2 ,3", "A"},
		{"f32", "2,,3", ""},
		{"f64", strings.Repeat("1,", 1000), "C"},
		{"f16", "1", "C"},
		{"i64", "1152921504606846976", "C"},
		{"u8", "\t", "C"},
		{"u8", "٣", "C"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, dtype, shape, order string) {
		head, err := readTensorHead(tensorHeader(dtype, shape, order))
		if err != nil {
			switch code := fault.CodeOf(err); code {
			case fault.InvalidRequest, fault.MissingParameter, fault.UnknownType:
			default:
				t.Fatalf("%q %q %q: %v", dtype, shape, order, err)
			}
			return
		}
		size, ok := value.Size(head.dtype, head.shape)
		if !ok || size != head.bytes || len(head.shape) > value.MaxRank {
			t.Fatalf("%q %q %q: %+v", dtype, shape, order, head)
		}
		again, err := readTensorHead(tensorHeader(head.dtype.String(), shapeText(head.shape), head.order.String()))
		if err != nil || shapeText(again.shape) != shapeText(head.shape) || again.bytes != head.bytes {
			t.Fatalf("%+v becomes %+v, %v", head, again, err)
		}
		if _, err := head.header().Append(nil); err != nil {
			t.Fatalf("%+v: %v", head, err)
		}
		if back := headOf(head.header()); back.dtype != head.dtype || back.order != head.order || back.bytes != head.bytes {
			t.Fatalf("%+v becomes %+v", head, back)
		}
	})
}

// FuzzByteRange checks that a range lies within its body, and names at least a
// byte.
func FuzzByteRange(f *testing.F) {
	for _, seed := range []string{"bytes=0-1", "bytes=-5", "bytes=9-", "bytes=0-1,2-3", "lines=1-2", "bytes=99999999999999999999-", "bytes = 1-2", "bytes=-", "bytes=5-1", ""} {
		f.Add(seed, "", int64(10))
	}
	f.Add("bytes=0-1", `"t"`, int64(0))
	f.Fuzz(func(t *testing.T, text, condition string, size int64) {
		if size < 0 {
			return
		}
		h := http.Header{"Range": {text}}
		if condition != "" {
			h["If-Range"] = []string{condition}
		}
		part, ok, err := rangeOf(h, size, `"t"`)
		switch {
		case err != nil:
			if fault.CodeOf(err) != fault.RangeNotSatisfiable || ok {
				t.Fatalf("%q: %v", text, err)
			}
		case ok && (part.start < 0 || part.start >= part.end || part.end > size):
			t.Fatalf("%q of %d is %+v", text, size, part)
		case ok && condition != "" && strings.TrimSpace(condition) != `"t"`:
			t.Fatalf("%q holds", condition)
		}
	})
}

func TestContentDigests(t *testing.T) {
	sum := bytes.Repeat([]byte{7}, 32)
	good := contentDigestOf(sum)
	for text, found := range map[string]bool{
		good: true, "sha-512=:AAAA:, " + good: true, good + ",unixsum=30637": true, "sha-512=:AAAA:": false, "": false,
	} {
		got, err := contentDigest(http.Header{contentDigestHeader: {text}})
		if err != nil || (got != nil) != found || found && !bytes.Equal(got, sum) {
			t.Errorf("%q: %x, %v", text, got, err)
		}
	}
	for _, text := range []string{"sha-256=::", "sha-256=:AAAA:", "sha-256", "sha-256=" + strings.Trim(good, ":"), "sha-256=:" + strings.Repeat("A", 1000) + ":"} {
		if _, err := contentDigest(http.Header{contentDigestHeader: {text}}); fault.CodeOf(err) != fault.InvalidRequest {
			t.Errorf("%q: %v", text, err)
		}
	}
}

package slicing_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"toolpit/internal/slicing"
)

// interval is what a drawn slice wants of an axis, in plain numbers.
type interval struct {
	start, stop int64
	single      bool
}

// drawSlice draws a slice that fits, as a text and as numbers. A bound is
// written in any of the ways there are to say it.
func drawSlice(t *rapid.T, shape []int64) (string, []interval) {
	wanted := make([]interval, len(shape))
	entries := make([]string, len(shape))
	named := rapid.IntRange(1, len(shape)).Draw(t, "named")
	for i, n := range shape {
		start := rapid.Int64Range(0, n).Draw(t, "start")
		stop := rapid.Int64Range(start, n).Draw(t, "stop")
		if i >= named {
			start, stop = 0, n
		}
		wanted[i] = interval{start: start, stop: stop}
		bound := func(index, omitted int64) string {
			switch {
			case index == omitted && rapid.Bool().Draw(t, "omitted"):
				return ""
			case index < n && rapid.Bool().Draw(t, "negative"):
				return fmt.Sprint(index - n)
			default:
				return fmt.Sprint(index)
			}
		}
		if start+1 == stop && i < named && rapid.Bool().Draw(t, "single") {
			wanted[i].single = true
			entries[i] = bound(start, -1)
			continue
		}
		entries[i] = bound(start, 0) + ":" + bound(stop, n)
	}
	return strings.Join(entries[:named], ","), wanted
}

// naive visits every index of the array in row-major order and keeps the bytes
// of those that are wanted.
func naive(src []byte, shape []int64, itemSize int, fortran bool, wanted []interval) (part []byte, partShape []int64) {
	partShape = []int64{}
	for _, w := range wanted {
		if !w.single {
			partShape = append(partShape, w.stop-w.start)
		}
	}
	index := make([]int64, len(shape))
	part = []byte{}
	var visit func(axis int)
	visit = func(axis int) {
		if axis < len(shape) {
			for index[axis] = 0; index[axis] < shape[axis]; index[axis]++ {
				visit(axis + 1)
			}
			return
		}
		at, stride := int64(0), int64(1)
		for i := range shape {
			if !fortran {
				i = len(shape) - 1 - i
			}
			at += index[i] * stride
			stride *= shape[i]
			if index[i] < wanted[i].start || index[i] >= wanted[i].stop {
				return
			}
		}
		part = append(part, src[at*int64(itemSize):(at+1)*int64(itemSize)]...)
	}
	visit(0)
	return part, partShape
}

func numbered(n int64) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * 31)
		if i%2 == 1 {
			b[i] = byte(i >> 8)
		}
	}
	return b
}

func TestRangesAreThoseOfANaiveWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.Int64Range(0, 4), 1, 6).Draw(t, "shape")
		itemSize := rapid.SampledFrom([]int{1, 4, 8}).Draw(t, "item size")
		fortran := rapid.Bool().Draw(t, "fortran")
		text, wanted := drawSlice(t, shape)
		t.Logf("%q of %v", text, shape)
		size := int64(itemSize)
		for _, n := range shape {
			size *= n
		}
		src := numbered(size)
		part, partShape := naive(src, shape, itemSize, fortran, wanted)

		s, err := slicing.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		box, err := s.Within(shape)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(partShape, box.Shape); d != "" {
			t.Errorf("shape (-want +got):\n%s", d)
		}
		ranges := slices.Collect(box.Ranges(itemSize, fortran))
		if got := slicing.Gather([]byte{}, src, slices.Values(ranges)); !bytes.Equal(got, part) {
			t.Errorf("the bytes are %x, want %x", got, part)
		}
		if n := box.Elements() * int64(itemSize); n != int64(len(part)) {
			t.Errorf("there are %d bytes of elements, want %d", n, len(part))
		}
		for i := 1; i < len(ranges); i++ {
			before := ranges[i-1].Offset + ranges[i-1].Length
			if ranges[i].Offset == before || !fortran && ranges[i].Offset < before {
				t.Errorf("%+v follows %+v", ranges[i], ranges[i-1])
			}
		}
		chunk := rapid.Int64Range(1, 40).Draw(t, "chunk")
		var pieced []byte
		for p := range slicing.Pieces(slices.Values(ranges), chunk) {
			if p.Length < 1 || p.Offset+p.Length > chunk {
				t.Fatalf("a piece of a chunk of %d is %+v", chunk, p)
			}
			at := p.Chunk*chunk + p.Offset
			pieced = append(pieced, src[at:at+p.Length]...)
		}
		if !bytes.Equal(pieced, part) {
			t.Errorf("the pieces are %x, want %x", pieced, part)
		}
	})
}

func TestRowsAreOneRange(t *testing.T) {
	const rows, columns = 1 << 16, 512 // 256 MiB of doubles
	for text, want := range map[string][]slicing.Range{
		"0:10,:":    {{0, 10 * columns * 8}},
		"65535":     {{(rows - 1) * columns * 8, columns * 8}},
		"0:2,-1":    {{(columns - 1) * 8, 8}, {(2*columns - 1) * 8, 8}},
		":":         {{0, rows * columns * 8}},
		"3:3":       nil,
		"7:8,5:9":   {{(7*columns + 5) * 8, 32}},
		"7:9,0:512": {{7 * columns * 8, 2 * columns * 8}},
		"0:2,0:511": {{0, 511 * 8}, {columns * 8, 511 * 8}},
	} {
		s, err := slicing.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		box, err := s.Within([]int64{rows, columns})
		if err != nil {
			t.Fatal(err)
		}
		var got []slicing.Range
		for r := range box.Ranges(8, false) {
			if got = append(got, r); len(got) > len(want) {
				break // there may be millions
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	}
}

func TestAScalarIsOneRange(t *testing.T) {
	for _, fortran := range []bool{false, true} {
		got := slices.Collect(slicing.Whole(nil).Ranges(8, fortran))
		if d := cmp.Diff([]slicing.Range{{0, 8}}, got); d != "" {
			t.Errorf("(-want +got):\n%s", d)
		}
	}
}

// TestStoppingEarly leaves the loops in the middle.
func TestStoppingEarly(t *testing.T) {
	n := 0
	for range slicing.Pieces(slicing.Whole([]int64{4, 4}).Ranges(8, true), 4) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d pieces", n)
	}
}

// BenchmarkTurn turns 16 MiB of column-major doubles into row-major order.
func BenchmarkTurn(b *testing.B) {
	shape := []int64{1024, 2048}
	src := make([]byte, 16<<20)
	dst := make([]byte, 0, len(src))
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		dst = slicing.Gather(dst[:0], src, slicing.Whole(shape).Ranges(8, true))
	}
}

package slicing

import (
	"fmt"
	"iter"
	"slices"
)

// Box is a part of an array: neighbouring entries along each axis.
type Box struct {
	Shape []int64 // of the part, without the axes that an index has dropped

	of    []int64 // the array's shape
	start []int64
	count []int64
}

// Whole returns all of an array.
func Whole(shape []int64) Box {
	return Box{
		Shape: slices.Clone(shape),
		of:    slices.Clone(shape), start: make([]int64, len(shape)), count: slices.Clone(shape),
	}
}

// Elements returns how many elements the part has.
func (b Box) Elements() int64 {
	n := int64(1)
	for _, c := range b.count {
		if c == 0 {
			return 0
		}
		n *= c
	}
	return n
}

// Key is the same for equal parts of equal arrays, however they were asked for.
func (b Box) Key() string { return fmt.Sprint(b.of, b.start, b.count, b.Shape) }

// Range is neighbouring bytes.
type Range struct{ Offset, Length int64 }

// Ranges yields where the part is in the bytes of the array: one range after
// the other, they are its elements in row-major order, and none begins where
// the one before it ends. fortran tells whether the array is in column-major
// order; then nearly each element is a range of its own, so the bytes should be
// in memory. The array's size in bytes must fit into 64 bits.
func (b Box) Ranges(itemSize int, fortran bool) iter.Seq[Range] {
	first, run, loops := b.plan(int64(itemSize), fortran)
	return func(yield func(Range) bool) {
		if b.Elements() == 0 {
			return
		}
		done := make([]int64, len(loops))
		for r := (Range{first, run}); yield(r); {
			i := len(loops) - 1
			for ; i >= 0; i-- {
				r.Offset += loops[i].stride
				if done[i]++; done[i] < loops[i].count {
					break
				}
				r.Offset -= loops[i].stride * loops[i].count
				done[i] = 0
			}
			if i < 0 {
				return
			}
		}
	}
}

// loop is an axis along which ranges repeat.
type loop struct{ count, stride int64 }

// plan returns where the first range is, how long each is, and how they repeat,
// the slowest axis first.
func (b Box) plan(itemSize int64, fortran bool) (first, run int64, loops []loop) {
	run = itemSize
	strides := strides(b.of, itemSize, fortran)
	for i, count := range slices.Backward(b.count) {
		first += b.start[i] * strides[i]
		switch {
		case count == 1:
		case len(loops) == 0 && strides[i] == run:
			run *= count
		default:
			loops = append(loops, loop{count, strides[i]})
		}
	}
	slices.Reverse(loops)
	return first, run, loops
}

// strides returns by how many bytes neighbours along each axis are apart.
func strides(shape []int64, itemSize int64, fortran bool) []int64 {
	strides := make([]int64, len(shape))
	stride := itemSize
	for i := range shape {
		if !fortran {
			i = len(shape) - 1 - i
		}
		strides[i] = stride
		stride *= shape[i]
	}
	return strides
}

// MaxTurned is how many bytes a column-major array may have that is to be turned
// into row-major order: for that all of it has to be in memory.
const MaxTurned = 16 << 20

// Gather appends the ranges of src. With all of a column-major array it turns
// that into row-major order:
//
//	slicing.Gather(nil, src, slicing.Whole(shape).Ranges(8, true))
func Gather(b, src []byte, ranges iter.Seq[Range]) []byte {
	for r := range ranges {
		b = append(b, src[r.Offset:r.Offset+r.Length]...)
	}
	return b
}

// Clip yields what is left of ranges when only the bytes from one up to and
// without another are wanted, as they are counted from the beginning of the
// first range.
func Clip(ranges iter.Seq[Range], from, to int64) iter.Seq[Range] {
	return func(yield func(Range) bool) {
		at := int64(0)
		for r := range ranges {
			if at >= to {
				return
			}
			first, last := max(from-at, 0), min(to-at, r.Length)
			at += r.Length
			if first < last && !yield(Range{r.Offset + first, last - first}) {
				return
			}
		}
	}
}

// Piece is a range within one chunk.
type Piece struct {
	Chunk          int64 // which, from 0
	Offset, Length int64 // inside the chunk
}

// Pieces cuts ranges where chunks of that many bytes end.
func Pieces(ranges iter.Seq[Range], chunk int64) iter.Seq[Piece] {
	return func(yield func(Piece) bool) {
		for r := range ranges {
			for r.Length > 0 {
				p := Piece{Chunk: r.Offset / chunk, Offset: r.Offset % chunk}
				p.Length = min(r.Length, chunk-p.Offset)
				if !yield(p) {
					return
				}
				r.Offset += p.Length
				r.Length -= p.Length
			}
		}
	}
}

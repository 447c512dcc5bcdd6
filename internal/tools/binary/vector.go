package binary

import (
	"encoding/binary"
	"math"

	"toolpit/internal/value"
)

// floatsOf reads the elements of a tensor; an i64 beyond 2^53 is rounded.
func floatsOf(d value.Dtype, elements []byte) []float64 {
	size := int(d.Size())
	v := make([]float64, len(elements)/size)
	for i := range v {
		e := elements[i*size:]
		switch d {
		case value.F64:
			v[i] = math.Float64frombits(binary.LittleEndian.Uint64(e))
		case value.F32:
			v[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(e)))
		case value.I64:
			v[i] = float64(int64(binary.LittleEndian.Uint64(e)))
		case value.I32:
			v[i] = float64(int32(binary.LittleEndian.Uint32(e)))
		default:
			v[i] = float64(e[0])
		}
	}
	return v
}

// euclidean returns the Euclidean norm; it overflows only where the norm itself does.
func euclidean(v []float64) float64 {
	largest := largestOf(v)
	if largest == 0 {
		return 0
	}
	sum := 0.0
	for _, f := range v {
		sum += (f / largest) * (f / largest)
	}
	return largest * math.Sqrt(sum)
}

func largestOf(v []float64) float64 {
	largest := 0.0
	for _, f := range v {
		largest = max(largest, math.Abs(f))
	}
	return largest
}

// cosine returns the cosine of the angle between two vectors; ok is false when
// one of them is zero and there is no angle.
func cosine(a, b []float64) (c float64, ok bool) {
	la, lb := largestOf(a), largestOf(b)
	if la == 0 || lb == 0 {
		return 0, false
	}
	var product, squaresA, squaresB float64 // of numbers up to 1
	for i := range a {
		x, y := a[i]/la, b[i]/lb
		product, squaresA, squaresB = product+x*y, squaresA+x*x, squaresB+y*y
	}
	return min(1, max(-1, product/math.Sqrt(squaresA)/math.Sqrt(squaresB))), true
}

// dot returns the scalar product.
func dot(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

// distance returns the Euclidean distance.
func distance(a, b []float64) float64 {
	between := make([]float64, len(a))
	for i := range a {
		between[i] = a[i] - b[i]
	}
	return euclidean(between)
}

// unit scales a vector to the norm 1; a zero vector stays.
func unit(v []float64) {
	n := euclidean(v)
	if n == 0 {
		return
	}
	for i := range v {
		v[i] /= n
	}
}

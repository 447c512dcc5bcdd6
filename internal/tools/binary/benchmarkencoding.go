package binary

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/npy"
	"toolpit/internal/tools"
)

type benchmarkIn struct {
	StartKB int `json:"start_kb" jsonschema:"default=1,minimum=1,maximum=4096" jsonschema_description:"The first size, in units of 1,024 bytes of float64."`
	EndKB   int `json:"end_kb" jsonschema:"default=100,minimum=1,maximum=4096" jsonschema_description:"No size is larger."`
	StepKB  int `json:"step_kb" jsonschema:"default=10,minimum=1,maximum=4096"`
	Repeats int `json:"repeats" jsonschema:"default=5,minimum=1,maximum=100" jsonschema_description:"How often each is measured; the medians count."`
}

// Bounds of one benchmark.
const (
	maxWork  = 16 << 20 // bytes of floats, over all sizes and repeats
	maxSizes = 100
)

type benchmarkOut struct {
	Results []benchmarkRow `json:"results"`
	Repeats int            `json:"repeats"`
}

type benchmarkRow struct {
	SizeKB         int     `json:"size_kb"`
	Elements       int     `json:"elements"`
	JSONBytes      int     `json:"json_bytes"`
	BinaryBytes    int     `json:"binary_bytes"`
	JSONEncodeNS   int64   `json:"json_encode_ns" jsonschema_description:"Median; from the elements' bytes to a JSON array, as the service answers."`
	JSONDecodeNS   int64   `json:"json_decode_ns" jsonschema_description:"Median; from the JSON array to the elements' bytes, as the service reads."`
	BinaryEncodeNS int64   `json:"binary_encode_ns" jsonschema_description:"Median; from floats to little-endian bytes."`
	BinaryDecodeNS int64   `json:"binary_decode_ns" jsonschema_description:"Median; from little-endian bytes to floats."`
	Speedup        float64 `json:"speedup" jsonschema_description:"Time of JSON both ways over that of bytes both ways."`
	SizeRatio      float64 `json:"size_ratio" jsonschema_description:"Bytes of JSON over bytes of binary."`
}

var benchmarkEncoding = tools.New("benchmark_encoding", "Encodes and decodes random float64 arrays as JSON and as bytes, and measures both.",
	func(ctx context.Context, c *tools.Call, in benchmarkIn) (benchmarkOut, error) {
		sizes, err := in.sizes()
		if err != nil {
			return benchmarkOut{}, err
		}
		out := benchmarkOut{Results: []benchmarkRow{}, Repeats: in.Repeats}
		rng := c.Rand()
		for _, kb := range sizes {
			floats := make([]float64, kb<<10/8)
			for i := range floats {
				floats[i] = rng.NormFloat64()
			}
			row, err := measure(ctx, floats, in.Repeats)
			if err != nil {
				return benchmarkOut{}, err
			}
			row.SizeKB = kb
			out.Results = append(out.Results, row)
		}
		return out, nil
	},
	tools.ReadOnly(), tools.WithCost(tools.CPU),
	tools.Example("as it comes", `{}`),
	tools.Example("one size", `{"start_kb":8,"end_kb":8,"repeats":3}`),
	tools.Example("too much", `{"start_kb":4096,"end_kb":4096,"repeats":100}`, tools.Fails(fault.ConstraintViolation)),
)

// sizes are what is measured, in KiB, within the bounds of one benchmark.
func (in benchmarkIn) sizes() ([]int, error) {
	if in.StartKB > in.EndKB {
		return nil, tools.Refuse("/start_kb", fault.ConstraintViolation,
			fmt.Sprintf("Expected at most end_kb, %d, got %d.", in.EndKB, in.StartKB))
	}
	var sizes []int
	work := 0
	for kb := in.StartKB; kb <= in.EndKB; kb += in.StepKB {
		work += kb << 10 * in.Repeats
		if len(sizes) == maxSizes || work > maxWork {
			return nil, tools.Refuse("/end_kb", fault.ConstraintViolation,
				fmt.Sprintf("Expected at most %d sizes, and at most %d KiB over all sizes and repeats.", maxSizes, maxWork>>10))
		}
		sizes = append(sizes, kb)
	}
	return sizes, nil
}

const float64s = "<f8"

// measure encodes and decodes some floats, both ways.
func measure(ctx context.Context, floats []float64, repeats int) (benchmarkRow, error) {
	raw := appendFloats(nil, floats)
	text := make([]byte, 0, 26*len(floats)) // memory that has to grow is not what is measured
	packed, parsed := make([]byte, 0, len(raw)), make([]byte, 0, len(raw))
	read := make([]float64, len(floats))
	var err error
	rounds := []func(){
		func() {
			text, err = npy.AppendJSON(append(text[:0], '['), float64s, raw, 0)
			text = append(text, ']')
		},
		func() { parsed, err = npy.AppendElements(parsed[:0], float64s, text) },
		func() { packed = appendFloats(packed[:0], floats) },
		func() { readFloats(read, packed) },
	}
	medians := make([]int64, len(rounds))
	for i, round := range rounds {
		times := make([]int64, repeats)
		for n := range times {
			if ctx.Err() != nil {
				return benchmarkRow{}, ctx.Err()
			}
			start := time.Now()
			round()
			times[n] = time.Since(start).Nanoseconds()
			if err != nil {
				return benchmarkRow{}, err
			}
		}
		slices.Sort(times)
		medians[i] = times[repeats/2]
	}
	if !bytes.Equal(parsed, raw) || !bytes.Equal(packed, raw) || !slices.Equal(read, floats) {
		return benchmarkRow{}, fmt.Errorf("%d floats do not come back as they were", len(floats))
	}
	return benchmarkRow{
		Elements: len(floats), JSONBytes: len(text), BinaryBytes: len(packed),
		JSONEncodeNS: medians[0], JSONDecodeNS: medians[1], BinaryEncodeNS: medians[2], BinaryDecodeNS: medians[3],
		Speedup:   float64(medians[0]+medians[1]) / float64(max(1, medians[2]+medians[3])), // a clock may stand still
		SizeRatio: float64(len(text)) / float64(len(packed)),
	}, nil
}

func appendFloats(b []byte, floats []float64) []byte {
	for _, f := range floats {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	}
	return b
}

func readFloats(floats []float64, b []byte) {
	for i := range floats {
		floats[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
}

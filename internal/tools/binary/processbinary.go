package binary

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"math"

	"toolpit/internal/fault"
	"toolpit/internal/tools"
)

type processIn struct {
	Data      string `json:"data" jsonschema:"minLength=4,maxLength=262144" jsonschema_description:"The bytes as base64, with padding."`
	Operation string `json:"operation" jsonschema:"default=checksum,enum=checksum,enum=size,enum=entropy,enum=histogram,enum=compress"`
}

type processOut struct {
	Operation string       `json:"operation"`
	SizeBytes int          `json:"size_bytes"`
	SHA256    string       `json:"sha256,omitzero"`
	CRC32     string       `json:"crc32,omitzero" jsonschema_description:"IEEE, 8 hexadecimal digits."`
	Entropy   *float64     `json:"entropy_bits_per_byte,omitzero" jsonschema_description:"Shannon's, of the bytes' frequencies: 0 to 8."`
	Histogram []int        `json:"histogram,omitempty" jsonschema_description:"How often each of the 256 bytes occurs."`
	Compress  *compression `json:"compression,omitzero"`
}

var processBinary = tools.New("process_binary", "Measures a piece of data: checksums, size, entropy, histogram, or how far it can be compressed.",
	func(_ context.Context, _ *tools.Call, in processIn) (processOut, error) {
		data, err := base64.StdEncoding.Strict().DecodeString(in.Data)
		if err != nil {
			return processOut{}, tools.Refuse("/data", fault.ConstraintViolation, "Expected base64 with padding.")
		}
		out := processOut{Operation: in.Operation, SizeBytes: len(data)}
		switch in.Operation {
		case "checksum":
			sum := sha256.Sum256(data)
			out.SHA256, out.CRC32 = hex.EncodeToString(sum[:]), fmt.Sprintf("%08x", crc32.ChecksumIEEE(data))
		case "entropy":
			out.Entropy = new(entropy(histogram(data), len(data)))
		case "histogram":
			out.Histogram = histogram(data)
		case "compress":
			if out.Compress, err = compress(data); err != nil {
				return processOut{}, err
			}
		}
		return out, nil
	},
	tools.ReadOnly(), tools.Idempotent(), tools.WithCost(tools.CPU),
	tools.Example("checksums", `{"data":"MTIzNDU2Nzg5"}`,
		tools.Gives(`{"operation":"checksum","size_bytes":9,"sha256":"15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225","crc32":"cbf43926"}`)),
	tools.Example("two bits in each byte", `{"data":"AAECAw==","operation":"entropy"}`,
		tools.Gives(`{"operation":"entropy","size_bytes":4,"entropy_bits_per_byte":2}`)),
	tools.Example("only zeros", `{"data":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","operation":"compress"}`),
	tools.Example("no base64", `{"data":"not base64"}`, tools.Fails(fault.ConstraintViolation)),
)

func histogram(data []byte) []int {
	counts := make([]int, 256)
	for _, b := range data {
		counts[b]++
	}
	return counts
}

// entropy is Shannon's, in bits for each of n bytes.
func entropy(counts []int, n int) float64 {
	sum := 0.0
	for _, count := range counts {
		if count > 0 {
			p := float64(count) / float64(n)
			sum -= p * math.Log2(p)
		}
	}
	return max(0, sum) // not -0
}

package binary_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
	binarytools "toolpit/internal/tools/binary"
	"toolpit/internal/tools/toolstest"
	"toolpit/internal/value"
)

func newClient(t *testing.T) *toolstest.Client {
	t.Helper()
	return toolstest.NewClient(t, binarytools.Tools())
}

// content reads all bytes of a stored tensor.
func content(t *testing.T, c *toolstest.Client, name string) []byte {
	t.Helper()
	snapshot, err := c.Store.Read(t.Context(), c.Ref, name)
	if err != nil {
		t.Fatal(err)
	}
	d, ok := snapshot.Variables[name].Value.Descriptor()
	if !ok {
		t.Fatalf("%s is no tensor", name)
	}
	var all []byte
	for i := range store.Chunks(d.Bytes) {
		chunk, err := c.Store.Chunk(t.Context(), c.Ref, d.Digest, store.WholeChunk(d.Bytes, i), nil)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, chunk...)
	}
	return all
}

func TestCreateTensor_StoresTheElements(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	f64 := func(elements ...float64) (b []byte) {
		for _, f := range elements {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
		}
		return b
	}
	f32 := func(elements ...float32) (b []byte) {
		for _, f := range elements {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
		}
		return b
	}
	i64 := func(elements ...int64) (b []byte) {
		for _, n := range elements {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
		return b
	}
	for i, tt := range []struct {
		arguments string
		want      []byte
	}{
		{`"shape":[2,2]`, f64(0, 0, 0, 0)},
		{`"shape":[3],"fill":"ones","dtype":"f32"`, f32(1, 1, 1)},
		{`"shape":[3],"fill":"ones","dtype":"bool"`, []byte{1, 1, 1}},
		{`"shape":[2],"fill":"value","fill_value":-2.5`, f64(-2.5, -2.5)},
		{`"shape":[2],"fill_value":0.1,"dtype":"f32"`, f32(0.1, 0.1)},
		{`"shape":[2],"fill_value":9223372036854775807,"dtype":"i64"`, i64(math.MaxInt64, math.MaxInt64)},
		{`"shape":[2],"fill_value":-1,"dtype":"i32"`, []byte("\xff\xff\xff\xff\xff\xff\xff\xff")},
		{`"shape":[2],"fill_value":255,"dtype":"u8"`, []byte{255, 255}},
		{`"shape":[2],"fill_value":true,"dtype":"bool"`, []byte{1, 1}},
		{`"shape":[2,3],"fill":"arange"`, f64(0, 1, 2, 3, 4, 5)},
		{`"shape":[3],"fill":"arange","dtype":"i64"`, i64(0, 1, 2)},
		{`"shape":[3],"fill":"arange","dtype":"i32"`, []byte{0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0}},
		{`"shape":[3],"fill":"arange","dtype":"u8"`, []byte{0, 1, 2}},
		{`"shape":[2],"fill":"arange","dtype":"bool"`, []byte{0, 1}},
	} {
		name := fmt.Sprintf("t%d", i)
		sum := sha256.Sum256(tt.want)
		c.Gives(t, "create_tensor", fmt.Sprintf(`{"name":%q,%s}`, name, tt.arguments),
			fmt.Sprintf(`{"name":%q,"size_bytes":%d,"checksum":%q,"version":1,"created":true,"encoding":"raw-le"}`, name, len(tt.want), hex.EncodeToString(sum[:])))
		if got := content(t, c, name); string(got) != string(tt.want) {
			t.Errorf("%s has the bytes %x, want %x", tt.arguments, got, tt.want)
		}
	}
}

func TestCreateTensor_RandomElements(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	checksum := func(arguments string) string {
		t.Helper()
		var got struct{ Checksum string }
		c.Must(t, "create_tensor", `{"name":"r","shape":[100,40],"fill":"random",`+arguments+`}`, &got)
		sum := sha256.Sum256(content(t, c, "r"))
		if got.Checksum != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: the checksum is not that of the bytes", arguments)
		}
		return got.Checksum
	}
	if a, b, other := checksum(`"seed":7`), checksum(`"seed":7`), checksum(`"seed":8`); a != b || a == other {
		t.Errorf("seeds 7, 7 and 8 give %s, %s and %s", a, b, other)
	}
	if checksum(`"dtype":"f64"`) == checksum(`"dtype":"f64"`) {
		t.Error("two tensors without a seed are the same")
	}
	checksum(`"seed":1`)
	sum, raw := 0.0, content(t, c, "r")
	for i := 0; i < len(raw); i += 8 {
		f := math.Float64frombits(binary.LittleEndian.Uint64(raw[i:]))
		if f < 0 || f >= 1 {
			t.Fatalf("element %d is %v", i/8, f)
		}
		sum += f
	}
	if mean := sum / 4000; math.Abs(mean-0.5) > 0.05 {
		t.Errorf("the mean is %v", mean)
	}
	checksum(`"seed":1,"dtype":"bool"`)
	ones := 0
	for _, b := range content(t, c, "r") {
		if b > 1 {
			t.Fatalf("a bool is %d", b)
		}
		ones += int(b)
	}
	if ones < 1800 || ones > 2200 {
		t.Errorf("%d of 4000 bools are true", ones)
	}
}

func TestCreateTensor_OfManyChunks(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Gives(t, "create_tensor", `{"name":"big","shape":[3,100001],"fill":"arange","dtype":"f64"}`, `{"size_bytes":2400024,"elements":300003}`)
	raw := content(t, c, "big")
	for i := range 300_003 {
		if f := math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])); f != float64(i) {
			t.Fatalf("element %d is %v", i, f)
		}
	}
}

func TestCreateTensor_Refuses(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Apply(t, store.PutContent("number", store.Content{JSON: []byte(`1`)}))
	for _, tt := range []struct {
		arguments string
		code      fault.Code
		pointer   string
	}{
		{`"shape":[]`, fault.ConstraintViolation, "/arguments/shape"},
		{`"shape":[0]`, fault.ConstraintViolation, "/arguments/shape/0"},
		{`"shape":[-1,-1]`, fault.ConstraintViolation, "/arguments/shape/1"},
		{`"shape":[1,1,1,1,1,1,1,1,1]`, fault.ConstraintViolation, "/arguments/shape"},
		{`"shape":[1.5]`, fault.TypeMismatch, "/arguments/shape/0"},
		{`"shape":[8388609]`, fault.ConstraintViolation, "/arguments/shape"},
		{`"shape":[4294967296,4294967296]`, fault.ConstraintViolation, "/arguments/shape"},
		{`"shape":[9223372036854775807,2]`, fault.ConstraintViolation, "/arguments/shape"},
		{`"shape":[2],"dtype":"f16"`, fault.ConstraintViolation, "/arguments/dtype"},
		{`"shape":[2],"size_bytes":15`, fault.ConstraintViolation, "/arguments/size_bytes"},
		{`"shape":[2],"fill":"value"`, fault.ConstraintViolation, "/arguments/fill_value"},
		{`"shape":[2],"fill":"ones","fill_value":1`, fault.ConstraintViolation, "/arguments/fill_value"},
		{`"shape":[2],"fill_value":"NaN"`, fault.ConstraintViolation, "/arguments/fill_value"},
		{`"shape":[2],"fill_value":1e400`, fault.ConstraintViolation, "/arguments/fill_value"},
		{`"shape":[2],"fill_value":1e39,"dtype":"f32"`, fault.ConstraintViolation, "/arguments/fill_value"},
		{`"shape":[2],"fill_value":256,"dtype":"u8"`, fault.ConstraintViolation, "/arguments/fill_value"},
		{`"shape":[2],"fill_value":1,"dtype":"bool"`, fault.TypeMismatch, "/arguments/fill_value"},
		{`"shape":[2],"fill_value":1.5,"dtype":"i32"`, fault.TypeMismatch, "/arguments/fill_value"},
		{`"shape":[257],"fill":"arange","dtype":"u8"`, fault.ConstraintViolation, "/arguments/shape"},
		{`"shape":[2],"seed":1`, fault.ConstraintViolation, "/arguments/seed"},
	} {
		c.Refuses(t, "create_tensor", `{"name":"t",`+tt.arguments+`}`, tt.code, tt.pointer)
	}
	c.Refuses(t, "create_tensor", `{"name":"number","shape":[1]}`, fault.TypeMismatch, "/arguments/name")
	c.Refuses(t, "create_tensor", `{"name":"","shape":[1]}`, fault.ConstraintViolation, "/arguments/name")
	if usage, err := c.Store.Usage(t.Context(), c.Ref); err != nil || usage.Blobs != 0 {
		t.Errorf("%d blobs, %v, after refusals only", usage.Blobs, err)
	}
}

func TestCreateTensor_KeepsTheVariablesConstraints(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Gives(t, "create_tensor", `{"name":"t","shape":[2,3]}`, `{"version":1}`)
	c.Apply(t, store.Patch("t", []byte(`{"shape":[-1,3],"dtype":"f64"}`), nil))
	c.Refuses(t, "create_tensor", `{"name":"t","shape":[3,2]}`, fault.ConstraintViolation, "/arguments/shape")
	c.Refuses(t, "create_tensor", `{"name":"t","shape":[2,3],"dtype":"f32"}`, fault.ConstraintViolation, "/arguments/dtype")
	c.Gives(t, "create_tensor", `{"name":"t","shape":[9,3]}`, `{"version":3,"created":false}`)
}

func TestCreateTensor_Repeated(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Repeats(t, "create_tensor", `{"name":"t","shape":[64],"fill":"random"}`, func() { c.Apply(t, store.Delete("t")) })
	c.Repeats(t, "create_tensor", `{"name":"t","shape":[64],"fill":"random"}`, func() {
		c.Apply(t, store.Delete("t"))
		c.Apply(t, store.PutContent("t", store.Content{JSON: []byte(`"a string"`)}))
	})
	c.Repeats(t, "create_tensor", `{"name":"t","shape":[64]}`, func() { c.Apply(t, store.Delete("t")) }) // which was refused
}

func TestEmbeddings_SimilarTextsAreNear(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	cosine := func(a, b string) float64 {
		t.Helper()
		var got struct{ Cosine float64 }
		c.Must(t, "similarity", fmt.Sprintf(`{"a":%s,"b":%s}`, a, b), &got)
		return got.Cosine
	}
	text := func(s string) string { return fmt.Sprintf(`{"text":%q}`, s) }
	for _, tt := range []struct{ text, near, far string }{
		{"the cat sat on the mat", "a cat sits on a mat", "quarterly revenue grew by nine percent"},
		{"training a neural network", "neural networks are trained", "boiling an egg for breakfast"},
		{"distributed systems", "distribted system", "strawberry pancakes"},
		{"listen", "listening", "silent"}, // an anagram is another word
	} {
		near, far := cosine(text(tt.text), text(tt.near)), cosine(text(tt.text), text(tt.far))
		if near < far+0.1 {
			t.Errorf("%q: %q is at %.3f, %q at %.3f", tt.text, tt.near, near, tt.far, far)
		}
	}
	if same := cosine(text("Straße, CAFÉ!"), text("straße cafe\u0301")); same < 1-1e-12 {
		t.Errorf("spellings of one text are at %v", same)
	}
	c.Gives(t, "create_embedding", `{"name":"e","text":"the cat sat on the mat","dimensions":300}`, `{"name":"e","dimensions":300,"encoding":"json","version":1,"created":true}`)
	if same := cosine(`"e"`, text("the cat sat on the mat")); same < 1-1e-12 {
		t.Errorf("the stored embedding of a text is at %v from the text", same)
	}
}

func TestCreateEmbedding(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var unit, raw struct {
		Norm      float64
		SizeBytes int `json:"size_bytes"`
	}
	c.Must(t, "create_embedding", `{"name":"u","text":"some words, some more","dimensions":32}`, &unit)
	c.Must(t, "create_embedding", `{"name":"r","text":"some words, some more","dimensions":32,"normalize":false}`, &raw)
	if math.Abs(unit.Norm-1) > 1e-12 || raw.Norm < 2 {
		t.Errorf("norms %v and %v", unit.Norm, raw.Norm)
	}
	snapshot, err := c.Store.Read(t.Context(), c.Ref, "u", "r")
	if err != nil {
		t.Fatal(err)
	}
	if got := len(snapshot.Variables["u"].Value.JSON()); got != unit.SizeBytes {
		t.Errorf("%d bytes are stored, %d reported", got, unit.SizeBytes)
	}
	again := snapshot.Variables["u"].Value
	c.Gives(t, "create_embedding", `{"name":"u","text":"some words, some more","dimensions":32}`, `{"version":2,"created":false}`)
	if snapshot, err = c.Store.Read(t.Context(), c.Ref, "u"); err != nil || snapshot.Variables["u"].Value != again {
		t.Errorf("the same text has another vector, %v", err)
	}

	c.Refuses(t, "create_embedding", `{"name":"u","text":"","dimensions":32}`, fault.ConstraintViolation, "/arguments/text")
	c.Refuses(t, "create_embedding", `{"name":"u","text":" \u0000!","dimensions":32}`, fault.ConstraintViolation, "/arguments/text")
	c.Refuses(t, "create_embedding", `{"name":"u","text":"a","dimensions":0}`, fault.ConstraintViolation, "/arguments/dimensions")
	c.Refuses(t, "create_embedding", `{"name":"u","text":"a","dimensions":4097}`, fault.ConstraintViolation, "/arguments/dimensions")
	c.Apply(t, store.PutContent("n", store.Content{JSON: []byte(`1`)}))
	c.Refuses(t, "create_embedding", `{"name":"n","text":"a","dimensions":8}`, fault.TypeMismatch, "/arguments/name")
	c.Gives(t, "create_embedding", `{"name":"large","text":"`+strings.Repeat("lorem ipsum ", 5000)+`","dimensions":4096}`, `{"dimensions":4096}`)
	c.Repeats(t, "create_embedding", `{"name":"u","text":"words","dimensions":8}`, func() { c.Apply(t, store.Delete("u")) })
}

func TestSimilarity(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.Apply(t,
		store.PutContent("v", store.Content{JSON: []byte(`[3,4]`)}), // an integer_list
		store.PutContent("text", store.Content{JSON: []byte(`"text"`)}))
	for arguments, want := range map[string]string{
		`{"a":"v","b":[4,3]}`:                  `{"cosine":0.96,"dot":24,"euclidean":1.4142135623730951,"dimensions":2}`,
		`{"a":"v","b":"v"}`:                    `{"cosine":1,"dot":25,"euclidean":0}`,
		`{"a":[1,0],"b":[-2,0]}`:               `{"cosine":-1,"dot":-2,"euclidean":3}`,
		`{"a":[1,0],"b":[0,5]}`:                `{"cosine":0,"dot":0}`,
		`{"a":[1e200],"b":[1e-200]}`:           `{"cosine":1}`,
		`{"a":[1e-300,0],"b":[1e-300,0]}`:      `{"cosine":1,"dot":0,"euclidean":0}`,
		`{"a":{"text":"a b"},"b":[1,2,3,4]}`:   `{"dimensions":4}`,
		`{"a":[1,2,3],"b":{"text":"a b"}}`:     `{"dimensions":3}`,
		`{"a":{"text":"a"},"b":{"text":"b"}}`:  `{"dimensions":256}`,
		`{"a":{"text":"!!"},"b":{"text":"b"}}`: `{"dot":0,"euclidean":1}`,
	} {
		c.Gives(t, "similarity", arguments, want)
	}
	if raw, err := c.Try(t, toolstest.Call{Tool: "similarity", Arguments: `{"a":[0,0],"b":[1,2]}`}); err != nil || strings.Contains(raw, "cosine") {
		t.Errorf("of a zero vector: %s, %v", raw, err)
	}
	c.Refuses(t, "similarity", `{"a":[1,2],"b":[1,2,3]}`, fault.ConstraintViolation, "/arguments/b")
	c.Refuses(t, "similarity", `{"a":[1e200],"b":[1e200]}`, fault.ConstraintViolation, "/arguments/b")
	c.Refuses(t, "similarity", `{"a":[],"b":[1]}`, fault.ConstraintViolation, "/arguments/a")
	c.Refuses(t, "similarity", `{"a":["x"],"b":[1]}`, fault.ConstraintViolation, "/arguments/a")
	c.Refuses(t, "similarity", `{"a":{"txt":"x"},"b":[1]}`, fault.ConstraintViolation, "/arguments/a")
	c.Refuses(t, "similarity", `{"a":null,"b":[1]}`, fault.ConstraintViolation, "/arguments/a")
	c.Refuses(t, "similarity", `{"a":"v","b":"gone"}`, fault.VariableNotFound, "/arguments/b")
	c.Refuses(t, "similarity", `{"a":"text","b":[1]}`, fault.TypeMismatch, "/arguments/a")
	c.Repeats(t, "similarity", `{"a":"v","b":[1,1]}`, func() {
		c.Apply(t, store.PutContent("v", store.Content{JSON: []byte(`[5,6]`)}))
	})
}

func TestBenchmarkEncoding(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	var got struct {
		Results []struct {
			SizeKB         int     `json:"size_kb"`
			Elements       int     `json:"elements"`
			JSONBytes      int     `json:"json_bytes"`
			BinaryBytes    int     `json:"binary_bytes"`
			JSONEncodeNS   int64   `json:"json_encode_ns"`
			JSONDecodeNS   int64   `json:"json_decode_ns"`
			BinaryEncodeNS int64   `json:"binary_encode_ns"`
			BinaryDecodeNS int64   `json:"binary_decode_ns"`
			Speedup        float64 `json:"speedup"`
			SizeRatio      float64 `json:"size_ratio"`
		}
	}
	c.Must(t, "benchmark_encoding", `{"start_kb":2,"end_kb":33,"step_kb":15,"repeats":9}`, &got)
	if len(got.Results) != 3 {
		t.Fatalf("%d sizes, want 2, 17 and 32", len(got.Results))
	}
	for i, r := range got.Results {
		bytes := (2 + 15*i) << 10
		if r.SizeKB<<10 != bytes || r.BinaryBytes != bytes || r.Elements != bytes/8 || r.JSONBytes < 2*bytes || r.SizeRatio != float64(r.JSONBytes)/float64(bytes) {
			t.Errorf("row %d: %+v", i, r)
		}
		if r.JSONEncodeNS <= 0 || r.JSONDecodeNS <= 0 || r.BinaryEncodeNS < 0 || r.BinaryDecodeNS < 0 || r.Speedup <= 0 {
			t.Errorf("row %d measures nothing: %+v", i, r)
		}
	}
	if small, large := got.Results[0], got.Results[2]; large.JSONDecodeNS < 2*small.JSONDecodeNS {
		t.Errorf("16 times the floats take %d ns rather than %d", large.JSONDecodeNS, small.JSONDecodeNS)
	}
	c.Refuses(t, "benchmark_encoding", `{"start_kb":9,"end_kb":8}`, fault.ConstraintViolation, "/arguments/start_kb")
	c.Refuses(t, "benchmark_encoding", `{"start_kb":1,"end_kb":4096,"step_kb":1}`, fault.ConstraintViolation, "/arguments/end_kb")
	c.Refuses(t, "benchmark_encoding", `{"start_kb":1,"end_kb":101,"step_kb":1,"repeats":1}`, fault.ConstraintViolation, "/arguments/end_kb")
	c.Refuses(t, "benchmark_encoding", `{"step_kb":0}`, fault.ConstraintViolation, "/arguments/step_kb")
	c.Refuses(t, "benchmark_encoding", `{"repeats":101}`, fault.ConstraintViolation, "/arguments/repeats")
}

func TestProcessBinary(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	call := func(data []byte, operation string) string {
		return fmt.Sprintf(`{"data":%q,"operation":%q}`, base64.StdEncoding.EncodeToString(data), operation)
	}
	var every []byte
	for i := range 4096 {
		every = append(every, byte(i))
	}
	zeros := make([]byte, 100_000)
	c.Gives(t, "process_binary", call(every, "size"), `{"size_bytes":4096}`)
	c.Gives(t, "process_binary", call(every, "entropy"), `{"entropy_bits_per_byte":8}`)
	c.Gives(t, "process_binary", call(zeros, "entropy"), `{"entropy_bits_per_byte":0}`)
	c.Gives(t, "process_binary", call([]byte{7, 7, 255}, "histogram"),
		`{"histogram":[`+strings.Repeat("0,", 7)+"2,"+strings.Repeat("0,", 247)+`1]}`)

	type format struct {
		Bytes    int
		Ratio    float64
		Verified bool
	}
	var got struct {
		Compression struct{ Gzip, Zstd format }
	}
	noise := sha256.Sum256(nil)
	for _, tt := range []struct {
		data        []byte
		least, most float64
	}{{zeros, 500, 1e6}, {noise[:], 0.4, 1}, {[]byte{1}, 0.01, 1}, {[]byte(strings.Repeat("Hello, world. ", 50)), 10, 100}} {
		c.Must(t, "process_binary", call(tt.data, "compress"), &got)
		for _, f := range []format{got.Compression.Gzip, got.Compression.Zstd} {
			if !f.Verified || f.Ratio < tt.least || f.Ratio > tt.most || f.Ratio != float64(len(tt.data))/float64(f.Bytes) {
				t.Errorf("%d bytes: %+v", len(tt.data), got)
			}
		}
	}
	for _, data := range []string{"AAA", "AAAA=", "AAB=", "AA-_"} { // the last bits of AAB= are not zero
		c.Refuses(t, "process_binary", `{"data":"`+data+`"}`, fault.ConstraintViolation, "/arguments/data")
	}
	c.Refuses(t, "process_binary", `{"data":""}`, fault.ConstraintViolation, "/arguments/data")
	c.Refuses(t, "process_binary", `{"data":"AAAA","operation":"encrypt"}`, fault.ConstraintViolation, "/arguments/operation")
}

func TestBenchmarkEncoding_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	registry, err := tools.NewRegistry(binarytools.Tools())
	if err != nil {
		t.Fatal(err)
	}
	engine := tools.NewEngine(tools.EngineConfig{Registry: registry, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	run, err := engine.Prepare(ctx, tools.Invocation{Tool: "benchmark_encoding"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Do(ctx); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("cancelled, it ends with %v", err)
	}
}

func TestSimilarity_ReadsTensors(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for dtype, content := range map[value.Dtype]string{
		value.F64: "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf0\x3f",
		value.F32: "\x00\x00\x00\x00\x00\x00\x80\x3f",
		value.I64: "\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00",
		value.I32: "\x00\x00\x00\x00\x01\x00\x00\x00",
		value.U8:  "\x00\x01",
		value.B8:  "\x00\x01",
	} {
		upload := store.NewBlobWriter(t.Context(), c.Store, c.Ref, int64(len(content)))
		if _, err := upload.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		staged, digest, err := upload.Finish()
		if err != nil {
			t.Fatal(err)
		}
		upload.Keep()
		for _, order := range []value.Order{value.RowMajor, value.ColumnMajor} {
			v, err := value.Descriptor{Dtype: dtype, Shape: []int64{2}, Order: order, Bytes: int64(len(content)), Digest: digest}.Value()
			if err != nil {
				t.Fatal(err)
			}
			put := store.PutContent("t_"+dtype.String(), store.Content{Value: v, Upload: &staged})
			if order == value.ColumnMajor {
				put.Upload = nil
			}
			if _, err := c.Store.Apply(t.Context(), c.Ref, store.Unit{Write: store.Write{Token: store.MintToken(time.Now())}, Ops: []store.Op{put}}); err != nil {
				t.Fatal(err)
			}
			c.Gives(t, "similarity", fmt.Sprintf(`{"a":"t_%s","b":[0,1]}`, dtype), `{"cosine":1,"dot":1,"euclidean":0,"dimensions":2}`)
		}
		if err := upload.Close(); err != nil {
			t.Error(err)
		}
	}
	c.Gives(t, "create_tensor", `{"name":"grid","shape":[2,2]}`, `{"name":"grid"}`)
	c.Refuses(t, "similarity", `{"a":"grid","b":[1,2]}`, fault.ConstraintViolation, "/arguments/a")
	c.Gives(t, "create_tensor", `{"name":"long","shape":[4097]}`, `{"name":"long"}`)
	c.Refuses(t, "similarity", `{"a":[1],"b":"long"}`, fault.ConstraintViolation, "/arguments/b")
}

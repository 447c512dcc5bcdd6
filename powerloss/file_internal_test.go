package powerloss

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestAFileGoesBackToItsLastSync compares a file with copies of it.
func TestAFileGoesBackToItsLastSync(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	const longest, steps = 5000, 20_000
	f := &file{}
	var now, then []byte
	for range steps {
		switch rng.IntN(10) {
		case 0:
			f.sync()
			then = bytes.Clone(now)
		case 1:
			size := rng.IntN(longest)
			f.truncate(size)
			now = append(bytes.Clone(now), make([]byte, max(0, size-len(now)))...)[:size]
		default:
			data := make([]byte, rng.IntN(2*sector))
			for i := range data {
				data[i] = byte(rng.Uint32())
			}
			off := rng.IntN(longest - len(data))
			f.write(data, int64(off))
			if end := off + len(data); end > len(now) {
				now = append(now, make([]byte, end-len(now))...)
			}
			copy(now[off:], data)
		}
		if !bytes.Equal(f.content, now) {
			t.Fatal("the content is not what was written")
		}
		if !bytes.Equal(f.kept(nil), then) {
			t.Fatal("what was kept is not what was synced")
		}
		wantTorn(t, f.kept(rng), now, then)
	}
}

// wantTorn requires got to be made of sectors of then or now, and of no byte
// of now that was appended behind one that is missing.
func wantTorn(t *testing.T, got, now, then []byte) {
	t.Helper()
	if len(got) < min(len(then), len(now)) || len(got) > max(len(then), len(now)) {
		t.Fatalf("%d bytes were kept, of %d that had been %d", len(got), len(now), len(then))
	}
	for from := 0; from < len(got); from += sector {
		to := min(from+sector, len(got))
		isNow := to <= len(now) && bytes.Equal(got[from:to], now[from:to])
		isThen := from < len(then) && bytes.HasPrefix(then[from:], got[from:min(to, len(then))])
		if !isNow && !isThen {
			t.Fatalf("sector %d of %d bytes is neither old nor new", from/sector, len(got))
		}
	}
}

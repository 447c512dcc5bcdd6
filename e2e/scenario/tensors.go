package scenario

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Tensors has writers overwrite one tensor, each with contents of its own,
// while readers on all replicas read it, whole and in ranges, and one replica
// after the other is killed and replaced. Every answer that came to its end
// must be of one version that somebody wrote.
type Tensors struct {
	Fleet   Fleet
	Writers int
	Readers int
	Bytes   int           // of the tensor; a multiple of 8
	For     time.Duration // how long they begin new requests
	Every   time.Duration // between two kills
	Least   int           // kills without which nothing is shown
}

// contents is how many different tensors each writer has.
const contents = 4

// Run starts the fleet, runs the scenario and fails the test unless all that
// was read had been written like that.
func (s Tensors) Run(t *testing.T) {
	t.Helper()
	begin(t, s.Fleet)
	w := &tensorWork{fleet: s.Fleet, known: map[string][]byte{}}
	own := make([][]tensorBody, s.Writers)
	for i := range own {
		for n := range contents {
			b := newTensorBody(s.Bytes, uint64(i), uint64(n))
			own[i], w.known[b.digest] = append(own[i], b), b.bytes
		}
	}
	w.client = newClient(s.Writers+s.Readers, patience)
	defer w.client.CloseIdleConnections()
	if _, err := w.write(t.Context(), 0, "first", own[0][0]); err != nil {
		t.Fatalf("writing the first tensor: %v", err)
	}

	kills, took := Kills{Fleet: s.Fleet, Every: s.Every, Least: s.Least}.during(t, func() { s.work(t, w, own) })
	s.finish(t, w)

	t.Logf("%d replicas, %d writers, %d readers, %d bytes, %s: %d kills; %s",
		s.Fleet.Size(), s.Writers, s.Readers, s.Bytes, took.Round(10*time.Millisecond), kills, w)
	if w.whole == 0 || w.ranges == 0 || len(w.seen) < 2 {
		t.Errorf("%d whole tensors and %d ranges of %d versions show little", w.whole, w.ranges, len(w.seen))
	}
}

// work runs writers and readers to their end.
func (s Tensors) work(t *testing.T, w *tensorWork, own [][]tensorBody) {
	ctx, cancel := context.WithTimeout(t.Context(), s.For)
	defer cancel()
	var all sync.WaitGroup
	for i, bodies := range own {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				key := fmt.Sprintf("w%d-%d", i, n)
				tries, err := w.write(t.Context(), i+n, key, bodies[n%len(bodies)])
				if err != nil {
					t.Errorf("writing %s: %v", key, err)
					return
				}
				w.wrote(tries)
			}
		})
	}
	for i := range s.Readers {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for n := 0; ctx.Err() == nil; n++ {
				part := byteRange{}
				if n%2 == 1 {
					first := random.IntN(s.Bytes)
					part = byteRange{first, first + random.IntN(min(s.Bytes-first, 3<<20))}
				}
				if err := w.read(ctx, s.Fleet.URL((i+n)%s.Fleet.Size()), part, n%2 == 1); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// finish reads what is there in the end, from every replica: nothing is lost
// and all say the same.
func (s Tensors) finish(t *testing.T, w *tensorWork) {
	t.Helper()
	var first string
	for i := range s.Fleet.Size() {
		got, err := w.get(t.Context(), s.Fleet.URL(i), "")
		switch {
		case err != nil:
			t.Errorf("replica %d in the end: %v", i, err)
		case got.status != http.StatusOK || w.judge(got, byteRange{}, false) != nil:
			t.Errorf("replica %d in the end answers %d: %v", i, got.status, w.judge(got, byteRange{}, false))
		case first != "" && got.digest() != first:
			t.Errorf("replica %d in the end has %s, another %s", i, got.digest(), first)
		default:
			first = got.digest()
		}
	}
}

// tensorBody is a content of the tensor.
type tensorBody struct {
	bytes  []byte
	digest string
}

func newTensorBody(size int, writer, n uint64) tensorBody {
	source := rand.NewPCG(writer+1, n)
	b := make([]byte, 0, size)
	for len(b) < size {
		b = binary.LittleEndian.AppendUint64(b, source.Uint64())
	}
	return tensorBody{b, digestOf(b)}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// byteRange is a range of bytes, both ends included.
type byteRange struct{ first, last int }

// tensorWork is what writers and readers share, and what they have seen.
type tensorWork struct {
	fleet  Fleet
	client *http.Client
	known  map[string][]byte // what is written, by its digest

	mu                             sync.Mutex
	writes, repeats, whole, ranges int
	cut                            int // requests that broke off, or met nobody
	bytes                          int64
	seen                           map[string]bool // digests that were read
}

func (w *tensorWork) wrote(tries int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	w.repeats += tries - 1
}

func (w *tensorWork) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("%d written, %d tries repeated; %d read whole and %d ranges, %d MiB of %d contents; %d reads broke off or met nobody",
		w.writes, w.repeats, w.whole, w.ranges, w.bytes>>20, len(w.seen), w.cut)
}

func tensorURL(url string) string { return url + "/sessions/" + session + "/tensors/shared" }

// write sees one write through, beginning with the replica whose turn it is.
func (w *tensorWork) write(ctx context.Context, turn int, key string, b tensorBody) (tries int, err error) {
	return persist(ctx, w.fleet, turn, func(ctx context.Context, url string) (int, error) { return w.put(ctx, url, key, b) })
}

// put makes one request; it succeeds when the answer has the digest.
func (w *tensorWork) put(ctx context.Context, url, key string, b tensorBody) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, tensorURL(url), bytes.NewReader(b.bytes))
	if err != nil {
		return 0, err
	}
	req.GetBody = nil
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("X-Tensor-Dtype", "u8")
	req.Header.Set("X-Tensor-Shape", strconv.Itoa(len(b.bytes)))
	req.Header.Set("Idempotency-Key", key)
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }() // read whole, or of no use
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return resp.StatusCode, fmt.Errorf("answered %d %s", resp.StatusCode, text)
	}
	if !strings.Contains(string(text), b.digest) {
		return http.StatusOK, fmt.Errorf("%s was answered %s", b.digest, text)
	}
	return resp.StatusCode, nil
}

// tensorRead is an answer that came to its end.
type tensorRead struct {
	status int
	etag   string
	span   string // Content-Range
	body   []byte
}

// digest is what the entity tag of a whole tensor's bytes is.
func (r tensorRead) digest() string { return strings.Trim(r.etag, `"`) }

// get makes one request; its error is that of the connection.
func (w *tensorWork) get(ctx context.Context, url, span string) (tensorRead, error) {
	if url == "" {
		return tensorRead{}, errors.New("nobody knows where it is")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, tensorURL(url), http.NoBody)
	if err != nil {
		return tensorRead{}, err
	}
	req.Header.Set("Accept", "application/octet-stream")
	if span != "" {
		req.Header.Set("Range", span)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return tensorRead{}, err
	}
	defer func() { _ = resp.Body.Close() }() // read whole, or of no use
	body, err := io.ReadAll(resp.Body)
	return tensorRead{resp.StatusCode, resp.Header.Get("ETag"), resp.Header.Get("Content-Range"), body}, err
}

// read makes one request and judges what came to its end.
func (w *tensorWork) read(ctx context.Context, url string, part byteRange, ranged bool) error {
	span := ""
	if ranged {
		span = fmt.Sprintf("bytes=%d-%d", part.first, part.last)
	}
	got, err := w.get(ctx, url, span)
	broke := err != nil || got.status >= http.StatusInternalServerError
	if broke {
		pause(ctx) // until somebody is there
	} else if err := w.judge(got, part, ranged); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case broke:
		w.cut++
		return nil
	case ranged:
		w.ranges++
	default:
		w.whole++
	}
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	w.seen[got.digest()] = true
	w.bytes += int64(len(got.body))
	return nil
}

// judge tells what is wrong with an answer: it must be of one content that was
// written, the one that its entity tag names.
func (w *tensorWork) judge(got tensorRead, part byteRange, ranged bool) error {
	want, ok := w.known[got.digest()]
	status := http.StatusOK
	if ranged {
		status = http.StatusPartialContent
	}
	switch {
	case got.status != status:
		return fmt.Errorf("answered %d %.200s, want %d", got.status, got.body, status)
	case !ok:
		return fmt.Errorf("the entity tag %s is of nothing that was written", got.etag)
	case !ranged && digestOf(got.body) != got.digest():
		return fmt.Errorf("%d bytes with the digest %s came as %s", len(got.body), digestOf(got.body), got.etag)
	case ranged && got.span != fmt.Sprintf("bytes %d-%d/%d", part.first, part.last, len(want)):
		return fmt.Errorf("the range %v came as %q", part, got.span)
	case ranged && !bytes.Equal(got.body, want[part.first:part.last+1]):
		return fmt.Errorf("the range %v is not of the content that %s names", part, got.etag)
	}
	return nil
}

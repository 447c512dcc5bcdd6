package redisstore_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"toolpit/internal/store"
	"toolpit/internal/store/storetest/redistest"
	"toolpit/internal/value"
)

// A fork begins with the keys that were copied. Whatever makes the first of the
// others, it must get an expiry.
func TestEveryKeyOfAForkExpires(t *testing.T) {
	url := redistest.Start(t)
	s, c := open(t, url, store.Config{}), raw(t, url)
	ctx := t.Context()
	apply := func(t *testing.T, ref store.Ref, w store.Write, ops ...store.Op) {
		t.Helper()
		if _, err := s.Apply(ctx, ref, store.Unit{Write: w, Ops: ops}); err != nil {
			t.Fatal(err)
		}
	}
	parent := func(ops ...store.Op) store.Ref {
		ref := store.Ref{Owner: "o", ID: store.MintID()}
		if _, err := s.Create(ctx, ref, store.NewSession{Write: write("t"), TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
		for _, op := range ops {
			apply(t, ref, write("t"), op)
		}
		return ref
	}
	text, number := store.Put("a", value.Text("x")), store.Add("n", 1).StartingAt(0)
	lease := store.Lease{Token: "mine", TTL: time.Minute}
	full := parent(text, text, text, number, number)
	once := parent(text, number) // without a history
	gone := parent(text, number, store.Delete("a"), store.Delete("n"))
	empty := parent()
	for _, tc := range []struct {
		name    string
		parents []store.Ref
		first   []store.Op
	}{
		{"put", []store.Ref{full, once, gone, empty}, []store.Op{text}},
		{"ensure", []store.Ref{gone, empty}, []store.Op{store.Ensure("a", value.Text("x"))}},
		{"content", []store.Ref{full, once, gone, empty}, []store.Op{store.PutContent("a", store.Content{Value: value.Text("x"), Metadata: []byte(`{"k":1}`)})}},
		{"increment", []store.Ref{full, once, gone, empty}, []store.Op{number}},
		{"put a number", []store.Ref{full, once}, []store.Op{store.Put("n", value.Int(5))}},
		{"patch", []store.Ref{full, once}, []store.Op{store.Patch("a", nil, []byte(`{"k":1}`))}},
		{"rollback", []store.Ref{full}, []store.Op{store.Rollback("a", 1)}},
		{"lock", []store.Ref{full, once}, []store.Op{store.AcquireLock("a", lease)}},
		{"delete", []store.Ref{full, once}, []store.Op{store.Delete("a")}},
		{"delete a number", []store.Ref{full, once}, []store.Op{store.Delete("n")}},
		{"delete all", []store.Ref{full, once}, []store.Op{store.Delete("a"), store.Delete("n")}},
		{"create", []store.Ref{full, gone, empty}, []store.Op{store.Create("b", value.Bool(true))}},
		{"tensor", []store.Ref{full, once, gone, empty}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, ref := range tc.parents {
				for _, w := range []store.Write{write("t"), keyed("first change")} {
					child := ref.MintFork()
					if _, err := s.Fork(ctx, ref, child, store.NewSession{Write: write("t")}); err != nil {
						t.Fatal(err)
					}
					ops := tc.first
					if ops == nil {
						ops = []store.Op{store.CreateContent("t", staged(t, s, child, []byte("bytes")))}
					}
					apply(t, child, w, ops...)
					wantMortal(t, c)
				}
			}
		})
	}
}

// wantMortal requires that Redis drops every key of every session.
func wantMortal(t *testing.T, c *redis.Client) {
	t.Helper()
	keys := sessionKeys(t, c)
	if len(keys) == 0 {
		t.Error("there are no keys")
	}
	for _, k := range keys {
		if left := c.PTTL(t.Context(), k).Val(); left == -1 {
			t.Errorf("key %q is never dropped", k)
		}
	}
}

// staged stages a tensor of bytes and returns what a variable is to be given.
func staged(t *testing.T, s store.Store, ref store.Ref, raw []byte) store.Content {
	t.Helper()
	w := store.NewBlobWriter(t.Context(), s, ref, int64(len(raw)))
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	upload, digest, err := w.Finish()
	if err != nil {
		t.Fatal(err)
	}
	w.Keep()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	v, err := value.Descriptor{
		Dtype: value.U8, Shape: []int64{upload.Bytes}, Order: value.RowMajor, Bytes: upload.Bytes, Digest: digest,
	}.Value()
	if err != nil {
		t.Fatal(err)
	}
	return store.Content{Value: v, Upload: &upload}
}

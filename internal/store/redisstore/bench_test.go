package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/store"
	"toolpit/internal/store/redisstore"
	"toolpit/internal/store/storetest/redistest"
)

// BenchmarkApply is the unit that counts: one addition under a fresh token.
func BenchmarkApply(b *testing.B) {
	url := redistest.Start(b)
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s, err := redisstore.Open(url, store.Config{}, redisstore.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			refs := make([]store.Ref, callers)
			for i := range refs {
				refs[i] = store.Ref{Owner: "bench", ID: store.MintID()}
				if _, err := s.Create(b.Context(), refs[i], store.NewSession{Write: write("bench"), TTL: time.Hour}); err != nil {
					b.Fatal(err)
				}
			}
			var group errgroup.Group
			b.ReportAllocs()
			b.ResetTimer()
			for i, ref := range refs {
				n := b.N / callers
				if i < b.N%callers {
					n++
				}
				group.Go(func() error {
					for range n {
						u := store.Unit{Write: write("bench"), Count: true, Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
						if _, err := s.Apply(b.Context(), ref, u); err != nil {
							return err
						}
					}
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

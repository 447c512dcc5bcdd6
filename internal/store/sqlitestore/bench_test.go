package sqlitestore_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/store"
	"toolpit/internal/store/sqlitestore"
)

// BenchmarkApply is the unit that counts: one addition under a fresh token.
func BenchmarkApply(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "store.db"), store.Config{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			refs := make([]store.Ref, callers)
			for i := range refs {
				refs[i] = store.Ref{Owner: "bench", ID: store.MintID()}
				if _, err := s.Create(b.Context(), refs[i], store.NewSession{Write: write(), TTL: time.Hour}); err != nil {
					b.Fatal(err)
				}
			}
			var group errgroup.Group
			b.ReportAllocs()
			b.ResetTimer()
			for i, ref := range refs {
				n := b.N / callers
				if i == 0 {
					n += b.N % callers
				}
				group.Go(func() error {
					for range n {
						u := store.Unit{Write: write(), Count: true, Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
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

// BenchmarkRead is a read of one variable.
func BenchmarkRead(b *testing.B) {
	s, err := sqlitestore.Open(b.Context(), filepath.Join(b.TempDir(), "store.db"), store.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	ref := store.Ref{Owner: "bench", ID: store.MintID()}
	if _, err := s.Create(b.Context(), ref, store.NewSession{Write: write(), TTL: time.Hour}); err != nil {
		b.Fatal(err)
	}
	u := store.Unit{Write: write(), Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
	if _, err := s.Apply(b.Context(), ref, u); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Read(b.Context(), ref, "n"); err != nil {
			b.Fatal(err)
		}
	}
}

package redisstore_test

import (
	"strings"
	"testing"
	"time"

	"toolpit/internal/store"
	"toolpit/internal/store/storetest/redistest"
)

// A script whose hash is lost works all the same, and costs fifty times as much.
func TestScriptsAreSentByTheirHash(t *testing.T) {
	url := redistest.Start(t)
	s, c := open(t, url, store.Config{}), raw(t, url)
	ref := store.Ref{Owner: "o", ID: store.MintID()}
	if _, err := s.Create(t.Context(), ref, store.NewSession{Write: write("test"), TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Apply(t.Context(), ref, store.Unit{Write: write("test"), Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}); err != nil {
		t.Fatal(err)
	}
	stats, err := c.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stats, "cmdstat_evalsha:") || strings.Contains(stats, "cmdstat_eval:") {
		t.Errorf("the statistics are\n%s", stats)
	}
}

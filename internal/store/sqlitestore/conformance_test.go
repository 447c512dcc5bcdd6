package sqlitestore_test

import (
	"testing"

	"toolpit/internal/store"
	"toolpit/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T, cfg store.Config) store.Store {
		t.Helper()
		return open(t, filed(t), cfg)
	})
}

func TestReplicas(t *testing.T) {
	storetest.RunReplicas(t, func(t *testing.T, cfg store.Config) (a, b store.Store) {
		t.Helper()
		path := filed(t)
		return open(t, path, cfg), open(t, path, cfg)
	})
}

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

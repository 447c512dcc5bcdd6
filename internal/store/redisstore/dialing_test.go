package redisstore_test

import (
	"errors"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/store/storetest/redistest"
)

// However often nobody was there, the first call finds a server that is back.
func TestAServerThatIsBackIsFoundAtOnce(t *testing.T) {
	const failures = 200 // more than connections that a pool may have
	server := redistest.StartServer(t)
	s := open(t, server.URL(), store.Config{})
	server.Kill()
	for range failures {
		if _, err := s.Now(t.Context()); !errors.Is(err, fault.StoreUnavailable) {
			t.Fatalf("without a server: %v", err)
		}
		if _, _, err := s.Recall(t.Context(), "o", write("t")); !errors.Is(err, fault.StoreUnavailable) {
			t.Fatalf("without a server: %v", err)
		}
	}
	server.Restart()
	if _, err := s.Create(t.Context(), store.Ref{Owner: "o", ID: "back"}, store.NewSession{Write: write("t"), TTL: time.Hour}); err != nil {
		t.Errorf("the server is back, and the first call is answered %v", err)
	}
}

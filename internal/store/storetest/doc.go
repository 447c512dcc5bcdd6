// Package storetest is the contract of package store as a test suite. Every
// back end must pass it, and where the suite and a comment disagree, the suite
// is right.
//
// [Run] holds what every back end must do. [RunFaults] is for those that are
// reached over a wire, and takes the wire away: replies are lost, the server
// hangs, nobody listens. [RunReplicas] is for those that can be opened twice.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T, cfg store.Config) store.Store {
//			s, err := newstore.Open(t.Context(), url, cfg)
//			if err != nil {
//				t.Fatal(err)
//			}
//			t.Cleanup(func() { _ = s.Close() })
//			return s
//		})
//	}
//
// Stores may share their data, with each other and with whatever else uses the
// same server, so no test touches what it has not made: owners and ids are
// random and are printed when a test fails, as are the seeds of random
// histories (TOOLPIT_TEST_SEED sets them; the model test has rapid's own
// flags). Nothing sleeps: a test moves its store's clock with a [Clock].
//
// Two rules keep tests apart that share a server. Only the housekeeping tests
// sweep, one at a time, with clocks at most [sweepHorizon] ahead; and all
// others give their sessions more than that to live. The sweeping of blobs and
// uploads needs clocks that are up to half an hour ahead: two runs of the whole
// suite at the same time need two servers.
//
// The package is not for driver details: what a key or a table looks like is
// tested in the back end.
package storetest

package storetest

import (
	"testing"

	"toolpit/internal/store"
)

// opener opens a store and closes it when the test ends.
type opener func(t *testing.T, cfg store.Config) store.Store

// topic is one group of the suite's tests.
type topic struct {
	name string
	test func(t *testing.T, open opener)
}

// Run tests that the stores which open returns keep the contract. The opener
// closes them when its test ends.
func Run(t *testing.T, open func(t *testing.T, cfg store.Config) store.Store) {
	for _, topic := range []topic{
		{"Sessions", testSessions},
		{"Matches", testMatches},
		{"ReadOnly", testReadOnly},
		{"Owners", testOwners},
		{"Listing", testListing},
		{"Variables", testVariables},
		{"Preconditions", testPreconditions},
		{"Content", testContent},
		{"Patches", testPatches},
		{"Replacements", testReplacements},
		{"History", testHistory},
		{"Rollbacks", testRollbacks},
		{"Locks", testLocks},
		{"Each", testEach},
		{"VariableLists", testVariableLists},
		{"Blobs", testBlobs},
		{"Forks", testForks},
		{"Usage", testUsage},
		{"Following", testFollowing},
		{"Counters", testCounters},
		{"Units", testUnits},
		{"Refusals", testRefusals},
		{"Changes", testChanges},
		{"Limits", testLimits},
		{"Tokens", testTokens},
		{"Drafts", testDrafts},
		{"Answers", testAnswers},
		{"Expiry", testExpiry},
		{"Records", testRecords},
		{"Incarnations", testIncarnations},
		{"Epochs", testEpochs},
		{"RealTime", testRealTime},
		{"Housekeeping", testHousekeeping},
		{"BlobEnds", testBlobEnds},
		{"Identifiers", testIdentifiers},
		{"Values", testValues},
		{"Calls", testCalls},
		{"Concurrency", testConcurrency},
		{"Histories", testHistories},
		{"Model", testModel},
	} {
		t.Run(topic.name, func(t *testing.T) { topic.test(t, open) })
	}
}

package redisstore_test

import "os"

// long tells whether tests may take their time: CI lets them.
func long() bool { return os.Getenv("TOOLPIT_TEST_LONG") != "" }

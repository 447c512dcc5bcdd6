package powerloss_test

import (
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite" // the driver, for integrity_check

	"toolpit/internal/store/storetest/redistest"
	"toolpit/powerloss"
)

var (
	instants = flag.Int("instants", 20, "how often each store loses its power")
	seed     = flag.Uint64("seed", rand.Uint64(), "of the instants, and of what is torn")
)

const (
	clients = 4
	// The power goes at some instant in this time after the first request.
	shortest, longest = 100 * time.Millisecond, 2600 * time.Millisecond
)

// machine is a computer with a store on its disk.
type machine struct {
	replica *replica
	crash   func()             // ends, at once, what uses the disk
	boot    func()             // starts it again
	inspect func(t *testing.T) // looks at the files, when all is over
}

// onSQLite is a toolpit whose file is on the volume.
func onSQLite(args ...string) func(*testing.T, *powerloss.Volume) *machine {
	return func(t *testing.T, v *powerloss.Volume) *machine {
		t.Helper()
		path := filepath.Join(v.Dir, "toolpit.db")
		args := append([]string{"--store", "sqlite:" + path}, args...)
		m := &machine{replica: serve(t, args...)}
		m.crash = func() { m.replica.kill() }
		m.boot = func() { m.replica = serve(t, args...) }
		m.inspect = func(t *testing.T) {
			t.Helper()
			m.replica.kill()
			wantIntact(t, path)
		}
		return m
	}
}

// wantIntact requires a SQLite file without damage.
func wantIntact(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity_check says %q (%v)", verdict, err)
	}
}

// onRedis is a Redis whose append-only file is on the volume; the toolpit in
// front of it has power all the time.
func onRedis(fsync string) func(*testing.T, *powerloss.Volume) *machine {
	return func(t *testing.T, v *powerloss.Volume) *machine {
		t.Helper()
		server := redistest.StartServer(t, "--dir", v.Dir, "--appendonly", "yes", "--appendfsync", fsync)
		m := &machine{replica: serve(t, "--store", server.URL()), crash: server.Kill}
		m.boot = func() {
			server.Restart()
			m.replica.ready()
		}
		m.inspect = func(*testing.T) {}
		return m
	}
}

func TestPowerLoss(t *testing.T) {
	t.Logf("seed %d: repeat with -args -seed %d", *seed, *seed)
	for i, tc := range []struct {
		name  string
		start func(*testing.T, *powerloss.Volume) *machine
		worst time.Duration // how old a lost write may be; 0: none may be lost
	}{
		{"SQLite", onSQLite(), 2 * time.Second},
		{"SQLite, durability fsync", onSQLite("--durability", "fsync"), 0},
		{"Redis with appendfsync everysec", onRedis("everysec"), 2 * time.Second},
		{"Redis with appendfsync always", onRedis("always"), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(*seed, uint64(i)))
			var all damage
			struck := 0
			for instant := range *instants {
				after, tear := shortest+time.Duration(rng.Int64N(int64(longest-shortest))), instant%2 == 1
				name := fmt.Sprintf("after %v, torn %t", after.Round(time.Millisecond), tear)
				t.Run(name, func(t *testing.T) {
					d := strike(t, tc.start, after, func(v *powerloss.Volume) {
						if tear {
							v.Tear(rng)
						} else {
							v.Cut()
						}
					})
					t.Logf("%d acknowledged, %d lost, the oldest %v before the cut", d.acknowledged, d.lost, d.oldest.Round(time.Millisecond))
					if d.lost > 0 {
						struck++
					}
					all.add(d)
				})
			}
			t.Logf("%d instants: %d acknowledged, %d lost, at %d of the instants, the oldest %v before the cut",
				*instants, all.acknowledged, all.lost, struck, all.oldest.Round(time.Millisecond))
			if all.acknowledged == 0 {
				t.Error("nothing was acknowledged")
			}
			if tc.worst == 0 && all.lost > 0 || all.oldest > tc.worst {
				t.Errorf("acknowledged writes were lost that were up to %v old, want at most %v", all.oldest, tc.worst)
			}
		})
	}
}

// strike cuts the power in the middle of the clients' work and returns what it
// took from them.
func strike(t *testing.T, start func(*testing.T, *powerloss.Volume) *machine, after time.Duration, cut func(*powerloss.Volume)) damage {
	t.Helper()
	v := powerloss.Mount(t)
	m := start(t, v)
	crowd := make([]client, clients)
	var group errgroup.Group
	for i := range crowd {
		crowd[i].session = fmt.Sprintf("client-%d", i)
		if err := crowd[i].create(t.Context(), m.replica); err != nil {
			t.Fatal(err)
		}
	}
	for i := range crowd {
		group.Go(func() error { return crowd[i].run(t.Context(), m.replica) })
	}
	<-time.After(after)
	m.crash()
	gone := time.Now()
	cut(v)
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	m.boot()
	var d damage
	for i := range crowd {
		d.add(crowd[i].settle(t, m.replica, gone))
	}
	m.inspect(t)
	return d
}

package sqlitestore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"toolpit/internal/store"
	"toolpit/internal/store/sqlitestore"
)

const (
	// childEnv names the file to a child process that increments until it is
	// killed.
	childEnv    = "TOOLPIT_SQLITESTORE_CHILD"
	killWriters = 4
	killAfter   = 700 * time.Millisecond
)

var killRef = store.Ref{Owner: "owner", ID: "killed"}

// stroke is the nth increment of one writer.
func stroke(writer, n int) store.Unit {
	w := store.Write{Token: store.KeyedToken(fmt.Sprintf("%d/%d", writer, n)), By: "test"}
	return store.Unit{Write: w, Count: true, Ops: []store.Op{store.Add("n", 1).StartingAt(0)}}
}

// increment is the child: it prints each increment that was acknowledged.
func increment(ctx context.Context, path string) error {
	s, err := sqlitestore.Open(ctx, path, store.Config{})
	if err != nil {
		return err
	}
	if _, err := s.Create(ctx, killRef, store.NewSession{Write: write(), TTL: time.Hour}); err != nil {
		return err
	}
	var group errgroup.Group
	for writer := range killWriters {
		group.Go(func() error {
			for n := 0; ; n++ {
				if _, err := s.Apply(ctx, killRef, stroke(writer, n)); err != nil {
					return err
				}
				if _, err := fmt.Fprintf(os.Stdout, "%d %d\n", writer, n); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}

func TestAKilledProcessLosesAndRepeatsNothing(t *testing.T) {
	path := filed(t)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged [killWriters]int
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var writer, n int
		if _, err := fmt.Sscan(lines.Text(), &writer, &n); err != nil {
			break // the line that was cut
		}
		if n == 0 && writer == 0 {
			time.AfterFunc(killAfter, func() { _ = child.Process.Kill() })
		}
		acknowledged[writer] = n + 1
	}
	_ = child.Wait() // it was killed, which is an error to Wait

	s := open(t, path, store.Config{})
	counted, err := s.Read(t.Context(), killRef, "n")
	if err != nil {
		t.Fatal(err)
	}
	stored, _ := counted.Variables["n"].Value.Int64()
	applied, sum := int64(0), 0
	for writer, n := range acknowledged {
		sum += n
		for i := range n + 1 { // one may have been applied without being acknowledged
			answer, err := s.Apply(t.Context(), killRef, stroke(writer, i))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case answer.Replayed:
				applied++
			case i < n:
				t.Errorf("writer %d lost its acknowledged increment %d", writer, i)
			}
		}
	}
	if sum == 0 {
		t.Fatal("the child acknowledged nothing")
	}
	if stored != applied {
		t.Errorf("the counter was %d after %d increments", stored, applied)
	}
	t.Logf("%d acknowledged, %d applied", sum, applied)
}

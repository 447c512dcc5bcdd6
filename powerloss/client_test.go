package powerloss_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// client increments the counter of a session of its own, one increment after
// the other, the nth under the key n. So the counter tells how many of the
// increments there are, and which.
type client struct {
	session string
	// When each increment was acknowledged. The first of them is number 1.
	acknowledged []time.Time
}

func (c *client) create(ctx context.Context, r *replica) error {
	body := fmt.Sprintf(`{"id":%q,"if_exists":"return"}`, c.session)
	return r.call(ctx, http.MethodPost, "/sessions", "", body, nil)
}

func (c *client) execute(ctx context.Context, r *replica, tool, key string) (execution, error) {
	var got execution
	err := r.call(ctx, http.MethodPost, "/sessions/"+c.session+"/execute", key, fmt.Sprintf(`{"tool":%q}`, tool), &got)
	return got, err
}

// increment returns the counter after the nth increment.
func (c *client) increment(ctx context.Context, r *replica, n int) (execution, error) {
	return c.execute(ctx, r, "increment_counter", fmt.Sprintf("key-%d", n))
}

// run increments until an answer stays away.
func (c *client) run(ctx context.Context, r *replica) error {
	for n := 1; ; n++ {
		got, err := c.increment(ctx, r, n)
		switch {
		case errors.Is(err, errRefused):
			return err
		case err != nil:
			return nil //nolint:nilerr // this is how it ends
		case got.Result.Value != n || got.replayed:
			return fmt.Errorf("session %s: increment %d was answered %d (replayed: %t)", c.session, n, got.Result.Value, got.replayed)
		}
		c.acknowledged = append(c.acknowledged, time.Now())
	}
}

// damage is what the loss of power took from clients.
type damage struct {
	acknowledged, lost int
	oldest             time.Duration // between the acknowledgement of the oldest of the lost and the cut
}

func (d *damage) add(other damage) {
	d.acknowledged += other.acknowledged
	d.lost += other.lost
	d.oldest = max(d.oldest, other.oldest)
}

// settle finds out what is left and repeats what was lost, and the last of what
// was not: a survivor must be known by its key, a lost increment must not.
func (c *client) settle(t *testing.T, r *replica, cut time.Time) damage {
	t.Helper()
	const survivors = 50 // are repeated
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := c.create(ctx, r); err != nil {
		t.Fatal(err)
	}
	got, err := c.execute(ctx, r, "get_counter", "")
	if err != nil {
		t.Fatal(err)
	}
	left, acknowledged := got.Result.Value, len(c.acknowledged)
	d := damage{acknowledged: acknowledged}
	if left < acknowledged {
		d.lost, d.oldest = acknowledged-left, cut.Sub(c.acknowledged[left])
	}
	if left > acknowledged+1 {
		t.Errorf("session %s: %d increments are left of %d and one more", c.session, left, acknowledged)
	}
	for n := max(1, left-survivors+1); n <= max(acknowledged, left); n++ {
		got, err := c.increment(ctx, r, n)
		if err != nil {
			t.Fatal(err)
		}
		if got.Result.Value != n || got.replayed != (n <= left) {
			t.Fatalf("session %s, of whose %d increments %d are left: the %dth was answered %d (replayed: %t)",
				c.session, acknowledged, left, n, got.Result.Value, got.replayed)
		}
	}
	var session struct {
		Commands int `json:"command_count"`
	}
	if err := r.call(ctx, http.MethodGet, "/sessions/"+c.session, "", "", &session); err != nil {
		t.Fatal(err)
	}
	got, err = c.execute(ctx, r, "get_counter", "")
	if want := max(acknowledged, left); err != nil || got.Result.Value != want {
		t.Errorf("session %s: the counter is %d (%v) in the end, want %d", c.session, got.Result.Value, err, want)
	}
	return d
}

package toolstest

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/tools"
)

// Client calls tools in one session, as a table of a test wants it.
type Client struct {
	Store store.Store
	Ref   store.Ref
	bench *bench
}

// NewClient makes a session for a group of tools, in a store of its own.
func NewClient(t *testing.T, group []tools.Tool) *Client {
	t.Helper()
	s := Subject{Tools: group, store: OpenStore(t, store.Config{})}
	b := newBench(t, s)
	return &Client{Store: s.store, Ref: b.ref, bench: b}
}

// Apply changes the session past the tools.
func (c *Client) Apply(t *testing.T, ops ...store.Op) store.Applied {
	t.Helper()
	applied, err := c.Store.Apply(t.Context(), c.Ref, store.Unit{Write: write(), Ops: ops})
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

// Call is one call of a tool.
type Call struct {
	Tool, Arguments string
	Key             string // the Idempotency-Key
	LockToken       string
}

// Try makes a call and returns the answer as it was written.
func (c *Client) Try(t *testing.T, call Call) (string, *fault.Error) {
	t.Helper()
	run, err := c.bench.engines[0].Prepare(t.Context(), tools.Invocation{
		Owner: c.Ref.Owner, SessionID: c.Ref.ID, Tool: call.Tool, Arguments: []byte(call.Arguments),
		Key: call.Key, LockToken: call.LockToken, Fingerprint: sha256.Sum256([]byte(call.Tool + call.Arguments)),
	})
	if err != nil {
		return "", fault.From(err)
	}
	r, err := run.Do(t.Context())
	return string(r.Value), fault.From(err)
}

// Must makes a call that succeeds and decodes the answer into target.
func (c *Client) Must(t *testing.T, tool, arguments string, target any) {
	t.Helper()
	raw, err := c.Try(t, Call{Tool: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s %s: %v %v", tool, arguments, err, err.Violations)
	}
	if err := json.Unmarshal([]byte(raw), target); err != nil {
		t.Fatalf("%s %s answers %s: %v", tool, arguments, raw, err)
	}
}

// Gives makes a call that answers want: JSON, of which each member must be the
// same in the answer, and each number in the same digits.
func (c *Client) Gives(t *testing.T, tool, arguments, want string) {
	t.Helper()
	raw, err := c.Try(t, Call{Tool: tool, Arguments: arguments})
	if err != nil {
		t.Errorf("%s %s: %v %v", tool, arguments, err, err.Violations)
		return
	}
	got, wanted := decode(t, []byte(raw)).(map[string]any), decode(t, []byte(want)).(map[string]any)
	for name := range got {
		if _, ok := wanted[name]; !ok {
			delete(got, name)
		}
	}
	if d := cmp.Diff(wanted, got); d != "" {
		t.Errorf("%s %s (-want +got):\n%s", tool, arguments, d)
	}
}

// Refuses makes a call that fails with code, at pointer if that is not "".
func (c *Client) Refuses(t *testing.T, tool, arguments string, code fault.Code, pointer string) {
	t.Helper()
	_, err := c.Try(t, Call{Tool: tool, Arguments: arguments})
	if err == nil || err.Code != code {
		t.Errorf("%s %s: %v, want %s", tool, arguments, err, code)
		return
	}
	if pointer != "" && !slices.ContainsFunc(err.Violations, func(v fault.Violation) bool { return v.Pointer == pointer }) {
		t.Errorf("%s %s: nothing at %s in %v", tool, arguments, pointer, err.Violations)
	}
}

// Repeats makes a call with a key, changes the session, and makes it again: the
// answer must be the same, whatever it is.
func (c *Client) Repeats(t *testing.T, tool, arguments string, change func()) {
	t.Helper()
	call := Call{Tool: tool, Arguments: arguments, Key: newKey()}
	first, firstErr := c.Try(t, call)
	change()
	second, secondErr := c.Try(t, call)
	if first != second || fault.CodeOf(asError(firstErr)) != fault.CodeOf(asError(secondErr)) {
		t.Errorf("%s %s answered\n%s %v\nand then\n%s %v", tool, arguments, first, firstErr, second, secondErr)
	}
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// mostSessions is how many sessions a caller has at the same time.
const mostSessions = 16

// session is one that lives, as far as its caller knows.
type session struct{ id, etag string }

// keyed is a call that was answered under its key.
type keyed struct {
	call   *call
	status int
}

// caller makes calls one after the other. Its sessions and keys are its own,
// so that it knows what to expect.
type caller struct {
	id       string
	base     string
	client   *http.Client
	contract *contract
	tally    *tally
	values   values
	rnd      *rand.Rand

	made     int // calls
	sessions []session
	cursors  map[string]string // by path
	answered []keyed
}

func newCaller(n int, seed uint64, base string, client *http.Client, c *contract, t *tally) *caller {
	rnd := rand.New(rand.NewPCG(seed, uint64(n)))
	return &caller{
		id: "c" + strconv.Itoa(n), base: base, client: client, contract: c, tally: t,
		values: values{rnd}, rnd: rnd, cursors: map[string]string{},
	}
}

// run makes valid calls and breaks twice as many, until so many are broken.
func (c *caller) run(ctx context.Context, broken int) error {
	for n := 0; n < broken && ctx.Err() == nil; {
		if err := c.provide(ctx); err != nil {
			return err
		}
		one := c.valid(pick(c.rnd, c.contract.turns))
		switch {
		case c.rnd.IntN(3) == 0:
			if one.method != http.MethodGet && c.rnd.IntN(3) == 0 {
				if err := c.repeat(ctx); err != nil {
					return err
				}
			}
		case !c.breakIn(one):
			continue
		default:
			n++
		}
		if _, err := c.make(ctx, one); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// cover makes more calls of an operation that chance has spared a refusal, or a
// call by the book, but does not go on forever.
func (c *caller) cover(ctx context.Context) error {
	const most = 300
	for _, o := range c.contract.operations {
		for _, class := range classes {
			for try := 0; try < most && !c.tally.answered(o, class.hundreds) && ctx.Err() == nil; try++ {
				if err := c.provide(ctx); err != nil {
					return err
				}
				one := c.valid(o)
				if class.hundreds == 4 && !c.breakIn(one) {
					continue
				}
				if _, err := c.make(ctx, one); err != nil {
					return err
				}
			}
		}
	}
	return ctx.Err()
}

// provide creates sessions until there are some.
func (c *caller) provide(ctx context.Context) error {
	for len(c.sessions) < 3 {
		for _, o := range c.contract.operations {
			if o.id == "createSession" {
				if _, err := c.make(ctx, c.valid(o)); err != nil {
					return err
				}
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// valid makes up a call that has to be accepted.
func (c *caller) valid(o operation) *call {
	var s session
	if strings.Contains(o.path, "{id}") {
		s = pick(c.rnd, c.sessions)
	}
	return c.validIn(o, s)
}

// validIn makes up a call that has to be accepted, in a session.
func (c *caller) validIn(o operation, s session) *call {
	one := prepared(o)
	one.set("X-Request-Id", fmt.Sprintf("%s-%d", c.id, c.made))
	if strings.Contains(o.path, "{id}") {
		one.session, one.path = s.id, strings.Replace(o.path, "{id}", s.id, 1)
		if o.has("header", "If-Match") && c.rnd.IntN(2) == 0 && variables[o.id] != "" {
			one.set("If-Match", "*")
		} else if o.has("header", "If-Match") && c.rnd.IntN(2) == 0 && !strings.Contains(o.path, "{name}") {
			one.set("If-Match", pick(c.rnd, []string{s.etag, "*"}))
		}
		if o.has("header", "X-Lock-Token") {
			one.set("X-Lock-Token", c.lockToken())
		}
	}
	one.path = strings.Replace(one.path, "{name}", c.name(o), 1)
	if all := queries[o.id]; all != nil {
		one.query = pick(c.rnd, all)
	}
	if all := o.accepts(); all != nil {
		one.set("Accept", pick(c.rnd, all))
	}
	if o.has("header", "Idempotency-Key") && c.rnd.IntN(2) == 0 {
		one.set("Idempotency-Key", fmt.Sprintf("%s-%d", c.id, c.made))
	}
	if o.has("query", "limit") && one.query == "" && c.rnd.IntN(2) == 0 {
		one.query = "limit=" + strconv.Itoa(pick(c.rnd, []int{1, 2, 100, 1000}))
		if cursor := c.cursors[one.path]; cursor != "" && c.rnd.IntN(2) == 0 {
			one.query += "&cursor=" + cursor
		}
	}
	switch {
	case o.takesBinary() && c.rnd.IntN(3) > 0:
		c.binary(one)
		one.chunked = c.rnd.IntN(4) == 0
	case o.body != nil:
		one.body = c.content(o, false).tree.append(nil)
		one.set("Content-Type", pick(c.rnd, []string{"application/json", "application/json; charset=utf-8"}))
		one.chunked = c.rnd.IntN(4) == 0
		one.notice()
	}
	return one
}

// toolName draws the name of a tool that the document describes.
func (c *caller) toolName() string {
	var all []string
	for name := range c.contract.doc.Components.Schemas {
		if tool, ok := strings.CutSuffix(name, ".arguments"); ok {
			all = append(all, tool)
		}
	}
	slices.Sort(all)
	return pick(c.rnd, all)
}

// content draws a body: an example of the document where tools are called, for
// only examples have arguments that make sense, else what the schema allows.
func (c *caller) content(o operation, edge bool) draft {
	d := draft{schema: o.body}
	if by := bodies[o.id]; by != nil {
		d.tree = by(c)
		return d
	}
	if o.body.Properties["tool"] == nil {
		d.tree = c.values.object(o.body, edge)
		if o.id == "createSession" {
			// Others have no use for the ids that the schema allows: they are taken.
			d.tree = d.tree.without("id")
			if c.rnd.IntN(2) == 0 {
				d.tree = d.tree.with("id", text(fmt.Sprintf("%s~%d", c.id, c.made)))
			}
		}
		if d.tree.get("ttl_seconds") != nil {
			d.tree = d.tree.with("ttl_seconds", raw(strconv.Itoa(60+c.rnd.IntN(1000))))
		}
		return d
	}
	media := o.spec.RequestBody.Value.Content.Get("application/json")
	var examples []string
	for name, e := range media.Examples {
		if edge || !strings.HasSuffix(e.Value.Summary, ")") { // those fail, as they say in parentheses
			examples = append(examples, name)
		}
	}
	slices.Sort(examples)
	d.tree, _ = treeOf(media.Examples[pick(c.rnd, examples)].Value.Value).(object)
	if d.tree.get("timeout_ms") == nil && c.rnd.IntN(4) == 0 {
		d.tree = d.tree.with("timeout_ms", raw(pick(c.rnd, []string{"5000", "300000", "1.0e4"})))
	}
	if name, ok := d.tree.get("tool").(text); ok {
		d.args = c.contract.tool(string(name), "arguments")
	}
	return d
}

// breakIn breaks one thing of a valid call. It tells whether it could.
func (c *caller) breakIn(one *call) bool {
	o := c.operation(one.operation)
	if o.body != nil && c.rnd.IntN(3) > 0 {
		return c.spoilBody(o, one)
	}
	b := pick(c.rnd, blows)
	one.how = b.name
	return b.apply(c.rnd, o, one)
}

func (c *caller) operation(id string) operation {
	i := slices.IndexFunc(c.contract.operations, func(o operation) bool { return o.id == id })
	return c.contract.operations[i]
}

// spoilBody breaks the body of a call.
func (c *caller) spoilBody(o operation, one *call) bool {
	if one.binary {
		b := pick(c.rnd, bends)
		one.how, one.expect = b.name, b.expect
		b.apply(c.values, one)
		return true
	}
	d := c.content(o, true)
	defer func() { one.notice() }()
	switch n := c.rnd.IntN(10); {
	case n < 2: // the bounds, which are still allowed
		one.how, one.expect = "at its bounds", open
		if d.args != nil {
			d.tree = d.tree.with("arguments", c.values.object(d.args, true))
		} else {
			d.tree = c.values.object(d.schema, true)
		}
		one.body = d.tree.append(nil)
	case n < 3:
		one.how, one.expect = "odd texts", open
		one.body = c.values.strange(d.tree).append(nil)
	case n < 6:
		g := pick(c.rnd, garbles)
		one.how, one.expect = g.name, g.expect
		if g.name == "too large" && o.id == "importSession" {
			one.expect = open // a session may be larger than other bodies
		}
		one.body = g.apply(c.values, d.tree.append(nil))
	default:
		s := pick(c.rnd, spoils)
		one.how, one.expect = s.name, refused
		tree := object(nil)
		if arguments, ok := d.tree.get("arguments").(object); ok && d.args != nil && c.rnd.IntN(2) == 0 {
			one.how += ", in the arguments"
			if inner := s.apply(c.values, arguments, d.args); inner != nil {
				tree = d.tree.with("arguments", inner)
			}
		} else {
			tree = s.apply(c.values, d.tree, d.schema)
		}
		if tree == nil {
			return false
		}
		one.body = tree.append(nil)
	}
	return true
}

// make sends a call, judges the answer and learns from it.
func (c *caller) make(ctx context.Context, one *call) (answer, error) {
	c.made++
	req, a, err := send(ctx, c.client, c.base, one)
	if err != nil {
		return a, fmt.Errorf("%s: %w", one, err)
	}
	c.tally.add(one, a)
	if err := c.contract.check(req, a); err != nil {
		c.tally.complain(one, a, err)
	}
	if err := judge(one, a); err != nil {
		c.tally.complain(one, a, err)
	}
	c.learn(one, a)
	if one.operation == "createSession" && a.status == http.StatusCreated && len(c.sessions) > 0 {
		return a, c.seed(ctx, c.sessions[len(c.sessions)-1])
	}
	return a, nil
}

// seed gives a new session what calls by the book expect to find.
func (c *caller) seed(ctx context.Context, s session) error {
	for _, id := range seeds {
		one := c.validIn(c.operation(id), s)
		delete(one.header, "If-Match") // there is nothing yet
		if _, err := c.make(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// judge compares an answer with what was expected.
func judge(one *call, a answer) error {
	switch {
	case a.status >= http.StatusInternalServerError && !one.asked:
		return fmt.Errorf("the answer is %d", a.status)
	case one.expect == refused && (a.status < http.StatusBadRequest):
		return fmt.Errorf("the answer is %d, but the document forbids the call", a.status)
	case one.expect == accepted && a.status == http.StatusBadRequest:
		return fmt.Errorf("the answer is %d, but the document allows the call", a.status)
	}
	return nil
}

// learn keeps what later calls can use.
func (c *caller) learn(one *call, a answer) {
	var body struct {
		ID   string `json:"id"`
		Next string `json:"next_cursor"`
	}
	ok := a.status < http.StatusMultipleChoices
	if ok {
		_ = json.Unmarshal(a.body, &body) // bodies without an id have none
	}
	switch {
	case !ok && (a.status == http.StatusNotFound || a.status == http.StatusGone) && one.expect == accepted && one.session != "":
		c.forget(one.session)
	case !ok:
	case one.operation == "deleteSession" && one.method == http.MethodDelete, one.ends:
		c.forget(one.session)
	case one.operation == "createSession" && body.ID != "" || one.operation == "updateSession":
		c.forget(body.ID)
		c.sessions = append(c.sessions, session{body.ID, a.header.Get("ETag")})
		if len(c.sessions) > mostSessions {
			c.sessions = c.sessions[1:]
		}
	case body.Next != "":
		c.cursors[one.path] = body.Next
	}
	if keys := one.header["Idempotency-Key"]; ok && len(keys) == 1 && one.expect == accepted && !onlyReads(one) {
		if c.answered = append(c.answered, keyed{one, a.status}); len(c.answered) > mostSessions {
			c.answered = c.answered[1:]
		}
	}
}

// onlyReads tells of a call that is a POST and changes nothing: its key is
// checked and stands for nothing, so that it is answered anew.
func onlyReads(one *call) bool {
	return one.operation == "exportSession" || one.operation == "batchVariables" && bytes.Contains(one.body, []byte(`"get"`))
}

func (c *caller) forget(id string) {
	c.sessions = slices.DeleteFunc(c.sessions, func(s session) bool { return s.id == id })
}

// repeat makes an earlier call again, which must be answered as before, or
// changes its body under the same key, which must be refused.
func (c *caller) repeat(ctx context.Context) error {
	if len(c.answered) == 0 {
		return nil
	}
	i := c.rnd.IntN(len(c.answered))
	earlier := c.answered[i]
	c.answered = slices.Delete(c.answered, i, i+1)
	again := *earlier.call
	again.header = again.header.Clone()
	again.how, again.expect = "repeated", open
	gone := again.session != "" && !slices.ContainsFunc(c.sessions, func(s session) bool { return s.id == again.session })
	if !gone && len(again.body) > 0 && c.rnd.IntN(3) == 0 {
		again.how, again.expect = "another body under a key", refused
		again.body = slices.Clone(again.body)
		if again.binary {
			again.body[len(again.body)-1] ^= 1
		} else {
			again.body = append(again.body, ' ')
		}
	}
	a, err := c.make(ctx, &again)
	if err != nil {
		return err
	}
	if again.expect == open && !gone && (a.status != earlier.status || a.header.Get("Idempotency-Replayed") != "true") {
		c.tally.complain(&again, a, fmt.Errorf("the call was answered with %d before, and is not repeated", earlier.status))
	}
	if again.expect == refused && a.status != http.StatusUnprocessableEntity {
		c.tally.complain(&again, a, fmt.Errorf("the key stands for another call"))
	}
	return nil
}

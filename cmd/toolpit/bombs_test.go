package main_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// swiftest sends a request several times, until it was fast enough, and returns
// the last answer and the least time: what the machine does besides is not the
// server's.
func (p *process) swiftest(t *testing.T, path, body string, enough time.Duration) (answer, time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var a answer
	best := patience
	for try := 0; try < 100 && best > enough; try++ {
		var err error
		start := time.Now()
		if a, err = send(ctx, http.DefaultClient, http.MethodPost, p.url+path, "", body); err != nil {
			t.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	return a, best
}

// TestJSONBombs sends a megabyte of what is dear to read. How much memory it
// costs is a test of package server.
func TestJSONBombs(t *testing.T) {
	const limit = 20 * time.Millisecond
	p := serve(t, "--log-level", "error", "--store", "sqlite:"+t.TempDir()+"/bombs.db")
	p.ready(t)
	const size = 1<<20 - 100
	fill := func(part string) string { return strings.TrimSuffix(strings.Repeat(part, size/len(part)), ",") }
	names := func(name func(i int) string) string {
		var b strings.Builder
		for i := 0; b.Len() < size-40; i++ {
			b.WriteString(`"` + name(i) + `":0,`)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	longest := time.Duration(0)
	for name, body := range map[string]string{
		"100,000 levels of arrays":  strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		"100,000 levels of objects": strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"levels of arguments":       `{"tool":"echo","arguments":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000) + "}",
		"arrays":                    fill("[],"),
		"arrays in an array":        "[" + fill("[],") + "]",
		"arrays in arguments":       `{"tool":"echo","arguments":{"a":[` + fill("[],") + `]}}`,
		"objects":                   "[" + fill("{},") + "]",
		"one name":                  "{" + names(func(int) string { return "a" }) + "}",
		"a name twice, at the end":  `{"tool":"echo","arguments":{` + names(strconv.Itoa) + `,"0":0}}`,
		"names":                     "{" + names(strconv.Itoa) + "}",
		"names with escapes":        "{" + names(func(i int) string { return `\u0041` + strconv.Itoa(i) }) + "}",
		"digits":                    fill("7"),
		"digits in a member":        `{"tool":"echo","timeout_ms":` + fill("7") + `}`,
		"digits after a point":      `{"tool":"add","arguments":{"a":0.` + fill("7")[:200_000] + `e999999999,"b":1}}`,
		"1e400":                     `{"tool":"add","arguments":{"a":1e400,"b":1}}`,
		"many 1e400":                `{"tool":"add","arguments":[` + fill("1e400,") + `]}`,
		"bad UTF-8":                 `{"tool":"` + fill("é") + "\xff" + `"}`,
		"only bad UTF-8":            `{"tool":"` + fill("\xff") + `"}`,
		"half surrogate pairs":      `{"tool":"` + fill(`\ud800`) + `"}`,
		"a string without an end":   `{"tool":"` + fill("x"),
		"backslashes":               `{"tool":"` + fill(`\\`) + `"}`,
		"blanks":                    fill(" "),
	} {
		a, took := p.swiftest(t, "/execute", body, limit/2)
		longest = max(longest, took)
		if a.status < 400 || a.status > 499 {
			t.Errorf("%s: %d %.200s", name, a.status, a.body)
		}
		// A machine that is slow at the moment is slow at everything.
		if allowed := max(limit, 9*yardstick()/2); took > allowed {
			t.Errorf("%s: refused after %s, want at most %s", name, took, allowed)
		}
	}
	t.Logf("all are refused, the slowest after %s; %s is the aim, and the yardstick takes %s", longest.Round(10*time.Microsecond), limit, yardstick())
	p.must(t, 200, "POST", "/execute", "", `{"tool":"ping"}`)
}

// yardstick returns how long this machine takes at the moment for some work that
// no compiler flag changes: at its best a quarter of what a bomb may take.
func yardstick() time.Duration {
	const size, tries = 8 << 20, 5
	work := make([]byte, size)
	best := time.Hour
	for range tries {
		start := time.Now()
		_ = sha256.Sum256(work)
		best = min(best, time.Since(start))
	}
	return best
}

// hostile draws an expression that is meant to take long or much.
func hostile(rnd *rand.Rand) string {
	pick := func(from ...string) string { return from[rnd.IntN(len(from))] }
	number := func() string {
		return pick("9", "1", "2", "9223372036854775807", "3e307", "7e-324", "1e308", "0.1", ".9", "9e307", "9007199254740993", "307.9", "1e-300", "5e-324", "1.7976931348623157e308")
	}
	operator := func() string { return pick("+", "-", "*", "/", "//", "%", "**") }
	function := func() string {
		return pick("sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "exp", "log", "log10", "round", "abs", "floor", "ceil", "factorial", "min", "max", "sum", "pow", "nothing")
	}
	const most = 1024
	fill := func(part string) string { return strings.Repeat(part, (most-20)/len(part)) }
	switch rnd.IntN(9) {
	case 0: // a tower
		return fill(number()[:1]+"**") + "9"
	case 1: // a chain of one operator on numbers far apart
		return fill(number()+operator()+number()+pick("+", "-")) + "1"
	case 2: // calls
		return fill(function()+"("+number()+")"+operator()) + "1"
	case 3: // calls inside calls
		n := 1 + rnd.IntN(100)
		return strings.Repeat(function()+"(", n) + number() + strings.Repeat(")", n)
	case 4: // parentheses and signs
		n := 1 + rnd.IntN(500)
		return strings.Repeat(pick("(", "-", "+-", "(-"), n/2) + number() + strings.Repeat(")", rnd.IntN(n))
	case 5: // many arguments
		return pick("sum", "max", "min", "round", "sin") + "(" + fill(number()+",") + "1)"
	case 6: // long numbers and names
		return fill(pick("9", "0", ".", "x", "_", "1e", "e", "0x", "é", "1_000"))
	case 7: // rounding far away
		return fill("round("+number()+",-"+strconv.Itoa(rnd.IntN(400))+")+") + "1"
	default: // anything
		var b strings.Builder
		for b.Len() < 900 {
			b.WriteString(pick(number(), operator(), "(", ")", ",", function(), " ", "\t", "\n", "\u00a0", "\"", "[", "lambda", "__import__"))
		}
		return b.String()
	}
}

// TestHostileExpressions computes five hundred expressions. Each has its time at
// the client, and its memory
// from the server's metrics, less what the same request costs with nothing to
// compute.
func TestHostileExpressions(t *testing.T) {
	const (
		count    = 500
		most     = 10 * time.Millisecond
		memory   = 1 << 20
		repeated = 20 // at most: what the machine does besides is not the server's
	)
	p := serve(t, "--log-level", "error", "--store", "sqlite:"+t.TempDir()+"/hostile.db")
	p.ready(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))

	cost := func(source string) (took time.Duration, allocated float64, status int) {
		body, err := json.Marshal(map[string]any{"tool": "compute", "arguments": map[string]string{"expression": source}})
		if err != nil {
			t.Fatal(err)
		}
		took, allocated = patience, 1e18
		for try := 0; try < repeated && (try < 2 || took > most/2 || allocated > memory); try++ {
			before := p.metric(t, "go_memstats_alloc_bytes_total")
			start := time.Now()
			a, err := send(t.Context(), http.DefaultClient, http.MethodPost, p.url+"/execute", "", string(body))
			if err != nil {
				t.Fatal(err)
			}
			took = min(took, time.Since(start))
			allocated = min(allocated, p.metric(t, "go_memstats_alloc_bytes_total")-before)
			status = a.status
		}
		return took, allocated, status
	}
	_, nothing, _ := cost("1")
	var slowest time.Duration
	var dearest float64
	statuses := map[int]int{}
	for range count {
		source := hostile(rnd)
		took, allocated, status := cost(source)
		statuses[status]++
		slowest, dearest = max(slowest, took), max(dearest, allocated-nothing)
		if status != 200 && status != 422 {
			t.Errorf("seed %d: %d for %.200q", seed, status, source)
		}
		if took > most || allocated-nothing > memory {
			t.Errorf("seed %d: %s and %.0f bytes for %q", seed, took, allocated-nothing, source)
		}
	}
	t.Logf("%d expressions, answered %v: at most %s and %s each", count, statuses, slowest.Round(10*time.Microsecond), fmt.Sprintf("%.0f KiB", dearest/1024))
}

// metric reads a series that has no labels.
func (p *process) metric(t *testing.T, name string) float64 {
	t.Helper()
	_, after, ok := strings.Cut(p.must(t, 200, "GET", "/metrics", "", "").body, "\n"+name+" ")
	if !ok {
		t.Fatalf("/metrics has no %s", name)
	}
	line, _, _ := strings.Cut(after, "\n")
	v, err := strconv.ParseFloat(line, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

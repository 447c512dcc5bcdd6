package scenario

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// told is a change as a watcher was told it.
type told struct {
	id             int64
	name           string
	version, value int64
	superseded     bool // it has no value
	at             time.Time
}

// newTold reads an event. Only changes that the writer makes may be told: no
// gap, no problem, no end of the session.
func newTold(m message) (told, error) {
	var data struct {
		Seq        int64  `json:"seq"`
		Name       string `json:"name"`
		Version    int64  `json:"version"`
		Superseded bool   `json:"superseded"`
		Variable   *struct {
			Name    string `json:"name"`
			Version int64  `json:"version"`
			Value   int64  `json:"value"`
		} `json:"variable"`
	}
	if m.kind != "registered" && m.kind != "value_change" {
		return told{}, fmt.Errorf("it was told %q %.500s", m.kind, m.data)
	}
	if err := json.Unmarshal([]byte(m.data), &data); err != nil {
		return told{}, fmt.Errorf("it was told %s %.500s: %w", m.kind, m.data, err)
	}
	v := data.Variable
	number, session, named := strings.Cut(m.id, "-")
	fits := strconv.FormatInt(data.Seq, 10) == number && named && session != "" && (m.kind == "registered") == (data.Version == 1) &&
		data.Superseded == (v == nil) && (v == nil || v.Name == data.Name && v.Version == data.Version)
	if !fits {
		return told{}, fmt.Errorf("event %q, %s, contradicts itself: %.500s", m.id, m.kind, m.data)
	}
	e := told{id: data.Seq, name: data.Name, version: data.Version, superseded: data.Superseded, at: time.Now()}
	if v != nil {
		e.value = v.Value
	}
	return e, nil
}

// named is a version of a variable.
type named struct {
	name    string
	version int64
}

func (n named) String() string { return fmt.Sprintf("version %d of %s", n.version, n.name) }

// places tells which of the changes made a version.
func places(written []change) map[named]int {
	at := make(map[named]int, len(written))
	for i, c := range written {
		at[named{c.name, c.version}] = i
	}
	return at
}

// auditTold compares what one watcher was told with what the writer was
// answered: everything, once, in that order, under numbers that rise and with
// versions that follow each other.
func auditTold(written []change, heard []told) []string {
	const most = 10
	var complaints []string
	complain := func(format string, args ...any) { complaints = append(complaints, fmt.Sprintf(format, args...)) }
	at := places(written)
	times := make([]int, len(written))
	versions := map[string]int64{}
	id, place := int64(0), -1
	for _, e := range heard {
		what := named{e.name, e.version}
		if e.id <= id {
			complain("%s came as event %d, after event %d", what, e.id, id)
		}
		if before := versions[e.name]; e.version != before+1 {
			complain("%s came after version %d", what, before)
		}
		id, versions[e.name] = e.id, e.version
		i, ok := at[what]
		if !ok {
			complain("%s was told, and nobody was answered so", what)
			continue
		}
		if times[i]++; times[i] == 2 {
			complain("doubled: %s", what)
		}
		if i < place {
			complain("%s was told after a later change", what)
		}
		if !e.superseded && e.value != written[i].value {
			complain("%s was told as %d, written as %d", what, e.value, written[i].value)
		}
		place = i
	}
	for i, n := range times {
		if n == 0 {
			complain("lost: %s", named{written[i].name, written[i].version})
		}
	}
	if more := len(complaints) - most; more > 0 {
		complaints = append(complaints[:most], fmt.Sprintf("and %d complaints more", more))
	}
	return complaints
}

// lateness is how long after its acknowledgement each change was told.
func lateness(written []change, heard []told) []time.Duration {
	at := places(written)
	var late []time.Duration
	for _, e := range heard {
		if i, ok := at[named{e.name, e.version}]; ok {
			late = append(late, max(0, e.at.Sub(written[i].at)))
		}
	}
	return late
}

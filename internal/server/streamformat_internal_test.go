package server

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readEvents reads text/event-stream as the HTML standard says.
func readEvents(text string) (events []event) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	var e event
	var data []string
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			e.id, _ = strconv.ParseInt(value, 10, 64)
		case "event":
			e.kind = value
		case "data":
			data = append(data, value)
		case "":
			if line == "" {
				e.data = []byte(strings.Join(data, "\n"))
				events = append(events, e)
				e, data = event{}, nil
			}
		}
	}
	return events
}

// FuzzStreamFormat writes events of arbitrary names, one after the other, and
// data of all JSON texts, and reads them back: as many, and the same.
func FuzzStreamFormat(f *testing.F) {
	f.Add(int64(1), "value_change", `{"a": [1, "x"]}`)
	f.Add(int64(0), "a\ndata: {}\n\nid: 9", "[\r\n1,\r2\n]")
	f.Add(int64(-5), "\r", `"\u2028 "`)
	f.Add(int64(3), "", `1`)
	f.Fuzz(func(t *testing.T, id int64, kind, data string) {
		if !jsontext.Value(data).IsValid() {
			return
		}
		e := event{id: id, kind: kind, data: jsontext.Value(data)}
		after := event{id: 77, kind: "after", data: jsontext.Value(`{}`)}

		text := sse.append(sse.append(sse.appendHeartbeat(sse.appendOpening(nil)), e), after)
		// The opening and the heartbeat are blocks without an event.
		events := readEvents(string(text))
		if len(events) != 4 || events[3].id != 77 || events[3].kind != "after" || string(events[3].data) != "{}" {
			t.Fatalf("%q is read as %+v", text, events)
		}
		checkEvent(t, e, events[2])

		lines := bytes.Split(ndjson.append(ndjson.append(ndjson.appendHeartbeat(nil), e), after), []byte("\n"))
		if len(lines) != 4 || len(lines[3]) != 0 {
			t.Fatalf("%q", lines)
		}
		var o struct {
			ID    int64          `json:"id"`
			Event string         `json:"event"`
			Data  jsontext.Value `json:"data"`
		}
		if err := json.Unmarshal(lines[1], &o); err != nil {
			t.Fatalf("%q: %v", lines[1], err)
		}
		checkEvent(t, e, event{id: o.ID, kind: strings.NewReplacer("\r", " ", "\n", " ").Replace(o.Event), data: o.Data})
	})
}

func checkEvent(t *testing.T, want, got event) {
	t.Helper()
	if got.id != max(want.id, 0) {
		t.Errorf("the id is %d, not %d", got.id, want.id)
	}
	if want.kind == "" {
		if len(got.data) > 0 {
			t.Errorf("an event that tells only its id has the data %s", got.data)
		}
		return
	}
	kind := strings.ToValidUTF8(strings.NewReplacer("\r", " ", "\n", " ").Replace(want.kind), "\ufffd")
	if strings.ToValidUTF8(got.kind, "\ufffd") != kind && strings.Count(got.kind, "\ufffd") == 0 {
		t.Errorf("the kind is %q, not %q", got.kind, kind)
	}
	a, b := want.data.Clone(), got.data.Clone()
	if a.Canonicalize() != nil || b.Canonicalize() != nil || !bytes.Equal(a, b) {
		t.Errorf("the data are %s, not %s", got.data, want.data)
	}
}

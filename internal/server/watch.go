package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/watch"
)

// gapEvent tells that a part of the log is not there any more.
const gapEvent = "gap"

// watchRoute is the one route that answers with a stream only.
const watchRoute = "/sessions/{id}/watch"

const (
	// maxSnapshot is how many variables a snapshot reads at once, at most.
	maxSnapshot = 32
	// snapshotBytes is what a part of it takes: a page, and the page as events.
	snapshotBytes = 3 * store.PageBytes
	// snapshotOverhead is what a variable takes beside its size.
	snapshotOverhead = 512
)

// WatchSession checks the query strictly and streams what happens in a session.
func (e *edge) WatchSession(w http.ResponseWriter, r *http.Request, id api.SessionID, params api.WatchSessionParams) {
	query, err := queryOf(r.URL.RawQuery)
	for _, initial := range query["include_initial"] {
		if initial != "true" && initial != "false" {
			err = refuseParameter("include_initial", "is true or false")
		}
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	e.ServerInterface.WatchSession(w, r, id, params)
}

// WatchSession streams what happens in a session.
func (s *service) WatchSession(ctx context.Context, req api.WatchSessionRequestObject) (api.WatchSessionResponseObject, error) {
	x := exchangeOf(ctx)
	ref, err := refOf(x, req.ID)
	if err != nil {
		return nil, err
	}
	format, err := acceptedStream(x.request.Header)
	if err != nil {
		return nil, err
	}
	names, err := watchedNames(req.Params.Names)
	if err != nil {
		return nil, err
	}
	after, initial, err := watchedFrom(req.Params)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	hub, err := s.watch.Watch(ctx, ref, after)
	x.stored(start)
	if err != nil {
		return nil, err
	}
	w := &watched{service: s, ref: ref, hub: hub, names: names}
	if initial {
		w.snapshot = &snapshot{seq: hub.Position()}
	}
	return &watchStream{
		stream: stream{
			exchange: x, format: format, after: hub.Position(), log: logOf(hub.Epoch()), next: w.next, stop: s.streams,
			delivered: s.series.watched,
		},
		watched: w,
	}, nil
}

// logOf is what ids say of the session, so that they are not taken for those of
// a later one of the same id. Sessions from before there were epochs have none.
func logOf(epoch string) string {
	if isLogName(epoch) {
		return epoch
	}
	return ""
}

// watchStream is a stream that gives its place among the watchers back.
type watchStream struct {
	stream

	watched *watched
}

// VisitWatchSessionResponse sends the stream.
func (a *watchStream) VisitWatchSessionResponse(w http.ResponseWriter) error {
	defer a.watched.hub.Close()
	metrics := a.watched.service.series.of
	metrics.WatchBegan()
	defer metrics.WatchEnded()
	return a.send(w)
}

// watchedNames reads which variables are watched; nil is all. Errors:
// InvalidRequest.
func watchedNames(list *string) (map[string]bool, error) {
	if list == nil {
		return nil, nil
	}
	names := map[string]bool{}
	for name := range strings.SplitSeq(*list, ",") {
		if !isVariableName(name) {
			return nil, refuseParameter("names", "lists names with commas between, each of which "+variableNameRule)
		}
		if names[name] = true; len(names) > store.MaxOps {
			return nil, refuseParameter("names", fmt.Sprintf("lists at most %d names", store.MaxOps))
		}
	}
	return names, nil
}

// watchedFrom reads where a watch begins: after a position, nil for the present,
// and whether with a snapshot. A browser that comes back repeats its address,
// and has its snapshot already. Errors: InvalidRequest.
func watchedFrom(params api.WatchSessionParams) (after *watch.Position, initial bool, err error) {
	p, err := readPosition(params.LastEventID, params.After)
	if err != nil {
		return nil, false, err
	}
	initial = params.IncludeInitial != nil && *params.IncludeInitial
	if initial && params.After != nil {
		return nil, false, refuseParameter("after", "and include_initial exclude each other: one goes on, the other begins")
	}
	if params.LastEventID == nil && params.After == nil {
		return nil, initial, nil
	}
	return &watch.Position{Seq: p.seq, Epoch: p.log}, false, nil
}

// watched is the source of a stream of changes. It keeps its position by itself.
type watched struct {
	service  *service
	ref      store.Ref
	hub      *watch.Watch
	names    map[string]bool // nil: all
	snapshot *snapshot       // nil when there is none, or it has been told
}

// snapshot is how far the variables of a session have been told.
type snapshot struct {
	seq   int64  // they are of that number or later
	after string // name of the last one
}

func (w *watched) wants(name string) bool { return w.names == nil || w.names[name] }

// next is the source; see the type next.
func (w *watched) next(ctx context.Context, after int64) ([]event, error) {
	if w.snapshot != nil {
		return w.initial(ctx, after)
	}
	b, err := w.hub.Next(ctx)
	if err != nil {
		return nil, err
	}
	var events []event
	if b.Gap != nil {
		data := strconv.AppendInt([]byte(`{"from":`), b.Gap.From, 10)
		data = strconv.AppendInt(append(data, `,"to":`...), b.Gap.To, 10)
		events = append(events, event{id: b.Gap.To, kind: gapEvent, data: append(data, '}')})
	}
	for _, e := range b.Entries {
		events = w.appendEntry(events, e)
	}
	if n := len(b.Entries); n > 0 && (len(events) == 0 || events[len(events)-1].id < b.Entries[n-1].Seq) {
		events = append(events, event{id: b.Entries[n-1].Seq}) // nothing of it concerns this reader
	}
	if !b.Expiring.IsZero() {
		data := appendTime([]byte(`{"expires_at":`), b.Expiring)
		events = append(events, event{kind: "session_expiring", data: append(data, '}')})
	}
	if b.Closed != "" {
		data := appendText([]byte(`{"reason":`), string(b.Closed))
		events = append(events, event{kind: "session_closed", data: append(data, '}'), final: true})
	}
	return events, nil
}

// appendEntry appends the items of a change that the reader wants. Only the last
// moves its position: whoever is cut off before gets all of them again.
func (w *watched) appendEntry(events []event, e *watch.Entry) []event {
	before := len(events)
	for i, text := range e.Texts(w.text) {
		if item := e.Items[i]; w.wants(item.Name) {
			events = append(events, event{kind: changeName(item.Kind), data: text})
		}
	}
	if len(events) > before {
		events[len(events)-1].id = e.Seq
	}
	return events
}

// changeName is what a kind of change is called.
func changeName(k store.ChangeKind) string {
	switch k {
	case store.Registered:
		return "registered"
	case store.ConstraintChanged:
		return "constraint_change"
	case store.RolledBack:
		return "rollback"
	case store.Deleted:
		return "deleted"
	case store.Locked:
		return "locked"
	case store.Unlocked:
		return "unlocked"
	default:
		return "value_change"
	}
}

// text is the data of an item. It is the same for everybody who watches the
// session.
func (w *watched) text(c store.Change, item store.ChangeItem, v *store.Variable) []byte {
	b := strconv.AppendInt([]byte(`{"seq":`), c.Seq, 10)
	b = append(b, ',')
	b = appendWhat(b, item.Name, item.Version, c.At, c.By)
	if v != nil {
		b = appendVariable(append(b, `,"variable":`...), w.ref, *v)
	} else if watch.Superseded(item, v) {
		b = append(b, `,"superseded":true`...)
	}
	return append(b, '}')
}

// appendWhat appends the members that all events about a variable have.
func appendWhat(b []byte, name string, version int64, at time.Time, by string) []byte {
	b = appendText(append(b, `"name":`...), name)
	b = strconv.AppendInt(append(b, `,"version":`...), version, 10)
	b = appendTime(append(b, `,"at":`...), at)
	return appendText(append(b, `,"updated_by":`...), by)
}

// initial tells a part of the snapshot. It was begun after the watch, so that
// what happens meanwhile is told afterwards, and nothing falls in between.
func (w *watched) initial(ctx context.Context, after int64) ([]event, error) {
	if err := w.hub.Reserve(ctx, snapshotBytes); err != nil {
		return nil, err
	}
	for {
		variables, last, err := w.service.snapshotPart(ctx, w.ref, w.names, w.snapshot.after)
		switch {
		case errors.Is(err, fault.SessionNotFound) || errors.Is(err, fault.SessionExpired):
			w.snapshot = nil // the hub says so as well, as an event
			return w.next(ctx, after)
		case err != nil:
			return nil, err
		}
		var events []event
		size := int64(0)
		for _, v := range variables {
			size += v.Size()
			b := appendWhat([]byte{'{'}, v.Name, v.Version, v.Updated, v.By)
			b = appendVariable(append(b, `,"variable":`...), w.ref, v)
			events = append(events, event{kind: "initial", data: append(b, '}')})
		}
		w.hub.Keep(2 * (size + int64(len(variables))*snapshotOverhead))
		if last == "" {
			seq := w.snapshot.seq
			w.snapshot = nil
			return w.finished(ctx, events, seq)
		}
		if w.snapshot.after = last; len(events) > 0 {
			return events, nil
		}
	}
}

// finished moves the position with the last event of the snapshot, or with an
// event of its own.
func (w *watched) finished(ctx context.Context, events []event, seq int64) ([]event, error) {
	switch {
	case len(events) > 0:
		events[len(events)-1].id = seq
	case seq > 0:
		events = []event{{id: seq}}
	default:
		return w.next(ctx, seq)
	}
	return events, nil
}

// snapshotPart returns some variables after a name, and the name from which to
// go on, "" when there are no more.
func (s *service) snapshotPart(ctx context.Context, ref store.Ref, names map[string]bool, after string) ([]store.Variable, string, error) {
	if names == nil {
		page, err := s.store.ListVariables(ctx, ref, store.VariableQuery{Limit: maxSnapshot, After: after})
		return page.Items, page.Next, err
	}
	var some []string
	last := ""
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if name > after {
			if len(some) == maxSnapshot {
				last = some[maxSnapshot-1]
				break
			}
			some = append(some, name)
		}
	}
	found, err := s.store.ReadPart(ctx, ref, store.PageBytes, some...)
	if err != nil {
		return nil, "", err
	}
	if found.Left > 0 {
		some = some[:len(some)-found.Left]
		last = some[len(some)-1]
	}
	var variables []store.Variable
	for _, name := range some {
		if v, ok := found.Variables[name]; ok {
			variables = append(variables, v)
		}
	}
	return variables, last, nil
}

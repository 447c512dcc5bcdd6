package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// BatchVariables reads or writes several variables at one instant.
func (s *service) BatchVariables(ctx context.Context, req api.BatchVariablesRequestObject) (api.BatchVariablesResponseObject, error) {
	x := exchangeOf(ctx)
	ref, err := refOf(x, req.ID)
	if err != nil {
		return nil, err
	}
	if req.Body.Get != nil {
		return s.batchGet(ctx, x, ref, req.Params.IdempotencyKey, req.Body.Get)
	}
	items, err := batchItems(req.Body.Set)
	if err != nil {
		return nil, err
	}
	return s.batchSet(ctx, x, ref, req.Params.IdempotencyKey, items, req.Body.Atomic)
}

// separated appends the comma between two members or elements, if one is needed.
func separated(b []byte) []byte {
	if last := b[len(b)-1]; last != '{' && last != '[' {
		b = append(b, ',')
	}
	return b
}

// batchItem is one variable that a batch writes.
type batchItem struct {
	name    string
	body    *api.PutVariableRequest
	content store.Content
	version int64        // what it was written as
	refused *fault.Error // why it was not written; its pointers lead into the item
}

func (i batchItem) pointer() string {
	return string(jsontext.Pointer("/set").AppendToken(i.name))
}

// batchItems reads the member set. Errors: InvalidRequest, MissingParameter,
// UnknownParameter, with all violations.
func batchItems(set json.RawMessage) ([]batchItem, error) {
	const at = jsontext.Pointer("/set")
	var items []batchItem
	c := complaints{}
	eachMember(&c, at, jsontext.Value(set), func(name []byte, raw jsontext.Value) {
		if len(items) == store.MaxOps {
			if !c.about(string(at)) {
				c.add(at, fault.ConstraintViolation, fmt.Sprintf("Expected at most %d members.", store.MaxOps))
			}
			return
		}
		item := batchItem{name: string(name)}
		if !isVariableName(item.name) {
			c.add(jsontext.Pointer(item.pointer()), fault.ConstraintViolation, "A variable's name "+variableNameRule+".")
		}
		item.body = putBody.nested(&c, jsontext.Pointer(item.pointer()), raw, putVariable)
		items = append(items, item)
	})
	return items, c.verdict()
}

// batchSet writes.
func (s *service) batchSet(ctx context.Context, x *exchange, ref store.Ref, key *string, items []batchItem, atomic bool) (api.BatchVariablesResponseObject, error) {
	unit := store.Unit{Each: !atomic}
	var given []int // which item each operation is of
	for i := range items {
		item := &items[i]
		var err error
		if item.content, err = contentOf(item.body, ref, item.name); err != nil {
			item.refused = fault.From(err)
			continue
		}
		op, err := condition{expected: item.body.ExpectedVersion}.on(store.PutContent(item.name, item.content))
		if err != nil {
			return nil, err
		}
		unit.Ops = append(unit.Ops, op)
		given = append(given, i)
	}
	if atomic && len(given) < len(items) {
		s.judge(ctx, ref, unit.Ops, given, items)
		return nil, allRefused(items)
	}
	applied, err := s.apply(ctx, x, ref, key, unit)
	if err != nil {
		if refused, ok := errors.AsType[*store.OpError](err); ok && refused.Index < len(given) {
			item, next := &items[given[refused.Index]], refused.Index+1
			item.refused = fault.From(explained(refused.Err, item.content, ref, item.name))
			s.judge(ctx, ref, unit.Ops[next:], given[next:], items)
			return nil, allRefused(items)
		}
		return nil, err
	}
	for n, result := range applied.Results {
		item := &items[given[n]]
		if result.Refused == nil {
			item.version = result.Version
			continue
		}
		item.refused = fault.From(explained(result.Refused, item.content, ref, item.name))
	}
	body, err := x.appendResults([]byte(`{"results":{`), items)
	if err != nil {
		return nil, err
	}
	return rendered{exchange: x, status: http.StatusOK, body: append(body, `}}`...)}, nil
}

// judge finds out for the answer to a batch that is refused anyway what else
// speaks against it: a unit ends at the first. Locks and quotas cannot be seen.
func (s *service) judge(ctx context.Context, ref store.Ref, ops []store.Op, given []int, items []batchItem) {
	names := make([]string, len(ops))
	for n, op := range ops {
		names[n] = op.Name
	}
	found, err := s.store.Read(ctx, ref, names...)
	if err != nil {
		return // what is known is told all the same
	}
	for n, op := range ops {
		item, now := &items[given[n]], found.Variables[op.Name]
		if !op.Holds(found.Epoch, now.Version) {
			item.refused = store.WrongVersion(op.Name, now.Version)
		} else if _, err := op.Resolve(now, nil, s.limits.Session); err != nil {
			item.refused = fault.From(explained(err, item.content, ref, item.name))
		}
	}
}

// appendResults appends what became of the items of a batch.
func (x *exchange) appendResults(b []byte, items []batchItem) ([]byte, error) {
	for _, item := range items {
		b = append(appendText(separated(b), item.name), ':')
		if item.refused == nil {
			b = strconv.AppendInt(append(b, `{"version":`...), item.version, 10)
			b = append(b, '}')
			continue
		}
		problem, err := jsonv2.Marshal(x.described(within(item.pointer(), item.refused)), jsontext.AllowInvalidUTF8(true))
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, `{"problem":`...), problem...), '}')
	}
	return b, nil
}

// allRefused is the refusal of a batch because of some of its items, with all
// their violations. It is the first one's in all else.
func allRefused(items []batchItem) *fault.Error {
	var all *fault.Error
	for _, item := range items {
		if item.refused == nil {
			continue
		}
		e := within(item.pointer(), item.refused)
		if all == nil {
			all = e
			continue
		}
		all.Violations = append(all.Violations, e.Violations...)
		all.Facts.Suggestions = append(all.Facts.Suggestions, e.Facts.Suggestions...)
	}
	slices.Sort(all.Facts.Suggestions)
	all.Facts.Suggestions = slices.Compact(all.Facts.Suggestions)
	return all
}

// within puts a refusal below the pointer to what was refused.
func within(at string, e *fault.Error) *fault.Error {
	moved := *e
	moved.Violations = nil
	for _, v := range e.Violations {
		v.Pointer = at + v.Pointer
		moved.Violations = append(moved.Violations, v)
	}
	if moved.Violations == nil {
		moved.Violations = []fault.Violation{{Pointer: at, Code: e.Code, Detail: e.Detail}}
	}
	moved.Facts.Suggestions = slices.Clone(e.Facts.Suggestions)
	return &moved
}

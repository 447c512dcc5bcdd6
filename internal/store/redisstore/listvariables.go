package redisstore

import (
	"context"
	"errors"
	"strconv"

	"toolpit/internal/store"
)

// ListVariables implements store.Variables.
func (s *Store) ListVariables(ctx context.Context, ref store.Ref, q store.VariableQuery) (store.VariablePage, error) {
	if err := q.Check(); err != nil {
		return store.VariablePage{}, err
	}
	var page store.VariablePage
	after, bytes := q.After, int64(0)
	for range listRounds {
		// More than are wanted: a filter may let few of them through.
		names, more, err := s.names(ctx, ref, after, q.Prefix, max(q.Limit-len(page.Items), minNames))
		if err != nil {
			return store.VariablePage{}, err
		}
		for i, v := range names {
			after = v.Name
			if v.Version != 0 && q.Wants(v.Name) && (q.Type == 0 || v.Value.Type() == q.Type) {
				page.Items = append(page.Items, v)
				bytes += v.Size()
			}
			if (len(page.Items) == q.Limit || bytes > store.PageBytes) && (more || i < len(names)-1) {
				page.Next = after
				return page, nil
			}
		}
		if !more {
			return page, nil
		}
	}
	page.Next = after
	return page, nil
}

// minNames is how many names one look at the list is worth.
const minNames = 100

// names reads variables after a name, in the order of their names.
func (s *Store) names(ctx context.Context, ref store.Ref, after, prefix string, limit int) (all []store.Variable, more bool, err error) {
	first, last := "-", "+"
	switch {
	case after >= prefix && after != "":
		first = "(" + after
	case prefix != "":
		first = "[" + prefix
	}
	if end := successor(prefix); end != "" {
		last = "(" + end
	}
	reply, err := s.query(ctx, s.scripts.list, sessionKeys(ref, 0), []string{s.settings(), first, last, strconv.Itoa(limit), itoa(store.PageBytes)})
	if err != nil {
		return nil, false, err
	}
	if len(reply) >= 2 && reply[0] == "E" {
		return nil, false, sessionRefusal(reply[1], 0, nil)
	}
	if len(reply) < 2 || len(reply)%2 != 0 {
		return nil, false, damaged(errors.New("an odd list of variables"))
	}
	for i := 2; i < len(reply); i += 2 {
		v, err := parseVariable(reply[i], reply[i+1])
		if err != nil {
			return nil, false, err
		}
		all = append(all, v)
	}
	return all, reply[1] == "1", nil
}

// successor returns the least text that is greater than all that begin with
// prefix, "" when there is none.
func successor(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}
